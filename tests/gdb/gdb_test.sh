#!/usr/bin/env bash
# gdb_test.sh SOURCE_ROOT SHOWN: what gdb shows of strings, texts and values with the printers of
# core/common/gdb/reel.py. Skipped where there is no gdb, or where it may not run a program.
set -u -o pipefail
root=$1 program=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

type -P gdb >/dev/null || { echo "there is no gdb"; exit 77; }
gdb -nx -batch -ex 'python print(1)' >/dev/null 2>&1 || { echo "gdb has no python"; exit 77; }
gdb -nx -batch -ex run "$(type -P true)" 2>&1 | grep -q 'exited normally' ||
    { echo "gdb may not run a program here"; exit 77; }

members=(plain none empty odd cut_short lost text unused failed root member missing)
commands=(-ex 'set width 0' -ex "source $root/core/common/gdb/reel.py" -ex 'break look' -ex run)
for member in "${members[@]}"; do
    commands+=(-ex "printf \"$member = \"" -ex "output shown->$member" -ex 'printf "\n"')
done
timeout 60 gdb -nx -batch "${commands[@]}" "$program" >"$scratch/said" 2>&1
grep -E "^($(IFS='|' && echo "${members[*]}")) = " "$scratch/said" >"$scratch/shown"

xs=$(printf 'x%.0s' {1..1024})
cat >"$scratch/wanted" <<END
plain = "cells"
none = NULL
empty = ""
odd = "a\\x00\\xff\\nä"
cut_short = "$xs"... (3000 bytes)
lost = <Cannot access memory at address 0x8>
text = "appended" len 8, size SIZE
unused = "" len 0, size 0
failed = "" len 0, size 0, failed
root = {"id":"a\\"b","n":[-1,18446744073709551615,1.5,true,null],"o":{}}
member = "a\\"b"
missing = MISSING
END
sed -i '/^text = /s/size [1-9][0-9]*$/size SIZE/' "$scratch/shown"
diff "$scratch/wanted" "$scratch/shown" >&2 && exit
cat "$scratch/said" >&2
exit 1
