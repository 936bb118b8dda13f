#!/usr/bin/env bash
# testing_test.sh PROGRAM WANTED: every test of the program fails, and says what WANTED says. Ids
# and times that are new each time, and numbers of lines, do not count. What a test that fails has
# left is no leak: it was left by longjmp.
set -u -o pipefail
program=$1 wanted=$2
said=$(ASAN_OPTIONS=detect_leaks=0 "$program" 2>&1) && { echo "it does not fail" >&2; exit 1; }
count=$(grep -c '^\[ RUN ' <<<"$said")
((count > 0 && count == $(grep -c '^\[  FAILED  \] [a-z_]*$' <<<"$said"))) ||
    [[ $(grep -c "^\[  FAILED  \].*$count test(s), listed below" <<<"$said") == 1 ]] ||
    { printf '%s\n' "$said" "not all of them fail" >&2; exit 1; }
sed -nE 's/^(\[ +)RUN +\] /-- /p; /^.*testing_failures\.c:[0-9]+: (error: )?/{
    /error: Failure/d; s/^.*testing_failures\.c:[0-9]+: //p; }; /^  (expected|found|in): /p' \
    <<<"$said" |
    sed -E 's/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/UUID/g
        s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' | diff "$wanted" -
