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
#define CACHED_BYTES_MAX ((size_t)64 << 10) /* of the body */

struct cache_slot;
struct cached;

/* Looks for the answer with this key. If it is found (`ret_found`), returns it. Otherwise, if the
 * key was in a request before, returns an empty entry for cache_put, which owns the key. Otherwise
 * returns NULL. cached_release releases what it returns. */
struct cached *cache_find(struct cache_slot *slots, struct text *key, bool *ret_found);

/* The response to send, or NULL if it must be made; and the number of bytes of its body. Both
 * accept NULL. */
struct MHD_Response *cached_response(const struct cached *cached);
size_t cached_bytes(const struct cached *cached);

/* Fills the entry with a response whose body has `bytes` bytes, and takes ownership of the
 * response. Returns false, and takes nothing, if the body is longer than CACHED_BYTES_MAX or if
 * `cached` is NULL. */
bool cache_put(struct cached *cached, struct MHD_Response *response, size_t bytes);

/* Releases an entry. The response lives as long as it is being sent. Accepts NULL. */
void cached_release(struct cached *cached);

/* Call them before the first request and after the last. cache_finish has no effect if the cache
 * was not started. */
int cache_start(struct server *server, struct reel_error *error);
void cache_finish(struct server *server);

#endif
