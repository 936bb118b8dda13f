#!/usr/bin/env bash
# nats_client_test.sh SOURCE_ROOT REELD: what the official NATS client for JavaScript publishes
# arrives (nats_client.mjs). Skipped where there is no node, or the client cannot be had.
set -u -o pipefail
root=$1 reeld=$2
broker_pid=
scratch=$(mktemp -d) || exit 1
trap '[[ -z $broker_pid ]] || kill "$broker_pid" 2>/dev/null; rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"
# shellcheck source-path=SCRIPTDIR/.. source=support/node.sh
. "$root/tests/support/node.sh"

node_install "$scratch/client" nats@2

# broker_start: on a port that it takes itself, and writes into a file. Sets `broker_pid` and
# `broker_url`.
broker_start() {
    local patience=600
    broker_url=
    nats-server -js -sd "$scratch/store" -a 127.0.0.1 -p -1 --ports_file_dir "$scratch" \
        -l "$scratch/broker.log" &
    broker_pid=$!
    while [[ -z $broker_url ]] && ((patience-- > 0)) && kill -0 "$broker_pid" 2>/dev/null; do
        sleep 0.05
        broker_url=$(grep -o 'nats://[^"]*' "$scratch"/*.ports 2>/dev/null | head -n 1)
    done
    [[ $broker_url ]] && return
    cat "$scratch/broker.log" >&2
    return 1
}

broker_start || exit 1
token="token-of-the-test"
REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/data" \
    --nats "$broker_url" || exit 1
ready=
for ((i = 0; i < 600; i++)); do
    ready=$(curl -s "$daemon_url/readyz" | grep '"ready"') && break
    sleep 0.05
done
[[ $ready ]] || { cat "$scratch/log" >&2; exit 1; }
timeout 120 node "$root/tests/integration/nats_client.mjs" "$scratch/client/node_modules" \
    "$broker_url" "$daemon_url" "$token"
sent=$?
daemon_end || { echo "the daemon ended badly:"; cat "$scratch/log"; exit 1; } >&2
exit "$sent"
