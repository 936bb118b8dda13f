#!/usr/bin/env bash
# log_pipe_test.sh SOURCE_ROOT REELD: nobody reads the pipe that the log is written to. Events are
# taken all the same, what could not be written is counted, and SIGTERM ends the daemon well.
set -u -o pipefail
root=$1 reeld=$2
scratch=$(mktemp -d) || exit 1
pid=
trap '[[ $pid ]] && kill -9 "$pid" 2>/dev/null; rm -rf "$scratch"' EXIT
unset "${!REEL_@}" "${!CELLOS_@}"
token=token-of-the-test

die() {
    echo "log_pipe_test: $1" >&2
    exit 1
}
ask() {
    curl -sS -m 60 -H "Authorization: Bearer $token" "$@"
}
dropped() {
    ask "$url/metrics" | sed -n 's/^reel_log_dropped_total \([0-9]*\)$/\1/p'
}

mkfifo "$scratch/pipe"
exec 3<>"$scratch/pipe"
# Each SIGHUP makes long lines: the file has a long name, and everyone can read it.
tokens=$scratch/$(printf 'x%.0s' {1..200})
(umask 022 && echo "$token" >"$tokens")
"$reeld" serve --bind 127.0.0.1:0 --data "$scratch/data" --token-file "$tokens" \
    2>"$scratch/pipe" 3<&- </dev/null &
pid=$!
url=
while [[ ! $url ]] && read -r -t 60 line <&3; do
    url=$(sed -n 's|.*listening on \(http://[^"]*\).*|\1|p' <<<"$line")
done
[[ $url ]] || die "it does not listen"

# From now on nobody reads.
for ((round = 0; round < 1000; round++)); do
    for ((n = 0; n < 2000; n++)); do kill -HUP "$pid"; done
    count=$(dropped)
    [[ $count ]] || die "there is no figure of it"
    ((count > 0)) && break
done
((count > 0)) || die "nothing was dropped"
code=$(ask -o /dev/null -w '%{http_code}' -H 'Content-Type: application/cloudevents+json' \
    -d '{"specversion":"1.0","id":"1","source":"/test","type":"x"}' "$url/v1/events")
[[ $code == 201 ]] || die "an event is answered $code"

# Somebody reads again, for a while.
patience=100000
while read -r -t 60 line <&3 && [[ $line != *"lines of this log that were dropped: "* ]]; do
    ((patience-- > 0)) || die "what was dropped is not said"
done
[[ $line == *"dropped: "* ]] || die "what was dropped is not said"

for ((n = 0; n < 3000; n++)); do kill -HUP "$pid"; done # nobody does again
kill "$pid"
wait "$pid" || die "it ends with $?"
pid=
