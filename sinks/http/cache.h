/* cache.h: caches answers, which are then sent again.
 *
 * Clients that poll send the same request again and again. While nothing is committed, the answers
 * to requests for the same target are the same bytes, so the cached answer is sent. Its key
 * (cached_answer.c) contains the newest commit, so an entry never needs to be invalidated.
 *
 * An answer is cached at the second request for it. There are CACHE_SLOTS slots. An answer replaces
 * the one before if their keys have the same slot. So the cache takes at most CACHE_SLOTS times
 * CACHED_BYTES_MAX, and the keys, in addition to http_memory_bytes_max. While a cached answer is
 * being sent, its bytes also count as the request's memory, because a slow client may keep them
 * after the slot has been replaced.
 *
 * [any thread]
 */
#ifndef REEL_SINKS_HTTP_CACHE_H
#define REEL_SINKS_HTTP_CACHE_H

#include "base/text.h"
#include "server.h"

#define CACHE_SLOTS      64
#define CACHED_BYTES_MAX ((size_t)64 << 10) /* of a body */

struct cache_slot;
struct cached;

/* The answer under that key (`ret_found`); or, if the key was looked for before, an empty entry
 * that cache_put fills, which owns the key; or NULL. cached_release releases either. */
struct cached *cache_find(struct cache_slot *slots, struct text *key, bool *ret_found);

/* The response to be sent, or NULL: it must be made; and the bytes of its body. Both take NULL. */
struct MHD_Response *cached_response(const struct cached *cached);
size_t cached_bytes(const struct cached *cached);

/* Fills the entry with a response whose body has `bytes` bytes, and owns the response. False, and
 * nothing is owned, if the body is longer than CACHED_BYTES_MAX or `cached` is NULL. */
bool cache_put(struct cached *cached, struct MHD_Response *response, size_t bytes);

/* Releases what cache_find returned; the response lives while it is being sent. Takes NULL. */
void cached_release(struct cached *cached);

/* Before the first request, and after the last; finishing what was not started has no effect. */
int cache_start(struct server *server, struct reel_error *error);
void cache_finish(struct server *server);

#endif
