#!/usr/bin/env bash
# replay_test.sh SOURCE_ROOT REELD PLUGIN_DIR: the command line of `reeld replay`.
set -u -o pipefail
root=$1 reeld=$2 plugins=$3
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

# expect NAME WANTED FOUND
expect() {
    [[ $2 == "$3" ]] && return
    printf 'replay_test: %s:\n  wanted %s\n  found  %s\n' "$1" "$2" "$3" >&2
    failures=$((failures + 1))
}

# run ARGUMENT...: stdout, stderr and the exit code of reeld, in `out`, `err` and `code`; the member
# `digests` at the end of the object is in `digests` instead of `out`.
run() {
    "$reeld" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    code=$?
    out=$(<"$scratch/out") err=$(<"$scratch/err")
    digests=${out##*,\"digests\":}
    [[ $digests == "$out" ]] || out=${out%,\"digests\":*}}
}

started='{"type":"dev.cellos.events.cell.lifecycle.v1.started","data":{"cellId":"c","specId":"s"}}'
record='{"id":"c","spec_id":"s","run_id":null,"state":"running","status":"running","formation_id":null,"started_at":null,"destroyed_at":null,"outcome":null,"exit_code":null}'
no_json='event payload not JSON: malformed, or more than one value'

# ---- What is printed -----------------------------------------------------------------------------

printf '%s\n\n%s\r\n\r\nnope' "$started" '{"type":"x"}' >"$scratch/events"
run replay --outcomes --plugin "$plugins/cell/cell.so" "$scratch/events"
expect "exit code" 0 "$code"
expect "the object" "{\"seen\":3,\"applied\":1,\"ignored\":1,\"rejected\":1,\"cursor\":3,\"outcomes\":[\"applied\",\"ignored\",\"rejected\"],\"rejections\":[{\"seq\":3,\"collection\":null,\"reason\":\"$no_json\"}],\"collections\":{\"cells\":[$record]}}" "$out"
expect "nothing on stderr" "" "$err"

run replay "$scratch/events"
expect "the build tree's plugins, by name" \
    "{\"seen\":3,\"applied\":1,\"ignored\":1,\"rejected\":1,\"cursor\":3,\"collections\":{\"cells\":[$record],\"formations\":[]}}" "$out"

run replay --plugin-dir "$plugins/formation" "$scratch/events"
expect "a plugin directory" \
    '{"seen":3,"applied":0,"ignored":2,"rejected":1,"cursor":3,"collections":{"formations":[]}}' "$out"

expect "the digest of no records" '{"formations":"00000000000000000000000000000000"}}' "$digests"

out=$("$reeld" replay --plugin-dir "$plugins/cell" - <"$scratch/events")
digests=${out##*,\"digests\":} out=${out%,\"digests\":*}}
[[ $digests =~ ^\{\"cells\":\"[0-9a-f]{32}\"\}\}$ ]] || expect "a digest" "32 digits" "$digests"
expect "standard input" \
    "{\"seen\":3,\"applied\":1,\"ignored\":1,\"rejected\":1,\"cursor\":3,\"collections\":{\"cells\":[$record]}}" "$out"

: >"$scratch/empty"
run replay --plugin-dir "$plugins/cell" "$scratch/empty"
expect "no events" \
    '{"seen":0,"applied":0,"ignored":0,"rejected":0,"cursor":0,"collections":{"cells":[]}}' "$out"

# A line beyond the bound of an event is one rejected event, and costs no memory.
{ head -c 40000000 /dev/zero | tr '\0' ' '; printf '\n%s\n' "$started"; } >"$scratch/long"
run replay --outcomes --plugin-dir "$plugins/cell" "$scratch/long"
expect "a line that is too long" \
    "{\"seen\":2,\"applied\":1,\"ignored\":0,\"rejected\":1,\"cursor\":2,\"outcomes\":[\"rejected\",\"applied\"],\"rejections\":[{\"seq\":1,\"collection\":null,\"reason\":\"event of 40000000 bytes, at most 1048576 are accepted\"}],\"collections\":{\"cells\":[$record]}}" "$out"

# Many events, over several batches, and twice the same.
for ((i = 0; i < 10000; i++)); do echo "${started/\"c\"/\"c$i\"}"; done >"$scratch/many"
first=$("$reeld" replay "$scratch/many" | cksum)
expect "the same twice" "$first" "$("$reeld" replay "$scratch/many" | cksum)"
run replay "$scratch/many"
expect "many" '{"seen":10000,"applied":10000,' "${out:0:30}"

# ---- What goes wrong -----------------------------------------------------------------------------

run replay "$scratch/absent"
expect "an absent file" "1 reeld replay: $scratch/absent: No such file or directory" "$code $err"
run replay --plugin "$scratch/absent.so" "$scratch/events"
expect "an absent plugin" "1 reeld replay: cannot load $scratch/absent.so: no such file" "$code $err"
run replay --plugin-dir "$scratch/absent" "$scratch/events"
expect "an absent plugin directory" "1 reeld replay: cannot read plugin directory $scratch/absent: No such file or directory" "$code $err"
run replay
expect "no file" "2 reeld replay: no file was given; see reeld --help" "$code $err"
run replay a b
expect "two files" "2 reeld replay: only one file can be given, not also b; see reeld --help" "$code $err"
run replay --wrong a
expect "a wrong option" "2 reeld replay: there is no option --wrong; see reeld --help" "$code $err"
run replay --plugin
expect "a value missing" "2 reeld replay: a value is missing after --plugin; see reeld --help" "$code $err"
run explode
expect "a wrong command" "2 reeld: there is no command \`explode\`" "$code ${err%%$'\n'*}"
run --help
expect "help" "0 reeld" "$code ${out:0:5}"
run --version
expect "version" "0 reeld $(sed -n "s/^  version: '\(.*\)',/\1/p" "$root/meson.build")" "$code $out"
if [[ -e /dev/full ]]; then
    "$reeld" replay "$scratch/events" >/dev/full 2>"$scratch/err"
    expect "a full disk behind stdout" "1 reeld replay: cannot write to stdout" \
        "$? $(cut -d: -f1,2 "$scratch/err")"
fi

((failures == 0))
