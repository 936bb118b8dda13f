# daemon.sh: `reeld serve` for tests written in shell, which source it.
# shellcheck shell=bash

# daemon_start REELD LOG ARGUMENT...: starts it on a free port and waits until it listens. Sets
# `daemon_pid` and `daemon_url`. Fails, with the log on stderr, if it does not listen.
daemon_start() {
    local reeld=$1 log=$2 patience=600
    shift 2
    daemon_url=
    : >"$log"
    "$reeld" serve --bind 127.0.0.1:0 "$@" 2>"$log" </dev/null &
    daemon_pid=$!
    while [[ -z $daemon_url ]] && ((patience-- > 0)) && kill -0 "$daemon_pid" 2>/dev/null; do
        sleep 0.05
        daemon_url=$(sed -n 's|.*listening on \(http://[^"]*\).*|\1|p' "$log")
    done
    [[ $daemon_url ]] && return
    cat "$log" >&2
    return 1
}

# daemon_end: SIGTERM; its exit code.
daemon_end() {
    kill "$daemon_pid" 2>/dev/null
    wait "$daemon_pid"
}
