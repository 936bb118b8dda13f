#!/usr/bin/env bash
# orders_daemon_test.sh SOURCE_ROOT REELD ORDERS_SO FILES_SO [NAME]: the example in a running
# daemon: its records show under /v1/…, its commands work, and its sink keeps files. NAME is what
# `order` was renamed to.
set -u -o pipefail
root=$1 reeld=$2 orders_so=$3 files_so=$4 name=${5:-order}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"
failures=0

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"

complain() {
    echo "orders_daemon_test: $1" >&2
    failures=$((failures + 1))
}

# ask METHOD PATH [CURL'S OPTION...]
ask() {
    curl -sS --max-time 60 -H 'Authorization: Bearer try-me' -X "$1" "$daemon_url$2" "${@:3}"
}

# expect WHAT JQ_CONDITION: of the JSON on standard input.
expect() {
    local said
    said=$(cat)
    jq -e "$2" <<<"$said" >/dev/null || complain "$1: $said"
}

offer() {
    ask POST /v1/events -H 'Content-Type: application/cloudevents+json' -d '{"specversion": "1.0",
        "id": "1", "source": "/shop", "subject": "mug", "type": "com.example.shop.product.offered",
        "data": {"name": "A mug", "price_cents": 1200}}'
}

place_and_ship() {
    local id
    ask POST "/v1/${name}s" --json '{"product": "vase", "quantity": 3}' |
        expect "an unknown product" '.status == 409 and .type == "/problems/no-such-product"'
    id=$(ask POST "/v1/${name}s" --json '{"product": "mug", "quantity": 3}' | jq -r .id)
    ask POST "/v1/${name}s/$id/ship" --json '{"tracking": "T-1"}' |
        expect "to ship what is not paid" '.status == 409'
    ask POST "/v1/${name}s/$id/pay" | expect "to pay" '.state == "paid"'
    ask GET /v1/turnover | expect "turnover without a customer" '.turnover == []'
    ask POST "/v1/${name}s" --json '{"product": "mug", "quantity": 2, "customer": "Ada"}' |
        expect "an order of a customer" '.customer == "Ada"'
    ask GET /v1/turnover/Ada | expect "turnover" '.count == 1 and .total_cents == 2400'
    ask GET /v1/plugins | expect "what it derives from" \
        "[.collections[] | select(.name == \"turnover\") | .derives_from] == [\"${name}s\"]"
    ask POST "/v1/${name}s/$id/ship" --json '{"tracking": "T-1"}' |
        expect "to ship" '.state == "shipped" and .tracking == "T-1"'
    ask DELETE "/v1/${name}s/$id" | expect "to cancel what is shipped" '.status == 409'
    ask GET "/v1/${name}s/${id^^}" | expect "a key in capitals" ".id == \"$id\""
    ask GET "/v1/${name}s?state=shipped&product=mug" |
        expect "to filter" "(.${name}s | length) == 1"
    ask GET /v1/openapi.json | expect "its description" ".paths | has(\"/v1/${name}s\")"
}

# await WHAT COMMAND...: until it succeeds.
await() {
    local patience=600
    until "${@:2}" >/dev/null 2>&1; do
        ((patience-- > 0)) || { complain "$1"; return; }
        sleep 0.05
    done
}

# While the daemon runs, the files come to be as its answers are.
files_follow() {
    ask GET "/v1/${name}s" >"$scratch/answer"
    await "the file does not follow" jq -e --slurpfile answer "$scratch/answer" '. == $answer[0]' \
        "$scratch/files/${name}s.json"
}

timeout 60 "$reeld" serve --data "$scratch/data" --plugin "$files_so" --sink files 2>"$scratch/log" &&
    complain "it starts without a directory for the files"
grep -q 'files_directory is not set' "$scratch/log" || complain "$(<"$scratch/log")"

REEL_TOKEN=try-me daemon_start "$reeld" "$scratch/log" --data "$scratch/data" \
    --plugin "$orders_so" --plugin "$files_so" --sink http --sink files \
    --files-directory "$scratch/files" --files-pause-ms 10 || exit 1
await "no word that the directory is not there" grep -q 'files: cannot write' "$scratch/log"
mkdir "$scratch/files"
offer | expect "an event" '.outcome == "applied"'
place_and_ship
files_follow
ask POST "/v1/${name}s" --json '{"product": "mug", "quantity": 1}' |
    expect "to place another" '.total_cents == 1200'
ask GET "/v1/${name}s" >"$scratch/last"
daemon_end || complain "the daemon ended badly"
cmp <(jq -cS . "$scratch/last") <(jq -cS . "$scratch/files/${name}s.json") ||
    complain "at the end the file is not as the last answer"
jq -e '.products | length == 1' "$scratch/files/products.json" >/dev/null ||
    complain "products.json is not as it should be"
[[ $(ls "$scratch/files") == $(printf '%s\n' "${name}s.json" products.json turnover.json | sort) ]] ||
    complain "there are other files: $(ls "$scratch/files")"
[[ $(grep -c 'files: cannot write' "$scratch/log") == 1 ]] || complain "it says one thing over again"
((failures == 0)) || { cat "$scratch/log" >&2; exit 1; }
