#!/usr/bin/env bash
# readme_test.sh SOURCE_ROOT REELD: what README.md says of the 30-line projector is so: the text is
# the file's, it compiles as shown, and `reeld replay` runs it.
set -u -o pipefail
root=$1 reeld=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

die() {
    echo "readme_test: $1" >&2
    exit 1
}

# The code block of the README that holds the plugin.
awk '/^```c$/ {on = 1; text = ""; next}
     /^```$/ {if (on && text ~ /reel_plugin = /) printf "%s", text; on = 0; next}
     on {text = text $0 "\n"}' "$root/README.md" >"$scratch/tally.c"
diff -u "$root/examples/tally.c" "$scratch/tally.c" || die "README.md shows another examples/tally.c"

"${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -fPIC -shared -fvisibility=hidden \
    -I"$root/core/include" -o "$scratch/tally.so" "$scratch/tally.c" || die "it does not compile"

lines=$(wc -l <"$root/examples/tally.c")
((lines <= 40)) || die "it has $lines lines"

printf '%s\n' '{"type":"dev.cellos.events.x","source":"/a"}' '{"type":"dev.cellos.events.y"}' \
    '{"type":"other","source":"/b"}' '{"type":"dev.cellos.events.z","source":"/a"}' |
    "$reeld" replay --plugin "$scratch/tally.so" - >"$scratch/out" || die "reeld replay fails"
want='{"seen":4,"applied":2,"ignored":1,"rejected":1,"cursor":4,"collections":{"sources":[{"source":"/a","events":2,"last_type":"dev.cellos.events.z"}]}}'
[[ $(<"$scratch/out") == "$want" ]] || die "reeld replay printed $(<"$scratch/out")"
