#!/usr/bin/env bash
# follow_node_test.sh SOURCE_ROOT REELD: the clients that most use under Node, `ws` and
# `eventsource`, follow (follow_node.mjs). Skipped where there is no node, or they cannot be had.
set -u -o pipefail
root=$1 reeld=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"
# shellcheck source-path=SCRIPTDIR/.. source=support/node.sh
. "$root/tests/support/node.sh"

node_install "$scratch/npm" ws@8 eventsource@2

token="token-of-the-test"
REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/data" || exit 1
timeout 120 node "$root/tests/integration/follow_node.mjs" "$scratch/npm/node_modules" \
    "$daemon_url" "$token" "$daemon_pid"
followed=$?
# It was told to end.
wait "$daemon_pid" || { echo "the daemon ended badly:"; cat "$scratch/log"; exit 1; } >&2
exit "$followed"
