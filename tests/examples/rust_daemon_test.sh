#!/usr/bin/env bash
# rust_daemon_test.sh SOURCE_ROOT REELD SENSORS_SO PANICS_SO: the example in Rust in a running daemon:
# it folds an event and decides commands. And a projector that panics: the panic rejects the event or
# refuses the command, with its message, and the daemon serves on.
set -u -o pipefail
root=$1 reeld=$2 sensors_so=$3 panics_so=$4
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"
failures=0 posted=0

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"

# ask METHOD PATH [CURL'S OPTION...]
ask() {
    curl -sS --max-time 60 -H 'Authorization: Bearer try-me' -X "$1" "$daemon_url$2" "${@:3}"
}

# post SUFFIX SUBJECT DATA
post() {
    ask POST /v1/events -H 'Content-Type: application/cloudevents+json' -d '{"specversion": "1.0",
        "id": "'"$1-$2-$((++posted))"'", "source": "/test", "subject": "'"$2"'", "time": "2030-01-02T03:04:05Z",
        "type": "com.example.'"$1"'", "data": '"$3"'}'
}

# expect WHAT JQ_CONDITION: of the JSON on standard input.
expect() {
    local said
    said=$(cat)
    jq -e "$2" <<<"$said" >/dev/null && return
    echo "rust_daemon_test: $1: $said" >&2
    failures=$((failures + 1))
}

REEL_TOKEN=try-me daemon_start "$reeld" "$scratch/log" --data "$scratch/data" \
    --plugin "$sensors_so" --plugin "$panics_so" --sensors-recent-max 2 || exit 1

post sensor.installed s-1 '{"place": "roof"}' | expect "an event" '.outcome == "applied"'
post sensor.measured s-1 '{"value": 21.5}' | expect "another" '.outcome == "applied"'
post sensor.measured s-2 '{"value": 1}' |
    expect "one that it rejects" '.outcome == "rejected" and .rejected[0].reason == "there is no sensor s-2"'
ask GET /v1/sensors/s-1 | expect "the record" \
    'del(.cursor) == {"id": "s-1", "place": "roof", "count": 1, "highest": 21.5,
        "recent": [{"value": 21.5, "at": "2030-01-02T03:04:05Z"}], "installed_by": null}'
for value in 1 2; do post "sensor.measured" s-1 '{"value": '$value'}' >/dev/null; done
ask GET /v1/sensors/s-1 | expect "as many as the setting says" '[.recent[].value] == [1, 2]'
ask POST /v1/events -H 'Content-Type: application/cloudevents+json' -d '{"specversion": "1.0", "id": "no-time",
    "source": "/test", "subject": "s-1", "type": "com.example.sensor.measured", "data": {"value": 3}}' >/dev/null
ask GET /v1/sensors/s-1 | expect "no time is null" '.recent[1] == {"value": 3, "at": null}'
ask GET /v1/plugins | expect "the declared body of a command" '[.collections[] |
    select(.name == "sensors") | .commands[] | select(.verb == "create") | .members[].name] == ["place"]'
ask GET /v1/plugins | expect "the declared events" '[.collections[] | select(.name == "sensors") |
    .events[].type] | length == 3'
ask POST /v1/sensors --json '{"place": "cellar"}' | expect "a command" '.place == "cellar" and
    .installed_by == "REEL_TOKEN"'
ask POST /v1/sensors --json '{}' |
    expect "one that it refuses" '.status == 400 and .detail == "place must be a string"'
ask DELETE /v1/sensors/s-2 | expect "no such sensor" '.status == 404'

post panics.text s-1 '{}' | expect "a panic" \
    '.outcome == "rejected" and .rejected[0].reason == "it panicked: the sky falls"'
post panics.index s-1 '{"at": 5}' | expect "a panic of Rust" '.outcome == "rejected" and
    .rejected[0].reason == "it panicked: index out of bounds: the len is 3 but the index is 5"'
post panics.value s-1 '{}' | expect "a panic without text" \
    '.outcome == "rejected" and .rejected[0].reason == "it panicked: a value that is not text"'
post panics.drop s-1 '{}' | expect "a panic whose value panics when it is dropped" \
    '.outcome == "rejected" and .rejected[0].reason == "it panicked: a value that is not text"'
post panics.not s-1 '{}' | expect "an event after them" '.outcome == "applied"'
ask POST /v1/panics | expect "a panic in a command" \
    '.status == 400 and .detail == "it panicked: the sky falls"'
ask GET /v1/panics | expect "nothing else is left of them" \
    '[.panics[].id] == ["not"]'
ask GET /v1/panics/not | expect "a key as it is stored" '.id == "not"'
ask GET /v1/panics/NOT | expect "a key in another form" '.id == "not"'
for key in sky long; do
    ask GET /v1/panics/$key | expect "what cannot be a key: $key" '.status == 400 or .status == 404'
done

ask GET /v1/shadows/not | expect "a derived collection" \
    '.id | test("^None Some\\(\"not\"\\) [0-9]+$")'
answer=$(post panics.derived s-1 '{}')
expect "a panic in derive" '.outcome == "rejected" and .rejected[0].collection == "shadows" and
    .rejected[0].reason == "it panicked: the shadow falls"' <<<"$answer"
outcomes_of() {
    ask GET "/v1/events/$(jq .seq <<<"$answer")" | jq -c '[.outcomes[].outcome]'
}
expect "what each collection made of it" '. == ["accepted", "ignored", "rejected"]' < <(outcomes_of)
answer=$(post panics.text s-1 '{}')
expect "what its source rejects is not derived" '. == ["rejected", "ignored", "ignored"]' \
    < <(outcomes_of)
post panics.refused s-1 '{}' | expect "a rejection by derive" \
    '.outcome == "rejected" and .rejected[0].reason == "no shadow"'
ask GET /v1/panics | expect "the source keeps them" '[.panics[].id] == ["derived", "not", "refused"]'
ask GET /v1/shadows | expect "nothing of them is left" '.shadows | length == 1'

daemon_end || { echo "rust_daemon_test: the daemon ended with $?" >&2; failures=$((failures + 1)); }
grep -n panicked "$scratch/log" | grep -v 'it panicked: ' && failures=$((failures + 1))
((failures == 0))
