#!/usr/bin/env bash
# http_manual_test.sh SOURCE_ROOT REELD PLUGIN...: the examples of docs/http.md print what it says. All
# of them are one session of a shell; `…` in the page is any text.
set -u -o pipefail
root=$1 reeld=$2
shift 2
scratch=$(mktemp -d) || exit 1
unset "${!REEL_@}" "${!CELLOS_@}"

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"

export REEL_TOKEN=manual-token
arguments=(--data "$scratch/data")
for plugin; do arguments+=(--plugin "$plugin"); done
daemon_start "$reeld" "$scratch/log" "${arguments[@]}" || exit 1
trap 'daemon_end; rm -rf "$scratch"' EXIT

# A line of the page with each command, and what must come before the next one.
blocks=$(sed -n '/^```console$/,/^```$/p' "$root/docs/http.md" | grep -v '^```')
export REEL=$daemon_url TOKEN=manual-token
shopt -s expand_aliases
failures=0 commands=0 command='' wanted=''

# Runs the command that was read, in this shell, for what it defines.
run_command() {
    local found pattern
    [[ $command ]] || return
    commands=$((commands + 1))
    eval "$command" >"$scratch/found" 2>&1 </dev/null
    found=$(<"$scratch/found")
    pattern=$wanted
    pattern=${pattern//\\/\\\\}
    pattern=${pattern//'*'/'\*'}
    pattern=${pattern//'?'/'\?'}
    pattern=${pattern//'['/'\['}
    pattern=${pattern//…/*}
    # shellcheck disable=SC2053
    if [[ $found != $pattern ]]; then
        printf 'docs/http.md: %s\n  prints    %s\n  should be %s\n' "$command" "$found" "$wanted" >&2
        failures=$((failures + 1))
    fi
}

while IFS= read -r line; do
    if [[ $line == '$ '* ]]; then
        run_command
        command=${line#'$ '} wanted=''
    else
        wanted+=${wanted:+$'\n'}$line
    fi
done <<<"$blocks"
run_command
echo "$commands commands, $failures failures"
((failures == 0 && commands > 20))
