#!/usr/bin/env bash
# tally_test.sh SOURCE_ROOT REELD TALLY_SO: the projector of README.md, "in 30 lines", folds as it
# says. That the README shows that file is for pages_test.sh.
set -u -o pipefail
root=$1 reeld=$2 tally_so=$3

lines=$(wc -l <"$root/examples/tally.c")
((lines <= 40)) || { echo "it has $lines lines" >&2; exit 1; }

printf '%s\n' '{"type":"dev.cellos.events.x","source":"/a"}' '{"type":"dev.cellos.events.y"}' \
    '{"type":"other","source":"/b"}' '{"type":"dev.cellos.events.z","source":"/a"}' |
    "$reeld" replay --plugin "$tally_so" - | diff - <(cat <<'END'
{"seen":4,"applied":2,"ignored":1,"rejected":1,"cursor":4,"collections":{"sources":[{"source":"/a","events":2,"last_type":"dev.cellos.events.z"}]},"digests":{"sources":"151065c4aa9f4e7a82cbcd528ac15ad5"}}
END
)
