/* router.h: finds the projectors that watch an event's type.
 *
 * A projector gets the event if one of its prefixes begins the type. If several of its prefixes do,
 * the longest one is reported. A route is found by trying all prefixes, and is then remembered. A
 * log has few types, so for almost every event there is one look-up. The memory for routes is
 * fixed: if there are too many types, routes replace each other.
 *
 * [writer]: finding a route changes this memory.
 */
#ifndef REEL_ENGINE_FOLD_ROUTER_H
#define REEL_ENGINE_FOLD_ROUTER_H

#include <reel/projector.h>

#define ROUTER_KEPT       256 /* number of remembered routes; a power of two */
#define ROUTER_KEPT_BYTES 128 /* longest type that is remembered */
#define ROUTER_PROBES     4   /* number of slots in which a route may be */

/* One projector that gets the event. */
struct route_match {
    uint32_t projector; /* the number that router_add returned */
    uint32_t prefix;    /* index in its type_prefixes */
    size_t prefix_len;
};

struct route {
    struct reel_str type;
    char type_bytes[ROUTER_KEPT_BYTES];
    size_t count;
    struct route_match *stops; /* in the order of router_add; there is room for every projector */
};

struct router {
    const char *const **prefixes; /* the prefixes of each projector, borrowed */
    size_t count;
    struct route kept[ROUTER_KEPT];
    struct route found; /* the last route that was not remembered */
};

void router_finish(struct router *router);

/* Adds a projector's prefixes, which are borrowed. Returns its number, or -ENOMEM. */
int router_add(struct router *router, const char *const *prefixes);

/* Removes the projectors from this number on. */
void router_truncate(struct router *router, size_t count);

/* The route for a type. Valid until the next call. */
const struct route *router_find(struct router *router, struct reel_str type);

#endif
