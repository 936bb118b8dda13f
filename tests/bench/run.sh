#!/usr/bin/env bash
# Builds optimised and prints the figures that README.md quotes. Run it on an idle machine.
#     bash tests/bench/run.sh [EVENTS]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${REEL_BUILD_DIR:-$root/build-bench}

if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" "$root" --buildtype=release -Db_lto=true >/dev/null
fi
meson compile -C "$build" >/dev/null

export REEL_BUILD_ROOT=$build REEL_SOURCE_ROOT=$root
exec "$build/tests/bench/fold_bench" "$@"
