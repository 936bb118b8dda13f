#!/usr/bin/env bash
# manual_test.sh SOURCE_ROOT REELD: reeld.1 is well formed, and it and docs/operating.md name no
# command, flag, setting, route or figure that there is not.
set -u -o pipefail
root=$1 reeld=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
manual=$root/core/daemon/reeld.1 operating=$root/docs/operating.md
unset "${!REEL_@}" "${!CELLOS_@}"

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"

complain() {
    echo "manual_test: $1" >&2
    failures=$((failures + 1))
}

# known WHAT FILE: complains of each line of standard input that is no line of FILE. Not the end of a
# pipe, which would keep the count to itself.
known() {
    local word
    while read -r word; do
        grep -qxF -e "$word" "$2" || complain "$1: $word"
    done
}

# ---- The page ------------------------------------------------------------------------------------

if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$manual" || complain "mandoc has something to say"
elif command -v groff >/dev/null; then
    said=$(groff -mdoc -ww -z -Tutf8 "$manual" 2>&1)
    [[ ! $said ]] || complain "$said"
else
    echo "there is neither mandoc nor groff"
fi

# ---- Commands, flags, settings -------------------------------------------------------------------

"$reeld" --help | sed -nE 's/^(usage:)? +reeld \[?([a-z]+)\]?( .*|$)/\2/p' | sort -u \
    >"$scratch/commands"
[[ -s $scratch/commands ]] || complain "--help lists no commands"
while read -r command; do
    grep -qx "\.It Cm $command" "$manual" || complain "reeld.1 lacks the command $command"
done <"$scratch/commands"
known "reeld.1 has a command of its own" "$scratch/commands" < <(sed -n 's/^\.It Cm //p' "$manual")

{ "$reeld" --help | grep -oE -e '--[a-z-]+'; echo '--help=markdown'; } | sort -u >"$scratch/flags"
known "reeld.1 has a flag of its own" "$scratch/flags" < <(
    grep -oE '(Fl -|\| -)[a-z]+[a-z=-]*' "$manual" | sed -E 's/^(Fl |\| )-/--/')
known "docs/operating.md has a flag of its own" "$scratch/flags" < <(
    grep -E '(^|sudo |`)reeld |`--' "$operating" | grep -oE -e '--[a-z][a-z-]*')

"$reeld" --help=markdown | sed -nE 's/^\| `([a-z_]+)` .*/\1/p' >"$scratch/settings"
known "docs/operating.md has a setting of its own" "$scratch/settings" < <(
    grep -oE '[a-z]+(_[a-z]+)*_(max|s|bytes|events)\b' "$operating" | grep -v '^reel_')

# ---- Routes and figures --------------------------------------------------------------------------

token="token-of-the-test"
if REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/data"; then
    curl -sS -H "Authorization: Bearer $token" "$daemon_url/metrics" |
        sed -nE 's/^# TYPE ([a-z_]+) .*/\1/p' >"$scratch/figures"
    known "docs/operating.md has a figure of its own" "$scratch/figures" < <(
        grep -oE '\breel_[a-z_]+' "$operating")
    while read -r route; do
        status=$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" \
            "$daemon_url$route")
        [[ $status == 200 ]] || complain "docs/operating.md: $route answers $status"
    done < <(grep -oE '/(healthz|readyz|metrics|v1/[a-z]+(\.json)?)' "$operating" | sort -u)
    daemon_end || complain "the daemon ended badly"
else
    complain "the daemon does not start"
fi

((failures == 0))
