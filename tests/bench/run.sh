#!/usr/bin/env bash
# Builds optimised and prints the figures that docs/performance.md quotes. Run it on an idle machine.
#     bash tests/bench/run.sh                    all
#     bash tests/bench/run.sh fold [EVENTS]      how fast events become records
#     bash tests/bench/run.sh serve [--long]     what the daemon does over HTTP
#     bash tests/bench/run.sh follow             what followers by WebSocket are sent
#     bash tests/bench/run.sh records [--followers N] [--changes N] [--seconds N] [--idle N]
#                                     [--clients N]
#                                                what followers of records are sent, and how soon
#     bash tests/bench/run.sh store [--long] [--before BUILD] [post | intake | bulk]
#                                                what storing durably costs, beside PostgreSQL and
#                                                the bare disk; installs postgresql and libpq-dev
#     bash tests/bench/run.sh query [CELLS]      what indexes of fields cost, and queries
#     bash tests/bench/run.sh asking [CELLS]     queries over HTTP, beside PostgreSQL; installs it
#     bash tests/bench/run.sh back [--plan] [EVENTS [SECONDS]]
#                                                what looking back costs those who do not, or
#                                                `reeld plan`
#     bash tests/bench/run.sh bulk [SECONDS]     NDJSON and /ws/ingest, beside the bare disk
#     bash tests/bench/run.sh nats [EVENTS]      how it follows a stream; needs nats-server
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${REEL_BUILD_DIR:-$root/build-bench}

# shellcheck source-path=SCRIPTDIR/../.. source=tests/support/packages.sh
. "$root/tests/support/packages.sh"
[[ ${1:-all} != @(store|asking) ]] || packages_install "${packages_bench[@]}"

if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" "$root" --buildtype=release -Db_lto=true >/dev/null
elif [ ! -x "$build/tests/bench/store_bench" ]; then
    meson setup --reconfigure "$build" "$root" >/dev/null # libpq may have come meanwhile
fi
ninja -C "$build" bench >/dev/null

export REEL_BUILD_ROOT=$build REEL_SOURCE_ROOT=$root
case ${1:-all} in
fold | serve | follow | records | store | bulk | nats | query | asking | back)
    exec "$build/tests/bench/$1_bench" "${@:2}"
    ;;
all)
    for name in fold serve follow records store bulk nats query asking back; do
        if [ ! -x "$build/tests/bench/${name}_bench" ]; then
            echo "$name: left out, as there is no libpq; run.sh $name installs it" >&2
            continue
        fi
        "$build/tests/bench/${name}_bench"
    done
    ;;
*) sed -n '2,/^set/s/^# //p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
