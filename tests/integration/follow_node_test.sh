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

for program in node npm; do
    command -v "$program" >/dev/null || { echo "there is no $program"; exit 77; }
done
# fetch() came with 18.
(($(node -p 'parseInt(process.versions.node)') >= 18)) || { echo "node is too old"; exit 77; }
timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$scratch/npm" \
    ws@8 eventsource@2 >"$scratch/npm.log" 2>&1 ||
    { echo "the clients cannot be had:"; tail -n 5 "$scratch/npm.log"; exit 77; }

token="token-of-the-test"
REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/data" || exit 1
timeout 120 node "$root/tests/integration/follow_node.mjs" "$scratch/npm/node_modules" \
    "$daemon_url" "$token" "$daemon_pid"
followed=$?
# It was told to end.
wait "$daemon_pid" || { echo "the daemon ended badly:"; cat "$scratch/log"; exit 1; } >&2
exit "$followed"
