/* cached_answer.c: see cached_answer.h. */
#include "cached_answer.h"

#include "base/cleanup.h"
#include "cache.h"

/* Writes everything that the answer depends on. */
static void write_key(const struct request *request, struct text *key) {
    uint64_t commit = reel_sink_newest_commit(request_host_of_sink(request));
    bool has_origin = request_header(request, "Origin").data; /* see add_cors in answer_send.c */
    text_append(key, &commit, sizeof commit);
    text_append(key, &has_origin, sizeof has_origin);
    text_append(key, &request->form, sizeof request->form);
    text_append_str(key, request->uri.raw);
}

bool cached_answer_find(struct request *request) {
    struct answer *answer = &request->answer;
    CLEANUP(text_finish) struct text key = {0};
    bool is_found;
    if (answer->cached || request->form == FORMS ||
        request_header(request, MHD_HTTP_HEADER_IF_MATCH).data ||
        request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH).data)
        return false;
    write_key(request, &key);
    if (key.failed) return false;
    answer->cached = cache_find(request->server->cache, &key, &is_found);
    if (is_found) answer->status = MHD_HTTP_OK;
    return is_found;
}
