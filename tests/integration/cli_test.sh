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
for command in serve replay check backup verify plan inspect explain conform; do
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
refused "a word too many" 2 "\`frob\` does not belong to a flag" serve frob
refused "a flag without its value" 2 "--data is without a value, wanted a text (DIR)" serve --data
run check
expect "check without a plugin" "2 reeld check: no plugin was given; see reeld --help" "$code $err"
run plan
expect "plan without a plugin" "2 reeld plan: no plugin was given; see reeld --help" "$code $err"
run plan --examples
expect "plan with a flag that has no value" \
    "2 reeld plan: no plugin was given; see reeld --help" "$code $err"
run backup
expect "backup without a directory" \
    "2 reeld backup: no directory was given; see reeld --help" "$code $err"
run backup --frob "$scratch/copy"
expect "backup with an unknown flag" "2 reeld backup: there is no flag --frob" "$code $err"
echo "{\"data\": \"$scratch/none\", \"bind\": \"127.0.0.1:0\"}" >"$scratch/daemon.json"
run backup --config "$scratch/daemon.json" "$scratch/copy"
expect "backup with the daemon's file" \
    "1 reeld backup: cannot open $scratch/none: FORMAT: No such file or directory" "$code $err"

# Settings are the daemon's, with those of its sinks, and a misspelt one is refused as there.
backup_wanted="1 reeld backup: cannot open $scratch/none: FORMAT: No such file or directory"
REEL_BIND=127.0.0.1:0 REEL_SERVICE_HOST=10.0.0.1 REEL_DATA=$scratch/none run backup "$scratch/copy"
expect "backup with the daemon's variables" "$backup_wanted" "$code $err"
REEL_DTAA=$scratch/none run backup "$scratch/copy"
expect "backup with a misspelt variable" \
    "2 reeld backup: environment REEL_DTAA: there is no such setting" "$code $err"
echo "{\"dtaa\": \"$scratch/none\"}" >"$scratch/misspelt.json"
run backup --config "$scratch/misspelt.json" "$scratch/copy"
expect "backup with a misspelt key" \
    "2 reeld backup: config file $scratch/misspelt.json: there is no setting \"dtaa\"" "$code $err"
REEL_BIND=127.0.0.1:99999 run backup --data "$scratch/none" "$scratch/copy"
expect "backup with a variable that serve refuses" \
    "2 reeld backup: environment REEL_BIND is \"127.0.0.1:99999\": the port is beyond 65535" \
    "$code $err"
sink=$(dirname "$reeld")/../../tests/integration/plugins/notes.so
REEL_NOTES_FILE=x run backup --data "$scratch/none" --plugin "$sink" "$scratch/copy"
expect "backup with a variable of a plugin's sink" "$backup_wanted" "$code $err"
REEL_NOTES_FILE=x run backup --data "$scratch/none" --plugin ./none.so "$scratch/copy"
expect "backup without the plugin that has it" \
    "2 reeld backup: environment REEL_NOTES_FILE: there is no such setting" "$code $err"

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

# By what they are used for, wherever they come from, and whether or not that is used.
refused "a source that is not one" 2 "--source is \"my service\": the source of an event is a \
URI-reference (RFC 3986), such as /reel or https://example.org/reel" serve --source "my service"
refused "a port that there is not" 2 "--bind is \"127.0.0.1:99999\": the port is beyond 65535" \
    serve --bind 127.0.0.1:99999
REEL_BIND=127.0.0.1:65536 refused "a variable with such a port" 2 \
    "environment REEL_BIND is \"127.0.0.1:65536\": the port is beyond 65535" serve --sink stdout
origin='wanted * or one origin as browsers send it: scheme://host or scheme://host:port, in lower case, without a path or a slash at the end, and without the default port of the scheme'
for given in https://app.example/ HTTPS://App.Example https://a.example,https://b.example; do
    refused "an origin that never matches" 2 "--websocket-origin is \"$given\": $origin" \
        serve --websocket-origin "$given"
done
REEL_WEBSOCKET_ORIGIN='https://a.example:8443,https://b.example/' refused "a list with one" 2 \
    "environment REEL_WEBSOCKET_ORIGIN is \"https://b.example/\": $origin" serve
REEL_VEIW_MS_MAX=5 refused "a variable that is misspelt" 2 \
    "environment REEL_VEIW_MS_MAX: there is no such setting" serve
refused "a broker's port" 2 "--nats is (not shown): the port of a server is not a number from 1 to \
65535" serve --nats nats://user:secret@127.0.0.1:99999
refused "a stream's name" 2 "--stream is \"a.b\": the name of a stream must not contain white space or \
any of . * > / \\\\" serve --stream a.b

# ---- What is in the way --------------------------------------------------------------------------

refused "no token" 2 "no bearer token is configured: name a file of tokens with --token-file, or \
set one in the environment as REEL_TOKEN or CELLOS_SERVER_API_TOKEN" serve
refused "no token file" 1 "token file $scratch/none: No such file or directory" \
    serve --token-file "$scratch/none"
export REEL_TOKEN=token-of-the-test
refused "no plugin" 1 "cannot load ./none.so: no such file" serve --plugin ./none.so
cell=$(dirname "$reeld")/../../plugins/cell/cell.so
refused "a reference to a collection that is not there" 1 "collection \`cells\`: field \
\`formation_id\` refers to the collection \`formations\`, which no loaded plugin has: load the plugin that \
has it, too (--plugin or --plugin-dir)" \
    serve --data "$scratch/alone" --plugin "$cell"
refused "no sink" 2 "there is no sink \`frob\`" serve --sink frob
refused "no address" 2 "--bind is \"here\": wanted ADDRESS:PORT" serve --bind here

refused "no file of credentials" 1 "cannot read $scratch/none, which --nats-creds names: No such file \
or directory" serve --data "$scratch/data-of-none" --bind 127.0.0.1:0 --nats 127.0.0.1:1 \
    --nats-creds "$scratch/none"

mkfifo "$scratch/pipe"
for flag in --nats-creds --nats-ca; do
    refused "$flag that would be waited for" 2 \
        "$scratch/pipe, which $flag names, is not a regular file" serve \
        --data "$scratch/data-of-none" --bind 127.0.0.1:0 --nats 127.0.0.1:1 $flag "$scratch/pipe"
done

# ---- Who else may write --------------------------------------------------------------------------

# A service manager's process refuses what everyone may write; any other only warns.
NOTIFY_SOCKET=$scratch/nobody
export NOTIFY_SOCKET
(umask 077 && mkdir "$scratch/shared" && echo 'token-of-the-test' >"$scratch/shared/tokens" &&
    echo '{}' >"$scratch/shared/reeld.json" && mkdir "$scratch/shared/data" &&
    cp "$(dirname "$reeld")"/../../plugins/{cell/cell,formation/formation}.so "$scratch/shared/")
shared=$scratch/shared
serve_shared=(--plugin "$shared/cell.so" --plugin "$shared/formation.so" --data "$shared/data"
    --token-file "$shared/tokens" --config "$shared/reeld.json")
allowed='; with --allow-shared-files, this is only a warning'
for name in cell.so tokens reeld.json data .; do
    mode=$(stat -c %a "$shared/$name")
    path=$shared/$name
    [[ $name != . ]] || path=$shared
    chmod o+w "$path"
    refused "others may write $name" 2 \
        "everyone can write $path (mode $(printf %04o "0$(stat -c %a "$path")"))$allowed" \
        serve --bind 127.0.0.1:0 "${serve_shared[@]}"
    chmod "$mode" "$path"
done
chmod o+w "$shared/cell.so" "$shared/data"
if daemon_start "$reeld" "$scratch/log" "${serve_shared[@]}" --allow-shared-files; then
    expect "warnings of what others may write" 2 \
        "$(grep -c '"level":"warning","from":"reeld","message":"everyone can write ' "$scratch/log")"
    chmod o+w "$shared/tokens"
    daemon_end
    expect "with --allow-shared-files" 0 $?
else
    expect "with --allow-shared-files" "a daemon" none
fi
chmod o-w "$shared/cell.so" "$shared/data" "$shared/tokens"
if daemon_start "$reeld" "$scratch/log" "${serve_shared[@]}"; then
    chmod o+w "$shared/tokens"
    kill -HUP "$daemon_pid"
    patience=600
    until grep -q '"message":"the old tokens stay valid: everyone can write ' "$scratch/log"; do
        ((patience-- > 0)) || { expect "tokens that others may write" refused taken; break; }
        sleep 0.05
    done
    daemon_end
else
    expect "without others who may write" "a daemon" none
fi
unset NOTIFY_SOCKET

# ---- Secrets ---------------------------------------------------------------------------------------

nats_start() {
    local patience=600
    : >"$scratch/log" # not only by the child, which may be later than the first look
    "$reeld" serve --bind 127.0.0.1:0 --data "$scratch/mirror" "$@" 2>"$scratch/log" </dev/null &
    daemon_pid=$!
    until grep -q 'has started' "$scratch/log" || ((patience-- == 0)); do sleep 0.05; done
    daemon_end
    grep -c 'because it is in the command line' "$scratch/log"
}
expect "a secret in the command line" 1 "$(nats_start --nats nats://user:secret@127.0.0.1:1)"
grep -q 'others on this machine can read the secret in --nats' "$scratch/log" ||
    expect "a secret in the command line" "said so" "$(<"$scratch/log")"
! grep -q ':secret' "$scratch/log" || expect "a secret" "not in the log" "$(<"$scratch/log")"
expect "two of them" 2 \
    "$(nats_start --nats 127.0.0.1:1 --nats-user u --nats-password p --nats-token t)"
expect "a secret in the environment" 0 "$(REEL_NATS=nats://u:secret@127.0.0.1:1 nats_start)"

# ---- The example of a configuration --------------------------------------------------------------

# Only what this machine may lack is replaced.
(umask 077 && echo 'token-of-the-test' >"$scratch/tokens")
if daemon_start "$reeld" "$scratch/log" --config "$root/examples/reeld.json" \
    --token-file "$scratch/tokens" --data "$scratch/data"; then
    expect "a second one on the same store" 1 "$(
        "$reeld" serve --bind 127.0.0.1:0 --data "$scratch/data" >/dev/null 2>"$scratch/err"
        echo $?
    )"
    read -r worker <"/proc/$daemon_pid/task/$daemon_pid/children"
    grep -q "process $worker has it open" "$scratch/err" ||
        expect "a second one" "who has the store" "$(<"$scratch/err")"
    daemon_end
    expect "the example's daemon ends" 0 $?
    grep -q '"level":"\(warning\|error\)"' "$scratch/log" &&
        expect "the example's daemon" "no complaint" "$(<"$scratch/log")"
else
    expect "examples/reeld.json" "a daemon" "none"
fi

((failures == 0))
