/* router.c: see router.h. */
#include "engine/fold/router.h"

#include "base/invariant.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>

void router_finish(struct router *router) {
    for (size_t i = 0; i < ROUTER_KEPT; i++) free(router->kept[i].stops);
    free(router->found.stops);
    free(router->prefixes);
    *router = (struct router){0};
}

/* Gives each route room for one stop more and forgets what it held. */
static int make_room(struct route *route, size_t count) {
    struct route_match *stops = realloc(route->stops, count * sizeof *stops);
    if (!stops) return -ENOMEM;
    route->stops = stops;
    route->type = (struct reel_str){0};
    route->count = 0;
    return 0;
}

int router_add(struct router *router, const char *const *prefixes) {
    size_t count = router->count + 1;
    for (size_t i = 0; i < ROUTER_KEPT; i++)
        if (make_room(&router->kept[i], count) < 0) return -ENOMEM;
    if (make_room(&router->found, count) < 0) return -ENOMEM;
    void *grown = realloc(router->prefixes, count * sizeof *router->prefixes);
    if (!grown) return -ENOMEM;
    router->prefixes = grown;
    router->prefixes[router->count] = prefixes;
    router->count = count;
    return (int)(count - 1);
}

void router_truncate(struct router *router, size_t count) {
    INVARIANT(count <= router->count);
    router->count = count;
    for (size_t i = 0; i < ROUTER_KEPT; i++) router->kept[i].type = (struct reel_str){0};
}

/* The longest of one projector's prefixes that begins the type. */
static bool longest_prefix(const char *const *prefixes, struct reel_str type,
                           struct route_match *ret) {
    bool found = false;
    for (uint32_t i = 0; prefixes[i]; i++) {
        size_t len = strlen(prefixes[i]);
        if (len > type.len || memcmp(prefixes[i], type.data, len) != 0) continue;
        if (found && len <= ret->prefix_len) continue;
        ret->prefix = i;
        ret->prefix_len = len;
        found = true;
    }
    return found;
}

/* Where the type is, or may be put: one of a few places. Types differ in their ends. */
static struct route *place_of(struct router *router, struct reel_str type, bool *ret_is_there) {
    struct reel_str end = type;
    if (end.len > 16) end = (struct reel_str){type.data + type.len - 16, 16};
    uint64_t first = str_hash(end) + type.len;
    for (uint64_t place = first; place < first + ROUTER_PROBES; place++) {
        struct route *route = &router->kept[place & (ROUTER_KEPT - 1)];
        *ret_is_there = route->type.data && reel_str_eq(route->type, type);
        if (*ret_is_there || !route->type.data) return route;
    }
    return &router->kept[first & (ROUTER_KEPT - 1)];
}

const struct route *router_find(struct router *router, struct reel_str type) {
    bool keep = type.len <= ROUTER_KEPT_BYTES, is_there = false;
    struct route *route = keep ? place_of(router, type, &is_there) : &router->found;
    if (is_there) return route;
    route->count = 0;
    for (uint32_t i = 0; i < router->count; i++) {
        struct route_match stop = {.projector = i};
        if (longest_prefix(router->prefixes[i], type, &stop)) route->stops[route->count++] = stop;
    }
    if (keep) {
        if (type.len) memcpy(route->type_bytes, type.data, type.len);
        route->type = (struct reel_str){route->type_bytes, type.len};
    }
    return route;
}
