/* records.c: reads the records of a collection: lists, one record by its key, one by its name. Each
 * answer is made from one view, and has the view's cursor. */
#include "base/cleanup.h"
#include "http/etag.h"
#include "http/key_name.h"
#include "http/listing.h"
#include "http/routes.h"

#include <errno.h>

/* `limit` is at most this. */
#define LIMIT_MAX 1000

/* ---- Problems and tags ----------------------------------------------------------------------- */

/* Makes the answer a problem, unless it is one already. */
static void fail_request(struct request *request, int rc) {
    struct reel_error error = {0};
    if (request->answer.status) return;
    if (rc == -EAGAIN)
        snprintf(error.text, sizeof error.text, "collection `%s` is being built",
                 request->projector->collection);
    if (rc == -ENOENT) snprintf(error.text, sizeof error.text, "there is no such record");
    answer_error(&request->answer, rc, &error);
}

/* Strong for a record; weak for a list, whose cursor changes although its records are the same. */
static void tag(struct request *request, bool weak, uint64_t generation, uint64_t changed) {
    char digits[NUMBER_TEXT_MAX], *at = request->answer.etag; /* the etag has room for all of it */
    at = stpcpy(stpcpy(at, weak ? "W/\"" : "\""), request->answer.epoch.text);
    at = stpcpy(stpcpy(at, "-"), number_text(request->projector->revision, digits));
    at = stpcpy(stpcpy(at, "-"), number_text(generation, digits));
    stpcpy(stpcpy(stpcpy(at, "-"), number_text(changed, digits)), "\"");
}

/* Is the answer's tag among those of the header? */
static bool is_among(struct request *request, const char *name, bool strong) {
    CLEANUP(text_finish) struct text header = {0};
    struct etag tag;
    request_header_list(request, name, &header);
    struct reel_str list = str_trimmed(text_str(&header)), own = reel_text(request->answer.etag);
    bool is_weak = own.data[0] == 'W', found = reel_str_is(list, "*");
    if (is_weak) own.data += 2, own.len -= 2;
    while (!found && etag_next(&list, &tag) > 0)
        found = reel_str_eq(tag.opaque, own) && !(strong && (is_weak || tag.weak));
    return found;
}

/* 412 if If-Match does not name the answer's tag, strongly compared; 304 if If-None-Match does,
 * weakly compared (RFC 9110, section 13.2.2). */
static bool is_answered_by_condition(struct request *request) {
    if (request_header(request, MHD_HTTP_HEADER_IF_MATCH).data &&
        !is_among(request, MHD_HTTP_HEADER_IF_MATCH, true))
        answer_refusal(&request->answer, MHD_HTTP_PRECONDITION_FAILED, "precondition-failed",
                       "If-Match does not name the current ETag");
    else if (request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH).data &&
             is_among(request, MHD_HTTP_HEADER_IF_NONE_MATCH, false))
        request->answer.status = MHD_HTTP_NOT_MODIFIED;
    return request->answer.status != 0;
}

/* A collection that is stopped is shown as of where it stands. */
static void take_state(struct request *request, const struct reel_collection_info *info) {
    if (!info->stopped[0]) return;
    request->answer.cursor = info->cursor;
    request->answer.is_stale = true;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Where a page begins: after a key, given as the key itself or by its name. If the record with this
 * name does not exist any more, the page begins at the prefix. So no record is left out, but some
 * may be given again.
 */
static int find_start(struct request *request, struct reel_view *view, struct reel_str after,
                      struct text *found, struct page_start *ret) {
    *ret = (struct page_start){.key = after, .after = true};
    if (!key_is_name(after)) return 0;
    int rc = key_name_find(request_host_of_sink(request), view, request->projector->collection,
                           after, found);
    if (rc == -EINVAL)
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`after` is not a key's name");
    *ret = (struct page_start){.key = text_str(found), .after = rc > 0};
    return rc < 0 ? rc : 0;
}

static int list(struct request *request, struct reel_view *view) {
    struct reel_sink_host *host = request_host_of_sink(request);
    struct reel_collection_info info;
    struct filter filter = {0};
    const struct uri_param *after = uri_param(&request->uri, "after");
    uint64_t limit = UINT64_MAX;
    int rc = request_number(request, "limit", &limit);
    if (rc > 0) limit = limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : limit;
    if (rc >= 0) rc = reel_sink_collection(host, view, request->projector->collection, &info);
    if (rc == 0 && !info.served) rc = -EAGAIN;
    if (rc == 0) take_state(request, &info);
    if (rc == 0) rc = filter_read(request, view, &filter);
    if (rc == 0) /* generations only rise: so does their sum */
        tag(request, true, info.generation + filter.generations,
            info.changed > filter.changed ? info.changed : filter.changed);
    if (rc < 0 || is_answered_by_condition(request)) {
        filter_finish(&filter);
        reel_sink_view_close(host, view);
        return rc;
    }
    CLEANUP(text_finish) struct text found = {0};
    struct page_start start = {0};
    if (after) rc = find_start(request, view, after->value, &found, &start);
    if (rc == 0) return listing_answer(request, view, &filter, limit, &start);
    filter_finish(&filter);
    reel_sink_view_close(host, view);
    return rc;
}

void handle_list(struct request *request) {
    struct reel_view *view;
    if (!request_wait_for_cursor(request) || request_open_view(request, &view, NULL) < 0) return;
    int rc = list(request, view);
    if (rc < 0) {
        fail_request(request, rc);
        return;
    }
    if (request->answer.status) return;
    request->answer.status = MHD_HTTP_OK;
    request->answer.content_type = "application/json";
}

/* ---- One record ------------------------------------------------------------------------------ */

struct one_record {
    struct request *request;
    uint64_t generation;
};

static int take_row(void *context, const struct reel_row *row) {
    const struct one_record *record = context;
    struct request *request = record->request;
    struct answer *answer = &request->answer;
    tag(request, false, record->generation, row->changed);
    if (is_answered_by_condition(request)) return 0;
    text_append_str(&answer->body, row->json);
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
    return 0;
}

static int show_record(struct request *request, struct reel_view *view, struct reel_str key) {
    struct reel_sink_host *host = request_host_of_sink(request);
    const char *collection = request->projector->collection;
    struct reel_collection_info info = {0};
    int rc = reel_sink_collection(host, view, collection, &info);
    struct one_record record = {request, info.generation};
    if (rc == 0) take_state(request, &info);
    return rc < 0 ? rc : reel_sink_get(host, view, collection, key, take_row, &record);
}

/* Converts a key from a client. 400 if it cannot be a key of this collection. */
static bool read_key(struct request *request, struct reel_str given, struct reel_key *ret) {
    const char *collection = request->projector->collection;
    if (reel_sink_canonical_key(request_host_of_sink(request), collection, given, ret) == 0)
        return true;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%.*s` cannot be a key of `%s`",
                   REEL_FMT(given), collection);
    return false;
}

/* Finds the key of the record with this name. Returns 0 or an error. */
static int find_key(struct request *request, struct reel_view *view, struct reel_str name,
                    struct text *ret) {
    int rc = key_name_find(request_host_of_sink(request), view, request->projector->collection,
                           name, ret);
    if (rc == -EINVAL)
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%.*s` is not a key's name",
                       REEL_FMT(name));
    return rc < 0 ? rc : rc > 0 ? 0 : -ENOENT;
}

void handle_get(struct request *request) {
    CLEANUP(text_finish) struct text found = {0};
    struct reel_view *view;
    struct reel_key key;
    struct reel_str given = request->uri.segments[2];
    bool is_name = key_is_name(given);
    if (!is_name && !read_key(request, given, &key)) return;
    if (!request_wait_for_cursor(request) || request_open_view(request, &view, NULL) < 0) return;
    int rc = is_name ? find_key(request, view, given, &found) : 0;
    if (rc == 0) rc = show_record(request, view, is_name ? text_str(&found) : key.str);
    reel_sink_view_close(request_host_of_sink(request), view);
    if (rc < 0) fail_request(request, rc);
}

int record_find_key(struct request *request, struct reel_str name, struct text *ret_key) {
    struct reel_view *view;
    int rc = request_open_view(request, &view, NULL);
    if (rc < 0) return rc;
    rc = find_key(request, view, name, ret_key);
    reel_sink_view_close(request_host_of_sink(request), view);
    if (rc < 0) fail_request(request, rc);
    return rc;
}

/* ---- By name --------------------------------------------------------------------------------- */

/* Most keys that a conflict lists. */
#define NAMED_MAX 20

struct named_walk {
    struct request *request;
    struct filter filter;
    struct text key,
        all; /* the key of the first record; and all keys, as the inner text of a JSON array */
    size_t count;
};

static int take_named(void *context, const struct reel_row *row) {
    struct named_walk *walk = context;
    int rc = filter_matches(&walk->filter, row->json);
    if (rc <= 0) return rc;
    if (walk->count == 0) {
        text_append_str(&walk->key, row->key);
        text_append(&walk->key, "", 1); /* so that an empty key is not the same as no key */
        walk->key.len--;
    }
    if (walk->count > 0) text_append_lit(&walk->all, ", ");
    key_name_append(&walk->all, row->key);
    if (walk->key.failed || walk->all.failed) return -ENOMEM;
    return ++walk->count == NAMED_MAX;
}

static int find_named(struct request *request, struct reel_view *view, struct text *ret_key) {
    struct reel_str name = request->uri.segments[3];
    const struct reel_projector *projector = request->projector;
    const struct reel_field *const *field = projector->fields;
    while (!((*field)->flags & REEL_FIELD_IS_NAME))
        field++; /* the route exists, so there is such a field */
    struct named_walk walk = {.request = request};
    int rc = filter_by_field(*field, name, &walk.filter);
    if (rc == 0)
        rc = reel_sink_list(request_host_of_sink(request), view, projector->collection,
                            (struct reel_str){0}, false, take_named, &walk);
    if (rc >= 0 && walk.count == 0)
        answer_problem(&request->answer, PROBLEM_NOT_FOUND, "no record of `%s` has the name `%.*s`",
                       projector->collection, REEL_FMT(name));
    if (rc >= 0 && walk.count > 1)
        answer_problem(&request->answer, PROBLEM_CONFLICT,
                       "several records have the name `%.*s`: %.*s", REEL_FMT(name),
                       REEL_FMT(text_str(&walk.all)));
    filter_finish(&walk.filter);
    text_finish(&walk.all);
    *ret_key = walk.key;
    return rc < 0 ? rc : walk.count == 1 ? 0 : -ENOENT;
}

void handle_get_by_name(struct request *request) {
    struct reel_view *view;
    struct text key = {0};
    if (!request_wait_for_cursor(request) || request_open_view(request, &view, NULL) < 0) return;
    int rc = find_named(request, view, &key);
    if (rc == 0) rc = show_record(request, view, text_str(&key));
    reel_sink_view_close(request_host_of_sink(request), view);
    text_finish(&key);
    if (rc < 0) fail_request(request, rc);
}

int record_find_named(struct request *request, struct text *ret_key) {
    struct reel_view *view;
    int rc = request_open_view(request, &view, NULL);
    if (rc < 0) return rc;
    rc = find_named(request, view, ret_key);
    reel_sink_view_close(request_host_of_sink(request), view);
    if (rc < 0) fail_request(request, rc);
    return rc;
}
