#!/usr/bin/env bash
# client_manual_test.sh SOURCE_ROOT REEL: reel.1 is well formed; it has every command and option of
# `reel help`, and no others.
set -u -o pipefail
root=$1 reel=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
manual=$root/core/client/reel.1
export HOME=$scratch
unset "${!REEL_@}" XDG_CONFIG_HOME

complain() {
    echo "client_manual_test: $1" >&2
    failures=$((failures + 1))
}

if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$manual" || complain "mandoc has something to say"
elif command -v groff >/dev/null; then
    said=$(groff -mdoc -ww -z -Tutf8 "$manual" 2>&1)
    [[ ! $said ]] || complain "$said"
else
    echo "there is neither mandoc nor groff"
fi

"$reel" help | sed -n '/^topics:/q; s/^  \([a-z]*\) .*/\1/p' | sort >"$scratch/commands"
[[ -s $scratch/commands ]] || complain "help lists no commands"
sed -n 's/^\.It Cm \([a-z]*\)$/\1/p' "$manual" | sort >"$scratch/in_manual"
diff "$scratch/commands" "$scratch/in_manual" >&2 || complain "reel.1 has other commands"

while read -r command; do
    "$reel" help "$command" | grep -oE -e '--[a-z-]+' || complain "reel help $command has no options"
done <"$scratch/commands" >"$scratch/given" # not in a pipe, where no complaint would count
sort -u "$scratch/given" >"$scratch/options"
{
    grep -oE 'Fl -[a-z][a-z-]*' "$manual" | sed 's/^Fl /-/'
    grep -qF 'Fl -help | -version' "$manual" && echo '--version'
} | sort -u | grep -vx -e --version >"$scratch/options_in_manual"
diff "$scratch/options" "$scratch/options_in_manual" >&2 || complain "reel.1 has other options"

"$reel" help | sed -n '/^topics:/,/^$/s/^  \([a-z]*\) .*/\1/p' | while read -r topic; do
    "$reel" help "$topic" >/dev/null || echo "$topic"
    grep -qw "$topic" "$manual" || echo "$topic is not in reel.1"
done >"$scratch/topics"
[[ ! -s $scratch/topics ]] || complain "topics: $(<"$scratch/topics")"

((failures == 0))
