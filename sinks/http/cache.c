/* cache.c: see cache.h. */
#include "cache.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/invariant.h"

#include <stdlib.h>

/* One answer: first while it is made, for one request; then in its slot, and while it is sent. */
struct cached {
    atomic_uint users;
    struct cache_slot *slot;
    struct MHD_Response *response; /* NULL while it is being made */
    size_t bytes;                  /* of its body */
    struct text key;
};

struct cache_slot {
    pthread_mutex_t lock;
    uint64_t asked;        /* the hash of the key in the last request */
    struct cached *cached; /* or NULL */
};

struct MHD_Response *cached_response(const struct cached *cached) {
    return cached ? cached->response : NULL;
}

size_t cached_bytes(const struct cached *cached) {
    return cached ? cached->bytes : 0;
}

void cached_release(struct cached *cached) {
    if (!cached) return;
    unsigned users = atomic_fetch_sub(&cached->users, 1);
    INVARIANT(users > 0);
    if (users > 1) return;
    if (cached->response) MHD_destroy_response(cached->response);
    text_finish(&cached->key);
    free(cached);
}

/* The answer in the slot with this key, with one more reference; or NULL. */
static struct cached *acquire(struct cache_slot *slot, struct reel_str key, uint64_t hash,
                              bool *ret_is_asked_again) {
    HOLD_LOCK(&slot->lock);
    struct cached *cached = slot->cached;
    *ret_is_asked_again = slot->asked == hash;
    slot->asked = hash;
    if (!cached || !reel_str_eq(text_str(&cached->key), key)) return NULL;
    atomic_fetch_add(&cached->users, 1);
    return cached;
}

/* An empty entry, which owns the key and will be filled. NULL: out of memory; the answer is not
 * cached. */
static struct cached *begin(struct cache_slot *slot, struct text *key) {
    struct cached *cached = malloc(sizeof *cached);
    if (!cached) return NULL;
    *cached = (struct cached){.users = 1, .slot = slot, .key = *key};
    *key = (struct text){0};
    return cached;
}

struct cached *cache_find(struct cache_slot *slots, struct text *key, bool *ret_found) {
    uint64_t hash = str_hash(text_str(key));
    struct cache_slot *slot = &slots[hash % CACHE_SLOTS];
    bool is_asked_again;
    struct cached *cached = acquire(slot, text_str(key), hash, &is_asked_again);
    *ret_found = cached;
    return cached || !is_asked_again ? cached : begin(slot, key);
}

static struct cached *replace(struct cache_slot *slot, struct cached *cached) {
    HOLD_LOCK(&slot->lock);
    struct cached *before = slot->cached;
    slot->cached = cached;
    return before;
}

bool cache_put(struct cached *cached, struct MHD_Response *response, size_t bytes) {
    if (!cached || bytes > CACHED_BYTES_MAX) return false;
    INVARIANT(!cached->response);
    struct cache_slot *slot = cached->slot;
    cached->response = response;
    cached->bytes = bytes;
    atomic_fetch_add(&cached->users, 1);
    cached_release(replace(slot, cached));
    return true;
}

int cache_start(struct server *server, struct reel_error *error) {
    server->cache = calloc(CACHE_SLOTS, sizeof *server->cache);
    if (!server->cache) return fail_memory(error);
    for (size_t i = 0; i < CACHE_SLOTS; i++) pthread_mutex_init(&server->cache[i].lock, NULL);
    return 0;
}

void cache_finish(struct server *server) {
    for (size_t i = 0; server->cache && i < CACHE_SLOTS; i++) {
        const struct cached *cached = server->cache[i].cached;
        INVARIANT(!cached || atomic_load(&cached->users) == 1); /* no request has it any more */
        cached_release(server->cache[i].cached);
        pthread_mutex_destroy(&server->cache[i].lock);
    }
    free(server->cache);
    server->cache = NULL;
}
