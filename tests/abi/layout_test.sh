#!/bin/sh
# layout_test.sh FILE PROGRAM...: the structs of the ABI have the layout that FILE says, in each
# language. A layout that is released never changes: structs get members at their end only.
set -eu

file=$1
shift
failed=0
for program in "$@"; do
    "$program" | diff -u "$file" - >&2 || { echo "$program: the layout has changed" >&2; failed=1; }
done
echo "$# programs"
exit "$failed"
