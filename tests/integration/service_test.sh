#!/usr/bin/env bash
# service_test.sh REELD UNIT: systemd takes the unit as it is meant, and reeld keeps to what the
# unit lets it do. Skipped where there is no systemd-analyze; systemd itself need not run.
set -u -o pipefail
reeld=$1 unit=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

die() {
    echo "service_test: $1" >&2
    exit 1
}

command -v systemd-analyze >/dev/null || { echo "there is no systemd-analyze"; exit 77; }

# Only a program that exists passes.
sed "s|^ExecStart=[^ ]*|ExecStart=$(realpath "$reeld")|" "$unit" >"$scratch/reeld.service"
said=$(systemd-analyze verify --man=no "$scratch/reeld.service" 2>&1) || die "$said"
[[ ! $said ]] || die "$said"

# Out of 100; a unit without any hardening has 96.
systemd-analyze security --offline=yes --threshold=20 --no-pager "$scratch/reeld.service" \
    >"$scratch/security" 2>&1 || die "$(grep -E '^(✗|→)' "$scratch/security")"

# However it ends, it is started again, after a while and not for ever; wrong usage is not tried again.
for line in Restart=always RestartSec=5 StartLimitIntervalSec=300 StartLimitBurst=30 \
    RestartPreventExitStatus=2 KillMode=mixed WatchdogSec=60 LimitCORE=0; do
    grep -qx "$line" "$unit" || die "the unit has no $line"
done
"$reeld" serve --view-ms-max 0 2>/dev/null
code=$?
((code == 2)) || die "wrong usage ends with $code, not 2"

# Ending takes at most drain_ms_max, and the store must be closed then.
drain_ms=$("$reeld" --help=markdown | sed -n 's/^| `drain_ms_max` |[^`]*`\([0-9]*\)`.*/\1/p')
stop_s=$(sed -n 's/^TimeoutStopSec=//p' "$unit")
((stop_s * 1000 >= 2 * drain_ms)) || die "TimeoutStopSec=$stop_s, but drain_ms_max is $drain_ms"
