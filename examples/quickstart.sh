#!/usr/bin/env bash
# quickstart.sh: builds Reel and shows what its projectors make of the events in events.ndjson.
#
#     bash examples/quickstart.sh
#
# On Debian it installs what is missing. It builds in build-quickstart, or in $REEL_BUILD_DIR.
set -u -o pipefail

examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=${examples%/*}
build=${REEL_BUILD_DIR:-$root/build-quickstart}
events=$examples/events.ndjson
reeld=$build/core/daemon/reeld

# shellcheck source-path=SCRIPTDIR/.. source=tests/support/packages.sh
. "$root/tests/support/packages.sh"

bold='' green='' red='' yellow='' plain=''
if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-} != dumb ]]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'
fi

main() {
    packages_install "${packages_build[@]}" jq || exit 1
    build_reel || exit 1
    local result
    result=$("$reeld" replay --outcomes "$events" 2>"$build/replay.log") ||
        { cat "$build/replay.log" >&2; exit 1; }
    show_counts <<<"$result"
    show_warnings
    show_formations <<<"$result"
    show_cells <<<"$result"
    show_next
}

# A path as one would type it here.
shown() {
    realpath --relative-to=. "$1"
}

# Shows what the tools say only if it fails. A build that exists is brought up to date.
build_reel() {
    mkdir -p "$build" || return
    local log=$build/quickstart.log
    [[ -x $reeld ]] || echo "building in $(shown "$build"), which takes a moment" >&2
    if configured >"$log" 2>&1 && ninja -C "$build" >>"$log" 2>&1; then return 0; fi
    cat "$log" >&2
    echo "cannot build Reel in $build" >&2
    return 1
}

configured() {
    [[ -e $build/build.ninja ]] || meson setup "$build" "$root" -Dtests=false
}

# ---- What came of it -----------------------------------------------------------------------

heading() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

show_counts() {
    heading "Events"
    jq -r '"\(.seen) in \($file): \(.applied) applied, \(.ignored) ignored, \(.rejected) rejected",
           "rejected: events " + ([.outcomes | indices("rejected")[] + 1 | tostring] | join(", ")),
           "cursor: \(.cursor)"' --arg file "$(shown "$events")"
}

# What the projectors had to say, without the name of the program.
show_warnings() {
    [[ -s $build/replay.log ]] || return 0
    heading "Warnings"
    sed 's/^reeld: warning: //' "$build/replay.log"
}

show_formations() {
    heading "Formations"
    jq -r '["NAME", "STATUS", "ID"],
           (.collections.formations | sort_by(.name)[] | [.name, .status, .id]) | @tsv' | table
}

# A cell names its formation by id; a person knows it by name.
show_cells() {
    heading "Cells"
    jq -r '(.collections.formations | map({(.id): .name}) | add) as $names |
           ["ID", "STATE", "EXIT", "OUTCOME", "FORMATION"],
           (.collections.cells[] | [.id, .state, .exit_code // "-", .outcome // "-",
                                    $names[.formation_id // ""] // "-"]) | @tsv' | table
}

# Lines of fields with tabs between, the first one a heading, as columns.
table() {
    awk -F '\t' -v bold="$bold" -v green="$green" -v red="$red" -v yellow="$yellow" \
        -v plain="$plain" '
        function paint(word) {
            if (row == 1) return bold
            if (word ~ /^(succeeded|SUCCEEDED)$/) return green
            if (word ~ /^(failed|FAILED)$/) return red
            if (word ~ /^(running|RUNNING|pending|PENDING)$/) return yellow
            return ""
        }
        {
            for (i = 1; i <= NF; i++) {
                cell[NR, i] = $i
                if (length($i) > width[i]) width[i] = length($i)
            }
            columns = NF
        }
        END {
            for (row = 1; row <= NR; row++) {
                line = ""
                for (i = 1; i <= columns; i++) {
                    word = cell[row, i]
                    color = paint(word)
                    gap = i < columns ? sprintf("%*s", width[i] - length(word) + 2, "") : ""
                    line = line color word (color == "" ? "" : plain) gap
                }
                print line
            }
        }'
}

# ---- What next -----------------------------------------------------------------------------

show_next() {
    local program data
    program=$(shown "$reeld") data=$(shown "$events")
    heading "Next"
    cat <<END
your own events, one JSON payload a line:
    $program replay FILE
one record:
    $program replay $data | jq '.collections.cells[] | select(.id == "payments-ledger-1")'
all the tests:
    bash $(shown "$root/tests/run.sh")
a projector of your own: read $(shown "$root/core/include/reel/projector.h"),
and begin with a copy of $(shown "$root/plugins/cell/cell.c")
END
}

main
