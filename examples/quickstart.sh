#!/usr/bin/env bash
# quickstart.sh: builds Reel, starts its daemon, posts the events of events.ndjson, and shows the
# records.
#
#     bash examples/quickstart.sh [--once]
#
# The daemon runs until Ctrl-C; with --once the script ends it. It uses a scratch directory, a free
# port and a new token. On Debian, missing packages are installed. The build directory is
# build-quickstart, or $REEL_BUILD_DIR.
set -u -o pipefail

examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=${examples%/*}
build=${REEL_BUILD_DIR:-$root/build-quickstart}
unset REEL_BUILD_DIR # reeld refuses a variable REEL_… that is not a setting
events=$examples/events.ndjson
reeld=$build/core/daemon/reeld
scratch='' daemon='' url='' token='' once=''

# shellcheck source-path=SCRIPTDIR/.. source=tests/support/packages.sh
. "$root/tests/support/packages.sh"

bold='' green='' red='' yellow='' plain=''
if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-} != dumb ]]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'
fi

main() {
    take_arguments "$@"
    trap 'exit 130' INT TERM HUP
    packages_install "${packages_build[@]}" curl jq || exit 1
    build_reel || exit 1
    start_daemon || exit 1
    post_events || exit 1
    show_rejected
    show_formations
    show_cells payments
    show_commands || exit 1
    [[ -z $once ]] || exit 0
    show_next
    trap 'echo; exit 0' INT TERM HUP
    wait "$daemon"
    echo "the daemon has ended:" >&2
    tail -n 3 "$scratch/log" >&2
    exit 1
}

take_arguments() {
    if [[ $# -eq 1 && $1 == --once ]]; then
        once=1
    elif (($# > 0)); then
        echo "usage: quickstart.sh [--once]" >&2
        exit 2
    fi
}

# A path, relative to the current directory.
shown() {
    realpath --relative-to=. "$1"
}

# ---- Building ------------------------------------------------------------------------------------

# Shows the output of the tools only if the build fails. Updates an existing build. If two scripts
# build at the same time, the second waits.
build_reel() {
    mkdir -p "$build" || return
    local log=$build/quickstart.log lock status=0
    [[ -x $reeld ]] || echo "building in $(shown "$build"); this takes a minute or two" >&2
    exec {lock}>"$build/quickstart.lock" && flock "$lock" || return
    { configured && ninja -C "$build"; } >"$log" 2>&1 {lock}>&- || status=$?
    exec {lock}>&-
    ((status != 0)) || return 0
    cat "$log" >&2
    echo "cannot build Reel in $build" >&2
    return 1
}

configured() {
    [[ -e $build/build.ninja ]] || meson setup "$build" "$root" -Dtests=false
}

# ---- The daemon ----------------------------------------------------------------------------------

# In a session of its own, so that Ctrl-C reaches only this script, which then sends one SIGTERM.
start_daemon() {
    scratch=$(mktemp -d) || return
    trap finish EXIT
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077 && echo "write $token" >"$scratch/tokens" &&
        echo "Authorization: Bearer $token" >"$scratch/header") || return
    env --unset=NOTIFY_SOCKET setsid "$reeld" serve --data "$scratch/data" --bind 127.0.0.1:0 \
        --token-file "$scratch/tokens" 2>"$scratch/log" </dev/null &
    daemon=$!
    while [[ -z $url ]] && kill -0 "$daemon" 2>/dev/null; do
        sleep 0.05
        url=$(sed -n 's|.*listening on \(http://[^"]*\).*|\1|p' "$scratch/log")
    done
    [[ $url ]] && return
    cat "$scratch/log" >&2
    echo "the daemon did not start" >&2
    return 1
}

# shellcheck disable=SC2317
finish() {
    trap '' INT TERM HUP
    if [[ $daemon ]]; then
        kill "$daemon" 2>/dev/null
        wait "$daemon"
    fi
    rm -rf "$scratch"
}

# request METHOD PATH [CURL'S OPTION...]: prints the answer's body, also that of an error. The token
# is read from a file, so that the list of processes does not show it.
request() {
    curl -sS --max-time 60 -H "@$scratch/header" -X "$1" "$url$2" "${@:3}"
}

heading() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# ---- Events --------------------------------------------------------------------------------------

# For jq: does this line look like a CloudEvent?
is_cloudevent='(fromjson? // 0) | type == "object" and has("specversion") and has("id") and
    has("source") and has("type")'

# A POST accepts only CloudEvents. The lines that are CloudEvents are posted as one batch, of which all
# or none are appended. The other lines are posted one by one, to show how they are refused.
post_events() {
    local number line
    heading "Events"
    {
        jq -Rrj "select($is_cloudevent) | \",\(.)\"" "$events" | sed '1s/^,/[/'
        echo ']'
    } >"$scratch/batch"
    request POST /v1/events -H 'Content-Type: application/cloudevents-batch+json' \
        --data-binary "@$scratch/batch" | tee "$scratch/answer" |
        jq -er '"\(.seqs | length) taken from \($file): " + ([.outcomes | group_by(.)[] |
        "\(length) \(.[0])"] | join(", "))' --arg file "$(shown "$events")" ||
        { cat "$scratch/answer" >&2; return 1; }
    while IFS=$'\t' read -r number line; do
        request POST /v1/events -H 'Content-Type: application/cloudevents+json' \
            --data-binary "$line" |
            jq -r --arg number "$number" '"refused: line \($number): \(.status), \(.detail)"'
    done < <(jq -Rr "select($is_cloudevent | not) | \"\(input_line_number)\t\(.)\"" "$events")
}

# These are CloudEvents and are in the log, but a projector could not apply them.
show_rejected() {
    heading "Rejected by a projector"
    request GET /v1/rejected | jq -r '["SEQ", "COLLECTION", "REASON"],
        (.rejected[] | [.seq, .collection, .reason]) | @tsv' | table
}

# ---- Records -------------------------------------------------------------------------------------

show_formations() {
    heading "Formations"
    request GET /v1/formations | jq -r '["NAME", "STATUS", "ID"],
        (.formations | sort_by(.name)[] | [.name, .status, .id]) | @tsv' | table
}

# show_cells FORMATION
show_cells() {
    heading "Cells of $1"
    request GET "/v1/cells?formation=$1" | jq -r '["ID", "STATE", "EXIT", "OUTCOME", "STARTED"],
        (.cells[] | [.id, .state, .exit_code // "-", .outcome // "-", .started_at]) | @tsv' | table
}

# Prints lines of tab-separated fields as columns; the first line is the heading.
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

# ---- Commands ------------------------------------------------------------------------------------

# A projector decides a command by looking at records, and answers with an event.
show_commands() {
    local id
    heading "Commands"
    request POST /v1/formations -H 'Content-Type: application/json' -d '{"name": "hello",
        "coordinator": "lead", "members": [{"id": "lead"}, {"id": "help", "authorizedBy": "lead"}]
        }' >"$scratch/answer"
    id=$(jq -er .id "$scratch/answer") || { cat "$scratch/answer" >&2; return 1; }
    jq -r '"create: \(.name) is \(.status)"' "$scratch/answer"
    request DELETE "/v1/formations/$id" | jq -r '"cancel: \(.name) is \(.status)"'
    request DELETE "/v1/formations/$id" | jq -r '"cancel again: \(.status), \(.detail)"'
}

# ---- What next -----------------------------------------------------------------------------------

show_next() {
    local reel
    reel=$(shown "$build/core/client/reel")
    heading "The daemon runs at $url until Ctrl-C"
    cat <<END
The console: $url/  (its token: $token)

In another terminal, try the client:

export REEL_URL=$url REEL_TOKEN=$token
$reel get cells state=running
$reel get formations -w
$reel events -f --since 0

Or curl:

curl -H 'Authorization: Bearer $token' '$url/v1/cells?state=running'
curl -N -H 'Authorization: Bearer $token' '$url/v1/events/stream?since=0'

All settings: $(shown "$reeld") --help
In production: $(shown "$root/docs/operating.md")
Write a projector: $(shown "$root/docs/writing-a-projector.md"), then run $(shown "$reeld") check YOURS.so
END
}

main "$@"
