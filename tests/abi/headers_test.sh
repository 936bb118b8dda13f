#!/bin/sh
# headers_test.sh SOURCE_ROOT: each public header compiles alone, and twice over, as C11 and as
# C++17 (.hpp: only as C++17), with all warnings as errors. $CC and $CXX name the compilers.
set -eu

include=$1/core/include
failed=0
count=0

# compile HEADER LANGUAGE COMPILER...: CC may be several words, so it comes last and unquoted.
compile() {
    header=$1 language=$2
    shift 2
    printf '#include <reel/%s>\n#include <reel/%s>\n' "$header" "$header" |
        "$@" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$include" -x "$language" - ||
        { echo "reel/$header does not compile alone with: $*" >&2; failed=1; }
}

for path in "$include"/reel/*.h; do
    [ -e "$path" ] || { echo "no headers in $include/reel" >&2; exit 1; }
    header=${path##*/}
    # shellcheck disable=SC2086
    compile "$header" c ${CC:-cc} -std=c11
    # shellcheck disable=SC2086
    compile "$header" c++ ${CXX:-c++} -std=c++17
    count=$((count + 1))
done

for path in "$include"/reel/*.hpp; do
    header=${path##*/}
    # shellcheck disable=SC2086
    compile "$header" c++ ${CXX:-c++} -std=c++17
    count=$((count + 1))
done

echo "$count headers"
exit "$failed"
