/* collection.c: see collection.h. */
#include "engine/fold/collection.h"

#include "base/text.h"

int collection_canonical_key(const struct collection *collection, struct reel_str given,
                             struct reel_key *ret) {
    const struct reel_projector *declared = &collection->projector->declared;
    if (declared->canonical_key) return declared->canonical_key(given, ret) ? 0 : 1;
    if (!given.data || !utf8_valid(given)) return 1;
    ret->str = given;
    return 0;
}
