#!/usr/bin/env bash
# closed_descriptors_test.sh SOURCE_ROOT REELD PLUGIN_DIR: whoever starts it with standard
# descriptors closed: no file of the store gets their numbers, and a result that cannot be printed
# is a failure.
set -u -o pipefail
root=$1 reeld=$2 plugins=$3
scratch=$(mktemp -d) || exit 1
pid=
trap '[[ $pid ]] && kill -9 "$pid" 2>/dev/null; rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"
export REEL_TOKEN=token-of-the-test
failures=0

# expect NAME WANTED FOUND
expect() {
    [[ $2 == "$3" ]] && return
    printf 'closed_descriptors_test: %s:\n  wanted %s\n  found  %s\n' "$1" "$2" "$3" >&2
    failures=$((failures + 1))
}

# serve_without CLOSED: CLOSED is a word for bash, such as "<&- 2>&-".
serve_without() {
    local fd patience=600 worker=
    mkdir -p "$scratch/data"
    local serve=("$reeld" serve --bind 127.0.0.1:0 --data "$scratch/data"
        --plugin "$plugins/cell/cell.so" --plugin "$plugins/formation/formation.so")
    eval 'exec "${serve[@]}" '"$1" &
    pid=$!
    until [[ $worker ]] && find "/proc/${worker% }/fd" -lname '*/data.mdb' 2>/dev/null | grep -q . ||
        ((patience-- == 0)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
        worker=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
    done
    for fd in $(grep -o '[012]' <<<"$1"); do
        expect "serve $1: descriptor $fd" /dev/null "$(readlink "/proc/$pid/fd/$fd")"
        expect "serve $1: the worker's $fd" /dev/null "$(readlink "/proc/${worker% }/fd/$fd")"
    done
    kill "$pid"
    wait "$pid"
    expect "serve $1: exit code" 0 $?
    pid=
    ! grep -aq '"level"' "$scratch/data"/* || expect "serve $1: the log" elsewhere "in the store"
    "$reeld" backup --data "$scratch/data" "$scratch/copy" 2>"$scratch/err" </dev/null
    expect "serve $1: the store after it" 0 $?
    rm -rf "$scratch/data" "$scratch/copy"
}
serve_without '0<&-'
serve_without '1>&-'
serve_without '2>&-'
serve_without '0<&- 1>&- 2>&-'

# ---- Results that cannot be printed --------------------------------------------------------------

replay=("$reeld" replay --plugin-dir "$plugins/cell")
head -n 3 "$root/examples/events.ndjson" >"$scratch/events"
"${replay[@]}" "$scratch/events" >&- 2>"$scratch/err"
expect "replay without stdout" "1 reeld replay: cannot write to stdout: Bad file descriptor" \
    "$? $(<"$scratch/err")"
"${replay[@]}" - <&- >"$scratch/out" 2>"$scratch/err"
expect "replay of stdin without one" "1" "$?"
expect "replay of stdin without one: stdout" "" "$(<"$scratch/out")"
"${replay[@]}" "$scratch/events" 2>&- >"$scratch/out"
expect "replay without stderr" "0 {" "$? $(head -c 1 "$scratch/out")"
for argument in --help --version --help=markdown; do
    "$reeld" "$argument" >&- 2>/dev/null
    expect "$argument without stdout" 1 $?
done
"$reeld" check --runs 1 "$plugins/cell/cell.so" >&- 2>/dev/null
expect "check without stdout" 1 $?

((failures == 0))
