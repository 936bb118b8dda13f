#!/usr/bin/env bash
# names_test.sh BUILD_ROOT REELD: a plugin whose own functions have names that libraries of the host
# have, too: it calls its own; or, where another allocator stands before libc's, it is refused.
set -u -o pipefail
build=$1 reeld=$2
plugin=$build/tests/abi/own_names.so
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
event='{"specversion":"1.0","id":"1","source":"/a","type":"test.things.made","data":{"id":"x"}}'
failures=0

# replay [VARIABLE=VALUE]: what comes of the event, in `out`.
replay() {
    out=$(env "$@" timeout 60 "$reeld" replay --plugin "$plugin" - <<<"$event" 2>&1)
}

# wants PATTERN NAME
wants() {
    [[ $out == $1 ]] && return
    printf 'names_test: %s:\n  %s\n' "$2" "$out" >&2
    failures=$((failures + 1))
}

refusal="*cannot load $plugin: its own \`*\` would be that of *: build it with -fvisibility=hidden*"
replay
if [[ $out == *'{"id":"mine","state":"own"}'* ]]; then
    replay LD_PRELOAD="$build/tests/abi/libstands_before.so"
    wants "$refusal" "with another allocator"
    plugin=$build/tests/abi/good.so
    replay LD_PRELOAD="$build/tests/abi/libstands_before.so"
    wants '*"applied":1,*' "a plugin without such names, with another allocator"
else
    wants "$refusal" "without protection (a sanitizer's allocator)"
fi
((failures == 0))
