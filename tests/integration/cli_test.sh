#!/usr/bin/env bash
# cli_test.sh SOURCE_ROOT REELD: the command line: what is printed about reeld, what is refused and
# how, and that docs/settings.md and examples/reeld.json are what this reeld prints and takes.
set -u -o pipefail
root=$1 reeld=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
unset "${!REEL_@}" "${!CELLOS_@}" STATE_DIRECTORY
export XDG_STATE_HOME=$scratch/state

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"

# expect NAME WANTED FOUND
expect() {
    [[ $2 == "$3" ]] && return
    printf 'cli_test: %s:\n  wanted %s\n  found  %s\n' "$1" "$2" "$3" >&2
    failures=$((failures + 1))
}

# run ARGUMENT...: stdout, stderr and the exit code of reeld, in `out`, `err` and `code`.
run() {
    timeout 60 "$reeld" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    code=$?
    out=$(<"$scratch/out") err=$(<"$scratch/err")
}

# refused NAME CODE SENTENCE ARGUMENT...: the sentence ends what is logged; nothing is on stdout.
refused() {
    local name=$1 wanted=$2 sentence=$3
    shift 3
    run "$@"
    expect "$name: exit code" "$wanted" "$code"
    expect "$name: stdout" "" "$out"
    err=${err##*'"message":"'} err=${err%'"}'}
    expect "$name: sentence" "$sentence" "${err//\\\"/\"}"
}

# ---- What it says of itself ----------------------------------------------------------------------

run --version
expect "--version" "0 reeld $(sed -n "s/^ *version: '\(.*\)',/\1/p" "$root/meson.build")" \
    "$code $out"

run --help
help=$out
expect "--help" "0 reeld" "$code ${out:0:5}"
for command in serve replay check backup; do
    [[ $help == *"reeld ${command}"* || $help == *"reeld [$command]"* ]] ||
        expect "--help" "something about $command" "$help"
    run "$command" --help
    expect "$command --help" "0 $help" "$code $out"
done
expect "lines of at most 90 columns" "" "$(LC_ALL=C.UTF-8 grep -E '.{91}' <<<"$help")"

run --help=markdown
expect "--help=markdown" 0 "$code"
diff -u "$root/docs/settings.md" "$scratch/out" >&2 ||
    expect "docs/settings.md" "what reeld --help=markdown prints" "something else"

"$reeld" --help >/dev/full 2>"$scratch/err"
expect "a stdout that is full" 1 $?

# ---- Wrong usage ---------------------------------------------------------------------------------

run frob
expect "an unknown command" "2 reeld: there is no command \`frob\`" "$code ${err%%$'\n'*}"
refused "an unknown flag" 2 "there is no flag --frob" serve --frob
refused "an unknown flag, without a command" 2 "there is no flag --frob" --frob
refused "a word too many" 2 "\`frob\` belongs to no flag" serve frob
refused "a flag without its value" 2 "--data is without a value, wanted a text (DIR)" serve --data
run check
expect "check without a plugin" "2 reeld check: no plugin was given; see reeld --help" "$code $err"
run backup
expect "backup without a directory" \
    "2 reeld backup: no directory was given; see reeld --help" "$code $err"
run backup --frob "$scratch/copy"
expect "backup with an unknown flag" "2 reeld backup: there is no flag --frob" "$code $err"
echo "{\"data\": \"$scratch/none\", \"bind\": \"127.0.0.1:0\"}" >"$scratch/daemon.json"
run backup --config "$scratch/daemon.json" "$scratch/copy"
expect "backup with the daemon's file" \
    "1 reeld backup: cannot open $scratch/none: FORMAT: No such file or directory" "$code $err"

# ---- Settings ------------------------------------------------------------------------------------

wanted='wanted a number from 1 to 3600000 (ms)'
refused "a bad flag" 2 "--view-ms-max is \"0\", $wanted" serve --view-ms-max 0
REEL_VIEW_MS_MAX=soon refused "a bad variable" 2 \
    "environment REEL_VIEW_MS_MAX is \"soon\", $wanted" serve
REEL_NEW_EPOCH=true refused "a variable that would stick" 2 \
    "environment REEL_NEW_EPOCH is set, which may only be given as --new-epoch" serve

file=$scratch/reeld.json
echo '{"view_ms_max": "soon"}' >"$file"
refused "a bad key" 2 "config file $file: \"view_ms_max\" is \"soon\", $wanted" \
    serve --config "$file"
echo '{"frob": 1}' >"$file"
refused "an unknown key" 2 "config file $file: there is no setting \"frob\"" \
    serve --config "$file"
echo '{"rebuild": ["cells"]}' >"$file"
refused "a key that would stick" 2 "config file $file: \"rebuild\" may only be given as --rebuild" \
    serve --config "$file"
echo '[]' >"$file"
refused "no object" 2 "config file $file: it is not a JSON object" serve --config "$file"
refused "no file" 2 "config file $scratch/none: No such file or directory" \
    serve --config "$scratch/none"

# ---- What is in the way --------------------------------------------------------------------------

refused "no token" 2 "no bearer token is configured: give a file of them with --token-file, or one \
in the environment as REEL_TOKEN or CELLOS_SERVER_API_TOKEN" serve
refused "no token file" 1 "token file $scratch/none: No such file or directory" \
    serve --token-file "$scratch/none"
export REEL_TOKEN=token-of-the-test
refused "no plugin" 1 "cannot load ./none.so: no such file" serve --plugin ./none.so
refused "no sink" 2 "there is no sink \`frob\`" serve --sink frob
refused "no address" 2 "cannot start sink \`http\`: cannot listen on \`here\`: wanted ADDRESS:PORT" \
    serve --bind here

# ---- The example of a configuration --------------------------------------------------------------

# Only what this machine may lack is replaced.
(umask 077 && echo 'token-of-the-test' >"$scratch/tokens")
if daemon_start "$reeld" "$scratch/log" --config "$root/examples/reeld.json" \
    --token-file "$scratch/tokens" --data "$scratch/data"; then
    expect "a second one on the same store" 1 "$(
        "$reeld" serve --bind 127.0.0.1:0 --data "$scratch/data" >/dev/null 2>"$scratch/err"
        echo $?
    )"
    grep -q "process $daemon_pid has it open" "$scratch/err" ||
        expect "a second one" "who has the store" "$(<"$scratch/err")"
    daemon_end
    expect "the example's daemon ends" 0 $?
    grep -q '"level":"\(warning\|error\)"' "$scratch/log" &&
        expect "the example's daemon" "no complaint" "$(<"$scratch/log")"
else
    expect "examples/reeld.json" "a daemon" "none"
fi

((failures == 0))
