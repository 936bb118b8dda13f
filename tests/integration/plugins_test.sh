#!/usr/bin/env bash
# plugins_test.sh REELD BUILD_ROOT: `reeld plugins` prints what files say about themselves, and runs
# nothing of them.
set -u -o pipefail
reeld=$1 build=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

# expect NAME WANTED FOUND
expect() {
    [[ $2 == "$3" ]] && return
    printf 'plugins_test: %s:\n  wanted %s\n  found  %s\n' "$1" "$2" "$3" >&2
    failures=$((failures + 1))
}

cell=$build/plugins/cell/cell.so notes=$build/tests/integration/plugins/notes.so
sha256() { sha256sum "$1" | cut -d' ' -f1; }
build_id() { readelf -n "$1" | sed -n 's/ *Build ID: //p'; }

out=$("$reeld" plugins "$cell" "$notes")
expect "exit code" 0 "$?"
expect "for people" "$cell
  name      cell
  version   1.0.0
  abi       1.0
  kinds     projectors
  build id  $(build_id "$cell")
  sha256    $(sha256 "$cell")
$notes
  name      notes
  version   1.0.0
  abi       1.0
  kinds     sinks
  build id  $(build_id "$notes")
  sha256    $(sha256 "$notes")" "$out"

out=$("$reeld" plugins --json "$cell")
expect "exit code with --json" 0 "$?"
expect "for programs" "[\"$cell\",\"cell\",\"1.0.0\",\"1.0\",[\"projectors\"],\
\"$(build_id "$cell")\",\"$(sha256 "$cell")\",$(stat -c %s "$cell"),null]" \
    "$(jq -c '.plugins[0] | [.path,.name,.version,.abi,.kinds,.build_id,.sha256,.bytes,.refused]' \
        <<<"$out")"

# Files that are not plugins are described as far as they can be; the exit code says so.
echo text >"$scratch/text.so"
out=$("$reeld" plugins --json "$scratch/text.so" "$scratch/absent.so" /bin/sh "$cell")
expect "exit code of what is refused" 1 "$?"
expect "refusals" '["it is not a shared object","no such file",true,null]' \
    "$(jq -c '[.plugins[].refused] | .[2] |= startswith("it is not a plugin: it has no note `Reel`")' \
        <<<"$out")"
out=$("$reeld" plugins "$scratch/text.so")
expect "a refusal for people" "$scratch/text.so
  refused   it is not a shared object" "$out"

"$reeld" plugins >"$scratch/out" 2>&1
expect "no file" "2 reeld plugins: no file was given; see reeld --help" "$? $(<"$scratch/out")"
"$reeld" plugins --frob x >"$scratch/out" 2>&1
expect "an unknown option" "2 reeld plugins: it has only the option --json; see reeld --help" \
    "$? $(<"$scratch/out")"

# `replay` takes settings of projectors.
ledger=$build/tests/integration/plugins/ledger.so
note='{"type":"test.ledger.v1.noted","subject":"a"}'
out=$("$reeld" replay --plugin "$ledger" --setting ledger_currency=SEK --setting ledger_tags=a,b \
    - <<<"$note")
expect "replay with settings" '["SEK","[a][b]"]' \
    "$(jq -c '.collections.ledger[0] | [.currency,.tags]' <<<"$out")"
"$reeld" replay --plugin "$ledger" --setting ledger_colour=red - <<<"$note" >"$scratch/out" 2>&1
expect "an unknown setting" \
    "1 reeld replay: no loaded projector has a setting \`ledger_colour\`" "$? $(<"$scratch/out")"

exit $((failures > 0))
