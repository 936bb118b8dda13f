/* kept.c: see kept.h. */
#include "cache.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <stdlib.h>

/* One answer: first being made, for one request; then in its place, and being sent. */
struct cached {
    atomic_uint users;
    struct kept_place *place;
    struct MHD_Response *response; /* NULL while it is being made */
    size_t bytes;                  /* that its body takes */
    struct text key;
};

struct kept_place {
    pthread_mutex_t lock;
    uint64_t asked;      /* the hash of the key that was last asked for in vain */
    struct cached *kept; /* or NULL */
};

/* What an answer depends on, byte for byte. */
static void write_key(const struct request *request, struct text *key) {
    uint64_t commit = reel_sink_newest_commit(request_host_of_sink(request));
    bool has_origin = request_header(request, "Origin").data; /* see add_cors */
    text_append(key, &commit, sizeof commit);
    text_append(key, &has_origin, sizeof has_origin);
    text_append_str(key, request->uri.raw);
}

struct MHD_Response *cache_response(const struct cached *kept) {
    return kept ? kept->response : NULL;
}

size_t kept_bytes(const struct cached *kept) {
    return kept ? kept->bytes : 0;
}

void cache_release(struct cached *kept) {
    if (!kept || atomic_fetch_sub(&kept->users, 1) > 1) return;
    if (kept->response) MHD_destroy_response(kept->response);
    text_finish(&kept->key);
    free(kept);
}

/* What the place has under that key, for one user more; or NULL. */
static struct cached *take(struct kept_place *place, struct reel_str key) {
    struct cached *kept = place->kept;
    if (!kept || !reel_str_eq(text_str(&kept->key), key)) return NULL;
    atomic_fetch_add(&kept->users, 1);
    return kept;
}

/* One that is to be made; without memory it is not kept. The key is its own then. */
static struct cached *begin(struct kept_place *place, struct text *key) {
    struct cached *kept = malloc(sizeof *kept);
    if (!kept) return NULL;
    *kept = (struct cached){.users = 1, .place = place, .key = *key};
    *key = (struct text){0};
    return kept;
}

bool cache_find(struct request *request) {
    struct answer *answer = &request->answer;
    CLEANUP(text_finish) struct text key = {0};
    if (answer->kept || request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH).data) return false;
    write_key(request, &key);
    if (key.failed) return false;
    uint64_t hash = str_hash(text_str(&key));
    struct kept_place *place = &request->server->kept[hash % KEPT_PLACES];
    pthread_mutex_lock(&place->lock);
    struct cached *kept = take(place, text_str(&key));
    bool again = place->asked == hash;
    place->asked = hash;
    pthread_mutex_unlock(&place->lock);
    answer->kept = kept || !again ? kept : begin(place, &key);
    if (kept) answer->status = MHD_HTTP_OK;
    return kept;
}

bool cache_put(struct cached *kept, struct MHD_Response *response, size_t bytes) {
    if (!kept || bytes > KEPT_BYTES_MAX) return false;
    struct kept_place *place = kept->place;
    kept->response = response;
    kept->bytes = bytes;
    atomic_fetch_add(&kept->users, 1);
    pthread_mutex_lock(&place->lock);
    struct cached *before = place->kept;
    place->kept = kept;
    pthread_mutex_unlock(&place->lock);
    cache_release(before);
    return true;
}

int cache_start(struct server *server, struct reel_error *error) {
    server->kept = calloc(KEPT_PLACES, sizeof *server->kept);
    if (!server->kept) return fail_memory(error);
    for (size_t i = 0; i < KEPT_PLACES; i++) pthread_mutex_init(&server->kept[i].lock, NULL);
    return 0;
}

void cache_finish(struct server *server) {
    for (size_t i = 0; server->kept && i < KEPT_PLACES; i++) {
        cache_release(server->kept[i].kept);
        pthread_mutex_destroy(&server->kept[i].lock);
    }
    free(server->kept);
    server->kept = NULL;
}
