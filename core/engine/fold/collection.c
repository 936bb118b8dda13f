/* collection.c: see collection.h. */
#include "engine/fold/collection.h"

#include "base/text.h"

#include <errno.h>

static bool is_set_aside(const struct collection *collection, struct reel_str given) {
    uint8_t hash[CALLBACK_HASH_BYTES];
    if (collection->aside->count == 0) return false;
    callback_hash(given, hash);
    return set_aside_find(collection->aside, SET_ASIDE_KEY, collection->name,
                          plugin_build_id(collection->plugin), hash, given.len);
}

/* Its numbers are not those of turns (fold.h), which may come before and after it on this thread.
 */
static int call(const struct collection *collection, struct reel_str given, struct reel_key *ret) {
    static _Thread_local uint64_t count;
    struct callback_slot unwatched;
    struct callback_slot *slot = callback_slot_here(&unwatched);
    const struct reel_str text = {given.data ? given.data : "", given.data ? given.len : 0};
    callback_begin(slot, CALLBACK_KEY, collection->watched, text, 0, UINT64_C(1) << 63 | ++count,
                   callbacks_are_eager());
    bool is_key = collection->projector->declared.canonical_key(given, ret);
    callback_end(slot);
    return is_key ? 0 : 1;
}

int collection_canonical_key(const struct collection *collection, struct reel_str given,
                             struct reel_key *ret) {
    if (collection->projector->declared.canonical_key) {
        if (collection->refuses_keys) return -EBUSY;
        return is_set_aside(collection, given) ? 1 : call(collection, given, ret);
    }
    if (!given.data || !utf8_valid(given)) return 1;
    ret->str = given;
    return 0;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static bool is_same_text(struct reel_str a, struct reel_str b) {
    return a.data == b.data ? a.len == b.len : reel_str_eq(a, b);
}

bool change_is_different(const struct change *change) {
    if (change->exists != change->before.exists) return true;
    if (!change->exists) return false; /* made and deleted */
    for (uint32_t at = 0; at < change->collection->shape.count; at++)
        if (!is_same_text(change->values[at], change->before.values[at])) return true;
    return false;
}
