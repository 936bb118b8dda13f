#!/usr/bin/env bash
# console_axe_test.sh SOURCE_ROOT CONSOLE_TEST: the rules of axe-core (npm) for accessibility, on
# each view of the console in Chromium. Skipped where there is no node, or it cannot be had.
set -u -o pipefail
root=$1 console_test=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# shellcheck source-path=SCRIPTDIR/.. source=support/node.sh
. "$root/tests/support/node.sh"

command -v chromium >/dev/null || { echo "there is no chromium"; exit 77; }
node_install "$scratch/npm" axe-core@4
"$console_test" --axe "$scratch/npm/node_modules/axe-core/axe.min.js"
