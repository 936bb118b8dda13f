#!/usr/bin/env bash
# Builds optimised and prints the figures that docs/performance.md quotes. Run it on an idle machine.
#     bash tests/bench/run.sh                    all
#     bash tests/bench/run.sh fold [EVENTS]      how fast events become records
#     bash tests/bench/run.sh serve [--long]     what the daemon does over HTTP
#     bash tests/bench/run.sh follow             what followers by WebSocket are sent
#     bash tests/bench/run.sh nats [EVENTS]      how it follows a stream; needs nats-server
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${REEL_BUILD_DIR:-$root/build-bench}

if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" "$root" --buildtype=release -Db_lto=true >/dev/null
fi
meson compile -C "$build" >/dev/null

export REEL_BUILD_ROOT=$build REEL_SOURCE_ROOT=$root
case ${1:-all} in
fold | serve | follow | nats) exec "$build/tests/bench/$1_bench" "${@:2}" ;;
all) for name in fold serve follow nats; do "$build/tests/bench/${name}_bench"; done ;;
*) sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
