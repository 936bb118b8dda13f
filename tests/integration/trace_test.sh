#!/usr/bin/env bash
# trace_test.sh SOURCE_ROOT REELD: REEL_TRACE shows an event's way from the request to the follower,
# and nothing when it is not set; an unknown topic is refused at the start.
set -u -o pipefail
reeld=$2
scratch=$(mktemp -d) || exit 1
pid=
trap '[[ $pid ]] && kill -9 "$pid" 2>/dev/null; rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"
token=token-of-the-test
(umask 077 && echo "$token" >"$scratch/tokens")

die() {
    echo "trace_test: $1" >&2
    cat "$scratch/log" >&2
    exit 1
}
# TRACES: starts the daemon with them, posts an event that a follower receives, and ends it.
run() {
    : >"$scratch/log" # here, not by the shell in the background, which may be late
    env ${1:+REEL_TRACE="$1"} "$reeld" serve --bind 127.0.0.1:0 --data "$scratch/data" \
        --token-file "$scratch/tokens" 2>"$scratch/log" </dev/null &
    pid=$!
    url=
    for ((n = 0; n < 6000; n++)); do
        url=$(sed -n 's|.*listening on \(http://[^" ]*\).*|\1|p' "$scratch/log")
        [[ $url ]] && break
        sleep 0.01
    done
    [[ $url ]] || die "it does not listen"
    curl -sS -N -m 60 -H "Authorization: Bearer $token" "$url/v1/events/stream?type=secret" \
        >"$scratch/stream" &
    curl -sS -m 60 -H "Authorization: Bearer $token" -o "$scratch/posted" "$url/v1/events" \
        -H 'Content-Type: application/cloudevents+json' \
        -d "{\"specversion\":\"1.0\",\"id\":\"$RANDOM\",\"source\":\"/test\",\"type\":\"x\"}" ||
        die "an event cannot be posted"
    for ((n = 0; n < 6000; n++)); do
        curl -sS -m 60 -H "Authorization: Bearer $token" -o "$scratch/metrics" "$url/metrics"
        grep -q '^reel_followers{.*} 1$' "$scratch/metrics" && break
        sleep 0.01
    done
    for ((n = 0; n < 6000; n++)); do
        [[ ! $1 ]] || grep -q 'to in sync at 1$' "$scratch/log" && break
        sleep 0.01
    done
    kill "$pid"
    wait "$pid" || die "it ends with $?"
    pid=
    wait
}
shows() {
    grep -q "Z trace $1" "$scratch/log" || die "no line with: $1"
}

run "writer,follow,http"
shows 'writer: group begun: 1 jobs behind 0$'
shows 'writer: group synced: 1 commits in [0-9]* us$'
shows 'writer: visible up to 1$'
shows 'http: request 0x[0-9a-f]* is handled: /v1/events$'
shows 'http: request 0x[0-9a-f]* is answered: 201$'
shows 'follow: follower [0-9]* has come, from '
shows 'follow: follower [0-9]*: ready to in sync at 1$'
shows 'follow: follower [0-9]* has ended (shutdown) at 1$'
grep 'trace' "$scratch/log" | grep -q 'secret' && die "a parameter is shown"

run ""
grep -q 'Z trace ' "$scratch/log" && die "there are traces that were not asked for"

REEL_TRACE=writer,sql "$reeld" serve --bind 127.0.0.1:0 --data "$scratch/data" \
    --token-file "$scratch/tokens" 2>"$scratch/log" </dev/null
[[ $? == 2 ]] || die "an unknown topic is not refused"
grep -q 'environment REEL_TRACE: `sql` is not a topic of traces' "$scratch/log" ||
    die "the refusal does not say why"
exit 0
