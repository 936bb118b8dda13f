#!/usr/bin/env bash
# Builds optimised and prints the figures that README.md quotes. Run it on an idle machine.
#     bash tests/bench/run.sh                    both
#     bash tests/bench/run.sh fold [EVENTS]      how fast events become records
#     bash tests/bench/run.sh serve [--long]     what the daemon does over HTTP
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${REEL_BUILD_DIR:-$root/build-bench}

if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" "$root" --buildtype=release -Db_lto=true >/dev/null
fi
meson compile -C "$build" >/dev/null

export REEL_BUILD_ROOT=$build REEL_SOURCE_ROOT=$root
case ${1:-both} in
fold | serve) exec "$build/tests/bench/$1_bench" "${@:2}" ;;
both) "$build/tests/bench/fold_bench" && exec "$build/tests/bench/serve_bench" ;;
*) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
