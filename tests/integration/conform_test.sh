#!/usr/bin/env bash
# conform_test.sh SOURCE_ROOT REELD BUILD_ROOT: `reeld conform` passes directly, and through nginx
# with the configuration of docs/operating.md; it finds the faults of a gateway
# (conform_faulty.py); and what it refuses.
set -u -o pipefail
root=$1 reeld=$2 build=$3
scratch=$(mktemp -d) || exit 1
failures=0 nginx_pid='' gateway_pid=''
unset "${!REEL_@}" "${!CELLOS_@}"

# shellcheck source-path=SCRIPTDIR/.. source=support/daemon.sh
. "$root/tests/support/daemon.sh"

cleanup() {
    [[ ! $nginx_pid ]] || kill "$nginx_pid" 2>/dev/null
    [[ ! $gateway_pid ]] || kill "$gateway_pid" 2>/dev/null
    [[ ! ${daemon_pid:-} ]] || kill "$daemon_pid" 2>/dev/null
    wait
    rm -rf "$scratch"
}
trap cleanup EXIT

complain() {
    echo "conform_test: $1" >&2
    failures=$((failures + 1))
}

# run ARGUMENT...: stdout, stderr and the exit code, in `out`, `err` and `code`.
run() {
    timeout 300 "$reeld" conform "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    code=$?
    out=$(<"$scratch/out") err=$(<"$scratch/err")
}

# passes NAME ARGUMENT...
passes() {
    local name=$1
    shift
    run "$@"
    [[ $code == 0 && $out != *FAILED* && $out == *', 0 failed, '* ]] ||
        complain "$name: exit code $code"$'\n'"$err"$'\n'"$out"
}

# finds NAME CODE SENTENCE ARGUMENT...: the sentence is on stdout or stderr.
finds() {
    local name=$1 wanted=$2 sentence=$3
    shift 3
    run "$@"
    [[ $code == "$wanted" && $out$'\n'$err == *"$sentence"* ]] ||
        complain "$name: exit code $code, wanted $wanted and: $sentence"$'\n'"$err"$'\n'"$out"
}

# ---- The daemon, and events that also delete -----------------------------------------------------

token="token-of-the-test"
REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/data" \
    --plugin "$build/plugins/cell/cell.so" --plugin "$build/plugins/formation/formation.so" \
    --plugin "$build/tests/integration/plugins/keyed.so" || exit 1
printf '# a comment\nwrite tester %s\n' "$token" >"$scratch/tokens"
with_token=(--token-file "$scratch/tokens")

# Each key is set, set again, and deleted; at any time some are in each state. Others are set once: a
# hole is not closed by a later event.
for ((n = 0; n < 48; n++)); do
    what=upsert
    case $((n % 4)) in
    0) key="key $((n / 4))" ;;
    1) key="key $((n / 4 - 1))" ;;
    2) what=delete key="key $((n / 4 - 2))" ;;
    3) key="other key $n" ;;
    esac
    printf '{"specversion":"1.0","id":"0","source":"/test","type":"test.keyed.v1.%s",' "$what"
    printf '"subject":"%s","data":{"value":%d}}\n' "$key" "$n"
done >"$scratch/events"
with_keyed=("${with_token[@]}" --collection keyed --filter times=1 --events "$scratch/events")

# ---- Usage ---------------------------------------------------------------------------------------

finds "no URL" 2 "wanted one URL"
finds "another scheme" 2 "wanted http://HOST" "${with_token[@]}" ftp://127.0.0.1/
finds "an unknown option" 2 "there is no option --frob" --frob "$daemon_url"
finds "a filter that is no equality" 2 "only equality" --filter n.gt=1 "$daemon_url"
finds "no token" 2 "set REEL_TOKEN" "$daemon_url"
finds "no connection" 3 "cannot connect" "${with_token[@]}" http://127.0.0.1:1
finds "no such collection" 1 "no collection frob" "${with_token[@]}" --collection frob "$daemon_url"
echo wrong-token >"$scratch/wrong"
finds "a wrong token" 1 "the token is refused" --token-file "$scratch/wrong" "$daemon_url"

# ---- Directly ------------------------------------------------------------------------------------

passes "an empty log" "${with_token[@]}" --watch 0 --cuts 20 "$daemon_url"
[[ $out == *'skipped  events, cuts'* && $err == *'writes nothing'* ]] || complain "an empty log: $out"
REEL_TOKEN=$token passes "cells" --write "$daemon_url"
[[ $out == *'records over server-sent events with a filter, cuts: cut at each of '* ]] ||
    complain "cells: $out"
passes "records that are deleted" "${with_keyed[@]}" --cuts 300 "$daemon_url"
passes "only what there is" "${with_token[@]}" --watch 0 --cuts 20 --collection keyed "$daemon_url"

run "${with_token[@]}" --json --watch 0 --cuts 5 "$daemon_url"
python3 -c '
import json, sys
report = json.load(sys.stdin)
assert report["failed"] == 0 and report["passed"] > 10
assert len(report["checks"]) == report["passed"] + report["skipped"]
assert any(check["name"] == "records.sse.cuts" for check in report["checks"])
' <<<"$out" || complain "--json: $out"

# ---- Through nginx, as docs/operating.md has it --------------------------------------------------

# nginx cannot choose a port, so a free one is looked for until it listens.
nginx_start() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=reel -addext \
        subjectAltName=IP:127.0.0.1 -keyout "$scratch/reel.key" -out "$scratch/reel.pem" \
        2>/dev/null || return 1
    for _ in 1 2 3 4 5; do
        port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
        {
            echo "daemon off; pid $scratch/nginx.pid; error_log stderr warn;"
            echo "events { worker_connections 256; }"
            echo "http { access_log off;"
            for kind in client_body proxy fastcgi uwsgi scgi; do
                echo "${kind}_temp_path $scratch/$kind;"
            done
            sed -n '/^```nginx$/,/^```$/{/^```/!p}' "$root/docs/operating.md" |
                sed -e "s|listen 443 ssl|listen 127.0.0.1:$port ssl|" \
                    -e "s|/etc/ssl/private/reel.key|$scratch/reel.key|" \
                    -e "s|/etc/ssl/reel.pem|$scratch/reel.pem|" \
                    -e "s|http://127.0.0.1:8080|$daemon_url|"
            echo "}"
        } >"$scratch/nginx.conf"
        "$nginx" -p "$scratch" -c "$scratch/nginx.conf" 2>"$scratch/nginx.log" &
        nginx_pid=$!
        for ((patience = 0; patience < 200; patience++)); do
            kill -0 "$nginx_pid" 2>/dev/null || break
            curl -sS --cacert "$scratch/reel.pem" "https://127.0.0.1:$port/healthz" \
                >/dev/null 2>&1 && return 0
            sleep 0.05
        done
        kill "$nginx_pid" 2>/dev/null
        wait "$nginx_pid"
    done
    nginx_pid=
    cat "$scratch/nginx.log" >&2
    return 1
}

nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
if [[ ! $nginx ]]; then
    echo "conform_test: there is no nginx: that part is left out" >&2
elif nginx_start; then
    grep -q "proxy_pass $daemon_url;" "$scratch/nginx.conf" || complain "the configuration is another"
    finds "a certificate that is not trusted" 3 "no TLS" "${with_token[@]}" "https://127.0.0.1:$port"
    passes "through nginx" "${with_keyed[@]}" --ca-file "$scratch/reel.pem" --cuts 200 \
        "https://127.0.0.1:$port/"
else
    complain "nginx does not start"
fi

# ---- Faults --------------------------------------------------------------------------------------

# fault NAME SENTENCE [ARGUMENT...]: a gateway with this fault; the sentence is one of what is found.
fault() {
    local url='' patience=600
    python3 "$root/tests/integration/conform_faulty.py" "$daemon_url" "$1" >"$scratch/gateway" &
    gateway_pid=$!
    while [[ ! $url ]] && ((patience-- > 0)); do
        sleep 0.05
        url=$(<"$scratch/gateway")
    done
    if [[ $1 == none ]]; then
        passes "$1" "${with_keyed[@]}" --cuts 8 "$url"
    else
        finds "$1" 1 "$2" "${with_keyed[@]}" --cuts 8 "${@:3}" "$url"
    fi
    kill "$gateway_pid"
    wait "$gateway_pid"
    gateway_pid=
}

fault none ''
fault hole 'FAILED   records over WebSocket, cuts: not cut: a hole'
[[ $out == *'FAILED   events over server-sent events, cuts: not cut: a hole'* ]] || complain "hole: $out"
fault seam ', live: the records that were received are not those'
fault repeat 'FAILED   records over server-sent events, cuts: not cut: a repeat'
[[ $out == *'FAILED   events over WebSocket, cuts: not cut: a repeat'* ]] || complain "repeat: $out"
fault older 'FAILED   records over WebSocket, cuts: not cut: the records that were received are not those'
fault deletion 'FAILED   records over WebSocket, cuts: not cut: a lost deletion'
[[ $out == *', live: the records that were received are not those'* ]] || complain "deletion: $out"
fault ids 'FAILED   records over server-sent events, snapshot: the position '
fault buffer 'FAILED   records over server-sent events, snapshot: nothing more came' --timeout 5
fault pong 'FAILED   events over WebSocket, control frames: a ping was not answered' --timeout 5
fault epoch 'FAILED   the epoch of another log: '

# ---- A log of which the oldest part was removed --------------------------------------------------

daemon_end || complain "the daemon ended badly"
REEL_TOKEN=$token daemon_start "$reeld" "$scratch/log" --data "$scratch/trimmed" \
    --plugin "$build/plugins/cell/cell.so" --plugin "$build/plugins/formation/formation.so" \
    --retention-events 60 || exit 1
passes "a log that is short" "${with_token[@]}" --write --cuts 5 "$daemon_url"
passes "a log that is being trimmed" "${with_token[@]}" --write --cuts 5 "$daemon_url"
for ((patience = 0; patience < 1200; patience++)); do
    curl -sS -H "Authorization: Bearer $token" "$daemon_url/v1/status" |
        grep -qE '"first_seq":([3-9]|[1-9][0-9])' && break
    sleep 0.05
done
passes "a log that was trimmed" "${with_token[@]}" --watch 0 --cuts 5 "$daemon_url"
[[ $out == *'passed   a position whose events retention has removed'* ]] || complain "too old: $out"

daemon_end || complain "the daemon ended badly"
daemon_pid=
((failures == 0))
