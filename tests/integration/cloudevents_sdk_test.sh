#!/usr/bin/env bash
# cloudevents_sdk_test.sh SOURCE_ROOT REELD: what the official SDK for JavaScript sends is taken
# (cloudevents_sdk.mjs). Skipped where there is no node, or the SDK cannot be had.
set -u -o pipefail
root=$1 reeld=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"
# shellcheck source-path=SCRIPTDIR/.. source=support/node.sh
. "$root/tests/support/node.sh"

node_install "$scratch/sdk" cloudevents@10

token="token-of-the-test"
REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/data" || exit 1
timeout 120 node "$root/tests/integration/cloudevents_sdk.mjs" "$scratch/sdk/node_modules" \
    "$daemon_url/v1/events" "$token"
sent=$?
daemon_end || { echo "the daemon ended badly:"; cat "$scratch/log"; exit 1; } >&2
exit "$sent"
