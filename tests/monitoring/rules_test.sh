#!/usr/bin/env bash
# rules_test.sh SOURCE_ROOT REELD: the alerts for Prometheus (examples/monitoring/reel.rules.yml) ask
# for metrics and labels that a running daemon has, with the defaults of its settings, and none that
# docs/operating.md names is left out. Prometheus's own promtool says that they are well formed, and
# when each of them fires: this part is skipped where there is no promtool.
set -u -o pipefail
root=$1 reeld=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
rules=$root/examples/monitoring/reel.rules.yml
cases=$root/tests/monitoring/reel.rules.test.yml
unset "${!REEL_@}" "${!CELLOS_@}"

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"

complain() {
    echo "rules_test: $1" >&2
    failures=$((failures + 1))
}

# ---- What they ask for ---------------------------------------------------------------------------

# The expressions, one a line: those of several lines are joined.
awk '/^ *- alert:/ {wanted = 0} /^ *(for|labels|annotations):/ {if (wanted) print expr; wanted = 0}
    wanted {expr = expr " " $0}
    /^ *expr:/ {sub(/^ *expr:( >-)?/, ""); expr = $0; wanted = 1}' "$rules" >"$scratch/expressions"
[[ $(wc -l <"$scratch/expressions") == $(grep -c '^ *- alert:' "$rules") ]] ||
    complain "the expressions are not found"

token=token-of-the-test
REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/data" || exit 1
curl -sS --max-time 60 -H "Authorization: Bearer $token" "$daemon_url/metrics" >"$scratch/metrics" ||
    complain "/metrics does not answer"
daemon_end || complain "the daemon ended badly"

# Each name, with the labels that it is asked with: a line of /metrics has it.
grep -oE '\breel_[a-z0-9_]+(\{[^}]*\})?' "$scratch/expressions" | sort -u >"$scratch/asked"
(($(wc -l <"$scratch/asked") >= 20)) || complain "hardly any metric is asked for"
while read -r asked; do
    name=${asked%%\{*} labels=''
    [[ $asked == "$name" ]] || labels=${asked#*\{} labels=${labels%\}}
    grep -E "^$name[{ ]" "$scratch/metrics" >"$scratch/lines" ||
        complain "/metrics has no $name"
    [[ ! $labels ]] || grep -qF "$labels" "$scratch/lines" || complain "no $name has $labels"
done <"$scratch/asked"

# Whatever an expression groups by is a label of the metrics, or one that Prometheus adds.
while read -r label; do
    [[ " job instance host " == *" $label "* ]] || grep -qE "[{,]$label=\"" "$scratch/metrics" ||
        complain "no metric has the label $label"
done < <(grep -oE '(by|on) \([a-z, ]+\)' "$scratch/expressions" | sed -E 's/^.*\(|\)$//g' |
    tr -d ' ' | tr ',' '\n' | sort -u)

# ---- Limits --------------------------------------------------------------------------------------

# NAME=DEFAULT in the comment at the beginning is so, and an expression has the number.
"$reeld" --help=markdown >"$scratch/settings"
while IFS='=' read -r setting value; do
    grep -qE "^\| \`$setting\` \|[^|]*\| \`$value\` \|" "$scratch/settings" ||
        complain "the default of $setting is not $value"
    grep -qE "> [0-9.]+ \* $value\b" "$scratch/expressions" || complain "nothing is compared with $value"
done < <(sed -n '/^groups:/q; p' "$rules" | grep -oE '[a-z_]+_?(max|websockets)=[0-9]+')

# ---- What docs/operating.md names ----------------------------------------------------------------

# These metrics of its table tell more about an alert or an operator's own act, and have none of their own.
printf '%s\n' reel_checkpoint_cursor reel_http_sent_again_total reel_log_bytes \
    reel_http_connections_unknown reel_worker_reloads_total >"$scratch/telling"
while read -r name; do
    grep -qxF "$name" "$scratch/telling" || grep -qE "\b${name}(_bucket)?\b" "$scratch/expressions" ||
        complain "docs/operating.md says when to look at $name, but no alert does"
done < <(sed -nE 's/^(\| `reel_.*)$/\1/p' "$root/docs/operating.md" | grep -oE '\breel_[a-z_]+' | sort -u)

# ---- When they fire ------------------------------------------------------------------------------

# Each has a case in which it fires, and one in which it does not.
awk '/alertname:/ {name = $NF} /exp_alerts: \[\]/ {print name, "is quiet"}
    /- exp_labels:/ {print name, "fires"}' "$cases" | sort -u >"$scratch/cases"
while read -r name; do
    for case in "$name fires" "$name is quiet"; do
        grep -qxF "$case" "$scratch/cases" || complain "no case in which $case"
    done
    grep -qF "\`$name\`" "$root/docs/operating.md" || complain "docs/operating.md does not list $name"
done < <(sed -n 's/^ *- alert: //p' "$rules")

if command -v promtool >/dev/null; then
    cp "$rules" "$cases" "$scratch/"
    { promtool check rules "$scratch/${rules##*/}" &&
        promtool test rules "$scratch/${cases##*/}"; } >"$scratch/said" 2>&1 ||
        complain "promtool: $(<"$scratch/said")"
else
    echo "there is no promtool: Debian's package prometheus has it"
    ((failures > 0)) || exit 77
fi

((failures == 0))
