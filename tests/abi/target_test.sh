#!/bin/sh
# target_test.sh SOURCE_ROOT REELD: REEL_ABI_TARGET_MINOR. Headers of a later minor version are made
# from these ones, with a member and a function that are new in it, by the rule of abi.h. A plugin
# that names this host's minor version as its target runs here, though it was made with them; one
# that does not is refused; and what is new cannot be used by the first. $CC and $CXX name the
# compilers.
set -eu

root=$1 reeld=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
    echo "target_test: $*" >&2
    failures=$((failures + 1))
}

minor=$(sed -n 's/^#define REEL_ABI_MINOR \([0-9]*\)$/\1/p' "$root/core/include/reel/abi.h")
next=$((minor + 1))
later=$scratch/later
mkdir "$later"
cp -r "$root/core/include/reel" "$later/reel"

# The new member comes last in struct reel_projector, the new function last in struct reel_host.
sed -i "s/^#define REEL_ABI_MINOR $minor\$/#define REEL_ABI_MINOR $next/" "$later/reel/abi.h"
sed -i "/^struct reel_projector {/,/^};/ s/^};/#if REEL_ABI_TARGET_MINOR >= $next\\
    const char *colour;\\
#endif\\
};/" "$later/reel/projector.h"
sed -i "/^struct reel_host {/,/^};/ s/^};/#if REEL_ABI_TARGET_MINOR >= $next\\
    void (*paint)(struct reel_tx *tx);\\
#endif\\
};/" "$later/reel/host.h"
for name in abi projector host; do
    ! cmp -s "$root/core/include/reel/$name.h" "$later/reel/$name.h" || fail "$name.h is as before"
done

cat >"$scratch/plugin.c" <<'END'
#include <reel/projector.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    reel_set_str(reel_upsert(tx, event->id), "id", event->id);
#ifdef USES_NEW
    tx->host->paint(tx);
#endif
    return REEL_APPLIED;
}
static const char *const prefixes[] = {"test.", NULL};
static const struct reel_field id = {
    .struct_size = sizeof(struct reel_field), .name = "id", .kind = REEL_FIELD_STRING};
static const struct reel_field *const fields[] = {&id, NULL};
static const struct reel_projector things = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "things",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
#ifdef DECLARES_NEW
    .colour = "red",
#endif
};
static const struct reel_projector *const projectors[] = {&things, NULL};
REEL_PLUGIN("later", "1.0.0", projectors, NULL);
END

# compile NAME FLAG...: makes NAME.so. CC may be several words.
compile() {
    name=$1
    shift
    # shellcheck disable=SC2086
    ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -I"$later" \
        "$@" "$scratch/plugin.c" -o "$scratch/$name.so" 2>"$scratch/$name.err"
}

fold() {
    echo '{"type":"test.made","id":"a"}' |
        "$reeld" replay --plugin "$scratch/$1.so" - 2>"$scratch/$1.err"
}

# For this host: runs.
compile target -DREEL_ABI_TARGET_MINOR="$minor" || fail "$(cat "$scratch/target.err")"
case $(fold target) in
*'"applied":1'*'"things":[{"id":"a"}]'*) ;;
*) fail "a plugin for this host does not run: $(cat "$scratch/target.err")" ;;
esac

# For the headers' own version: refused.
compile newest || fail "$(cat "$scratch/newest.err")"
! fold newest >/dev/null || fail "a plugin for a later host is accepted"
grep -q "abi 1.$next, this host speaks 1.0 to 1.$minor" "$scratch/newest.err" ||
    fail "another sentence: $(cat "$scratch/newest.err")"

"$reeld" plugins --json "$scratch/newest.so" "$scratch/target.so" >"$scratch/described" &&
    fail "reeld plugins: exit code 0 for a plugin that is refused"
grep -q "\"abi\":\"1.$next\".*\"refused\":\"abi 1.$next, this host.*\"abi\":\"1.$minor\".*\"refused\":null" \
    "$scratch/described" || fail "described as $(cat "$scratch/described")"

# What is new is there for those who want it, and only for them.
compile new -DUSES_NEW -DDECLARES_NEW || fail "$(cat "$scratch/new.err")"
for what in USES_NEW DECLARES_NEW; do
    ! compile old -D$what -DREEL_ABI_TARGET_MINOR="$minor" || fail "$what compiles for this host"
    grep -q "paint\|colour" "$scratch/old.err" || fail "$what: $(cat "$scratch/old.err")"
done

# A target beyond the headers.
! compile beyond -DREEL_ABI_TARGET_MINOR=$((next + 1)) || fail "a target beyond the headers compiles"
grep -q "REEL_ABI_TARGET_MINOR is beyond" "$scratch/beyond.err" ||
    fail "another error: $(cat "$scratch/beyond.err")"

exit $((failures > 0))
