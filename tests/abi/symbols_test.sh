#!/bin/sh
# symbols_test.sh LIST LIBRARY PLUGIN...: the library exports what is in the list, no more and no
# less; each plugin exports reel_plugin and nothing else. $NM names the tool.
set -eu

list=$1 library=$2
shift 2
failed=0

# The dynamic symbols that a file defines, sorted, without versions. Sanitizers and coverage add
# symbols of their own, all of them in the names reserved for the implementation.
exported() {
    ${NM:-nm} -D --defined-only "$1" |
        awk '$(NF - 1) != "A" { sub(/@.*/, "", $NF); print $NF }' |
        grep -vE '^__(odr_asan|asan|tsan|ubsan|sanitizer|gcov|llvm)' |
        LC_ALL=C sort -u
}

# same WANTED FOUND FILE
same() {
    [ "$1" = "$2" ] && return
    echo "$3 exports:" "$2" >&2
    echo "wanted:" "$1" >&2
    failed=1
}

same "$(cat "$list")" "$(exported "$library")" "$library"
for plugin in "$@"; do
    same reel_plugin "$(exported "$plugin")" "$plugin"
done

echo "$library and $# plugins"
exit "$failed"
