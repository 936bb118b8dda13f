/* router.h: from an event's type to the projectors that watch it.
 *
 * Every projector one of whose prefixes begins the type gets the event; of a projector's own
 * prefixes the longest decides which it was. A route is found by trying all prefixes, and kept:
 * a log has few types, so that almost every event is one look-up. The memory of routes has a
 * fixed size; where types are too many, they push each other out.
 *
 * [writer]: routing writes to the memory of routes.
 */
#ifndef REEL_ENGINE_FOLD_ROUTER_H
#define REEL_ENGINE_FOLD_ROUTER_H

#include <reel/projector.h>

#define ROUTER_KEPT       256 /* routes remembered; a power of two */
#define ROUTER_KEPT_BYTES 128 /* longest type that is remembered */
#define ROUTER_PROBES     4   /* places that one may be in */

/* One projector that gets the event. */
struct route_match {
    uint32_t projector; /* as router_add returned it */
    uint32_t prefix;    /* index into its type_prefixes */
    size_t prefix_len;
};

struct route {
    struct reel_str type;
    char type_bytes[ROUTER_KEPT_BYTES];
    size_t count;
    struct route_match *stops; /* in the order of router_add; room for every projector */
};

struct router {
    const char *const **prefixes; /* of each projector, borrowed */
    size_t count;
    struct route kept[ROUTER_KEPT];
    struct route found; /* the last one that was not kept */
};

void router_finish(struct router *router);

/* Adds a projector's prefixes; they are borrowed. Returns its number or -ENOMEM. */
int router_add(struct router *router, const char *const *prefixes);

/* Forgets all projectors from that number on. */
void router_truncate(struct router *router, size_t count);

/* The route for a type; good until the next call. */
const struct route *router_find(struct router *router, struct reel_str type);

#endif
