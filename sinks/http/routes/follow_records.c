/* follow_records.c: following the records of a collection (follow/records.h): as server-sent
 * events, by WebSocket, and by asking for what has changed since a seq. */
#include "base/cleanup.h"
#include "events/frame.h"
#include "follow/hub.h"
#include "http/filter.h"
#include "http/key_find.h"
#include "http/routes/follow.h"
#include "http/routes/upgrade.h"
#include "http/since.h"

#include <errno.h>
#include <stdlib.h>

#define LIMIT_MAX 1000

/* ---- Parameters ------------------------------------------------------------------------------ */

/* Where the client stands, and what it wants. */
struct wanted {
    bool has_since, has_generation, digest;
    bool is_stream; /* of frames: it is not a page */
    uint64_t since, generation;
};

/* Server-sent events have ids of the form SEQ.GENERATION. */
static bool read_id(struct request *request, struct wanted *wanted) {
    struct reel_str id = follow_last_event_id(request);
    if (id.len == 0) return true;
    const char *dot = memchr(id.data, '.', id.len);
    struct reel_str seq = {id.data, dot ? (size_t)(dot - id.data) : 0};
    struct reel_str generation = {dot ? dot + 1 : "", dot ? id.len - seq.len - 1 : 0};
    if (!str_number(seq, &wanted->since) || !str_number(generation, &wanted->generation))
        return request_refuse(request, PROBLEM_BAD_REQUEST,
                              "Last-Event-ID is not of the form SEQ.GENERATION");
    wanted->has_since = wanted->has_generation = true;
    return true;
}

static bool read_wanted(struct request *request, struct wanted *ret) {
    *ret = (struct wanted){.has_since = false};
    int since = request_number(request, "since", &ret->since);
    int generation = since < 0 ? since : request_number(request, "generation", &ret->generation);
    if (generation < 0 || !request_switch(request, "digest", &ret->digest)) return false;
    ret->has_since = since > 0;
    ret->has_generation = generation > 0;
    if (ret->has_since || !ret->has_generation) return true;
    return request_refuse(request, PROBLEM_BAD_REQUEST, "`generation` needs `since`");
}

/* Parameters of pages mean nothing to a stream. */
static bool check_stream(struct request *request) {
    static const char *const names[] = {"limit", "after", "min_cursor", "at", "order",
                                        "count", "group", "frames",     NULL};
    return request_check_without(request, names, "is for lists, not for event streams");
}

/* ---- Where to begin -------------------------------------------------------------------------- */

/* The collection as a view shows it, and what of it the client wants. */
struct beginning {
    struct reel_view *view; /* owned */
    struct reel_position position;
    struct reel_collection_info info;
    struct filter filter; /* owned */
    struct text key;      /* of the record, if the route is of one: it has data, "" too */
};

/* Where the collection stands: one that is stopped is behind the view. */
static uint64_t cursor_of(const struct beginning *beginning) {
    uint64_t cursor = beginning->position.cursor, own = beginning->info.cursor;
    return own < cursor ? own : cursor;
}

static void beginning_finish(struct request *request, struct beginning *beginning) {
    if (beginning->view) reel_sink_view_close(request_host_of_sink(request), beginning->view);
    filter_finish(&beginning->filter);
    text_finish(&beginning->key);
}

static bool refuse_generation(struct request *request, uint64_t generation) {
    answer_problem(&request->answer, PROBLEM_GENERATION_CHANGED,
                   "the generation of `%s` is %llu: its records were rebuilt",
                   request->projector->collection, (unsigned long long)generation);
    answer_problem_number(&request->answer, "generation", generation);
    return false;
}

static bool refuse_old(struct request *request, uint64_t first_deletion) {
    answer_problem(&request->answer, PROBLEM_CURSOR_TOO_OLD,
                   "deletions before %llu may be forgotten", (unsigned long long)first_deletion);
    answer_problem_number(&request->answer, "first_seq", first_deletion);
    return false;
}

static struct reel_query query_of(const struct request *request,
                                  const struct beginning *beginning) {
    return (struct reel_query){
        .struct_size = sizeof(struct reel_query),
        .collection = request->projector->collection,
        .conditions = beginning->filter.conditions,
    };
}

static int take_none(void *context, const struct reel_row *row) {
    (void)context, (void)row;
    return 0;
}

/* Are the conditions possible in this view? Nothing is changed after the last seq that there can
 * be. */
static int try_conditions(struct request *request, const struct beginning *beginning,
                          struct reel_view *view, struct reel_error *error) {
    const struct reel_query query = query_of(request, beginning);
    return reel_sink_changes(request_host_of_sink(request), view, &query, UINT64_MAX, take_none,
                             NULL, error);
}

/* Plugins were reloaded a moment ago, and a follower that the last worker had comes back: the hub
 * sends it what differs (crossing.h), or ends it. What it has missed is read from the old records,
 * which may not have the fields of its conditions. */
static bool is_of_before(struct request *request, const struct beginning *beginning,
                         struct wanted *wanted) {
    struct reel_sink_host *host = request_host_of_sink(request);
    struct beginning before = {.view = NULL};
    if (reel_sink_view_before(host, &before.view) < 0) return false;
    int rc = reel_sink_position(host, before.view, &before.position);
    if (rc == 0)
        rc = reel_sink_collection(host, before.view, request->projector->collection, &before.info);
    if (rc == 0 && wanted->since < before.info.changed)
        rc = try_conditions(request, beginning, before.view, NULL);
    reel_sink_view_close(host, before.view);
    bool is_known = rc == 0 && before.info.served && before.info.generation == wanted->generation &&
                    wanted->since <= before.position.cursor;
    if (is_known && wanted->since > cursor_of(&before)) wanted->since = cursor_of(&before);
    return is_known;
}

/* A change above the cursor may not have arrived yet. A collection that is stopped has nothing of
 * what came after it, whatever the client was told: it begins where the collection stands, and
 * misses no deletion there. False: the answer is a problem, or the request waits. */
static bool check_since(struct request *request, const struct beginning *beginning,
                        struct wanted *wanted) {
    const struct reel_position *position = &beginning->position;
    uint64_t own = cursor_of(beginning);
    if (!since_check_epoch(request, position)) return false;
    if (wanted->has_generation && wanted->generation != beginning->info.generation)
        return (wanted->is_stream && is_of_before(request, beginning, wanted)) ||
               refuse_generation(request, beginning->info.generation);
    if (!wanted->has_since) return true;
    if (wanted->since > own && wanted->since <= position->cursor) wanted->since = own;
    if (wanted->since < own && wanted->since + 1 < position->first_deletion)
        return refuse_old(request, position->first_deletion);
    if (wanted->since <= position->cursor) return true;
    return since_is_known(request, wanted->since) && request_wait_until(request, wanted->since);
}

static int check_conditions(struct request *request, const struct beginning *beginning) {
    struct reel_error error = {0};
    int rc = try_conditions(request, beginning, beginning->view, &error);
    if (rc == -EINVAL) answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "%s", error.text);
    return rc;
}

static int read_view(struct request *request, struct beginning *beginning) {
    int rc = reel_sink_collection(request_host_of_sink(request), beginning->view,
                                  request->projector->collection, &beginning->info);
    struct reel_error error = {0};
    snprintf(error.text, sizeof error.text, "collection `%s` is being built",
             request->projector->collection);
    if (rc == 0 && !beginning->info.served) rc = -EAGAIN;
    if (rc == 0) answer_standing(&request->answer, beginning->info.stale, beginning->info.cursor);
    if (rc < 0) answer_error(&request->answer, rc, &error);
    if (rc == 0)
        rc = filter_read(request, request->route->params, beginning->view, &beginning->filter);
    if (rc == 0) rc = check_conditions(request, beginning);
    if (rc < 0 && !request->answer.status)
        answer_error(&request->answer, rc, &(struct reel_error){{0}});
    return rc;
}

/* The key of the record in a target that ends with it. The record need not exist, unless the key is
 * given by a name that is not all of it. */
static bool read_key(struct request *request, struct text *ret) {
    struct reel_str given = request->uri.segments[request->uri.segment_count - 1];
    struct reel_key key;
    if (!strstr(request->route->path, "{key}")) return true;
    if (key_is_name(given)) return record_find_key(request, given, ret) == 0;
    if (!record_read_key(request, given, &key)) return false;
    text_append_str(ret, key.str);
    text_append(ret, "", 1);
    ret->len--;
    return !ret->failed || request_refuse(request, PROBLEM_SERVICE_UNAVAILABLE, "out of memory");
}

/* Opens a view. False: the answer is a problem, or the request waits. beginning_finish in any
 * case. */
static bool begin(struct request *request, struct wanted *wanted, struct beginning *ret) {
    *ret = (struct beginning){.view = NULL};
    if (!read_key(request, &ret->key)) return false;
    if (request_open_view(request, &ret->view, &ret->position) < 0) {
        ret->view = NULL;
        return false;
    }
    if (read_view(request, ret) < 0 || !check_since(request, ret, wanted)) return false;
    if (!wanted->digest || ret->filter.count == 0) return true;
    return request_refuse(request, PROBLEM_BAD_REQUEST,
                          "`digest` is of the whole collection: it cannot be had with a filter");
}

/* ---- Followers ------------------------------------------------------------------------------- */

static void destroy(void *state) {
    filter_finish(state);
    free(state);
}

/* The filters of the request as they were given; and where other collections were read for them,
 * as of when. */
static void write_filter(const struct request *request, const struct filter *filter,
                         struct text *to) {
    for (size_t i = 0; i < request->uri.param_count; i++) {
        const struct uri_param *param = &request->uri.params[i];
        if (uri_is_among(request->route->params, param->name)) continue;
        text_append_percent(to, param->name, "");
        text_append_lit(to, "=");
        text_append_percent(to, param->value, "");
        text_append_lit(to, "&");
    }
    text_append_number(to, filter->changed);
    text_append_lit(to, ".");
    text_append_number(to, filter->generations);
    text_append(to, "", 1);
}

/* A route of one record has no other filters. */
static int make_key_filter(struct reel_str key, struct record_filter *ret) {
    struct text text = {0};
    char *copy = str_copy(key);
    text_append_lit(&text, "/");
    text_append_percent(&text, key, "");
    text_append(&text, "", 1);
    *ret = (struct record_filter){
        .text = text.data, .key = {copy, key.len}, .state = copy, .destroy = free};
    return copy && !text.failed ? 0 : -ENOMEM;
}

static int make_filter(const struct request *request, struct filter *filter,
                       struct record_filter *ret) {
    struct text text = {0};
    *ret = (struct record_filter){.text = NULL};
    if (filter->count == 0) return 0;
    struct filter *state = malloc(sizeof *state);
    if (state) write_filter(request, filter, &text);
    if (!state || text.failed) {
        free(state);
        text_finish(&text);
        return -ENOMEM;
    }
    *state = *filter;
    *filter = (struct filter){0};
    *ret = (struct record_filter){
        .text = text.data, .conditions = state->conditions, .state = state, .destroy = destroy};
    return filter_keep(state);
}

static bool make_follower(struct request *request, const struct wanted *wanted,
                          struct beginning *beginning, enum transport_kind kind) {
    struct follower *follower = NULL;
    struct record_wanted record = {
        .collection = request->projector->collection,
        .epoch = beginning->position.epoch,
        .seq = wanted->has_since ? wanted->since : cursor_of(beginning),
        .generation = wanted->has_generation ? wanted->generation : beginning->info.generation,
        .has_snapshot = wanted->has_since,
        .wants_digest = wanted->digest,
    };
    int rc = beginning->key.data ? make_key_filter(text_str(&beginning->key), &record.filter)
                                 : make_filter(request, &beginning->filter, &record.filter);
    if (rc == 0) rc = follower_create_of_records(request->server->hub, kind, &record, &follower);
    record_filter_finish(&record.filter);
    return follow_own_take(request, rc, follower, kind);
}

void handle_records_websocket(struct request *request) {
    CLEANUP(text_finish) struct text offered = {0};
    struct wanted wanted;
    struct beginning beginning;
    request_header_list(request, "Sec-WebSocket-Protocol", &offered);
    struct websocket_protocols protocols = websocket_protocols(text_str(&offered));
    if (!upgrade_check(request, &protocols) || !read_wanted(request, &wanted)) return;
    wanted.is_stream = true;
    if (protocols.is_cloudevents) {
        request_refuse(request, PROBLEM_BAD_REQUEST,
                       "records are not CloudEvents: they need the sub-protocol reel.v1");
        return;
    }
    if (begin(request, &wanted, &beginning) &&
        make_follower(request, &wanted, &beginning, TRANSPORT_WEBSOCKET))
        upgrade_answer(request, &protocols);
    beginning_finish(request, &beginning);
}

void follow_records_stream(struct request *request) {
    struct wanted wanted;
    struct beginning beginning;
    if (!check_stream(request) || !read_wanted(request, &wanted) || !read_id(request, &wanted))
        return;
    wanted.is_stream = true;
    bool is_good =
        begin(request, &wanted, &beginning) &&
        (request->is_head || make_follower(request, &wanted, &beginning, TRANSPORT_STREAM));
    beginning_finish(request, &beginning);
    if (is_good) follow_begin_stream(request);
}

/* ---- Long poll ------------------------------------------------------------------------------- */

/* The body ends between two events. An event that changes more than the limit is given complete. */
struct page {
    struct text *body;
    uint64_t limit, bytes_max;
    uint64_t given, last_seq;
};

static int take_change(void *context, const struct reel_row *row) {
    struct page *page = context;
    bool is_full = page->given >= page->limit || page->body->len + row->json.len > page->bytes_max;
    if (page->given > 0 && is_full && row->changed != page->last_seq) return 1;
    if (page->given++ > 0) text_append_lit(page->body, ",");
    frame_change(page->body, row);
    page->last_seq = row->changed;
    return page->body->failed ? -ENOMEM : 0;
}

static void end_page(struct answer *answer, const struct beginning *beginning, uint64_t cursor,
                     bool digest) {
    struct text *body = &answer->body;
    text_append_lit(body, "],\"cursor\":");
    text_append_number(body, cursor);
    text_append_lit(body, ",\"generation\":");
    text_append_number(body, beginning->info.generation);
    if (digest) {
        text_append_lit(body, ",\"digest\":\"");
        text_append_lit(body, beginning->info.digest);
        text_append_lit(body, "\"");
    }
    text_append_lit(body, ",\"epoch\":\"");
    text_append_lit(body, beginning->position.epoch.text);
    text_append_lit(body, "\"}");
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
    answer->no_store = true;
}

/* If there is no change, the request waits. If the collection was rebuilt meanwhile, it is refused:
 * what differs are no changes after `since`. */
static int write_page(struct request *request, struct beginning *beginning,
                      const struct wanted *wanted, uint64_t limit, uint64_t commit) {
    struct page page = {
        .body = &request->answer.body,
        .limit = limit < 1           ? 1
                 : limit > LIMIT_MAX ? LIMIT_MAX
                                     : limit,
        .bytes_max = request->server->answer_bytes_max,
    };
    text_append_lit(page.body, "{\"changes\":[");
    const struct reel_query query = query_of(request, beginning);
    int rc = reel_sink_changes(request_host_of_sink(request), beginning->view, &query,
                               wanted->since, take_change, &page, NULL);
    if (rc < 0) return rc;
    uint64_t cursor = rc > 0 ? page.last_seq : cursor_of(beginning);
    if (cursor < wanted->since) cursor = wanted->since;
    if (page.given == 0) {
        text_finish(page.body); /* the request is handled again after a wait */
        request->seen_generation = beginning->info.generation;
        if (!request_wait_for_change(request, commit)) return 0;
        text_append_lit(page.body, "{\"changes\":[");
    }
    end_page(&request->answer, beginning, cursor, wanted->digest && rc == 0);
    return 0;
}

void follow_records_poll(struct request *request) {
    struct wanted wanted;
    struct beginning beginning;
    uint64_t limit = LIMIT_MAX, timeout; /* which whoever waits reads again */
    static const char *const others[] = {"after", "at",    "min_cursor", "lastEventId", "order",
                                         "count", "group", "frames",     NULL};
    if (!request_check_without(request, others, "cannot be combined with `since`")) return;
    if (!read_wanted(request, &wanted) || request_number(request, "limit", &limit) < 0 ||
        request_number(request, "timeout", &timeout) < 0)
        return;
    if (request->awaits_change) {
        wanted.has_generation = true;
        wanted.generation = request->seen_generation;
    }
    int rc = 0;
    uint64_t commit =
        reel_sink_newest_commit(request_host_of_sink(request)); /* of the view, or older */
    if (begin(request, &wanted, &beginning))
        rc = write_page(request, &beginning, &wanted, limit, commit);
    beginning_finish(request, &beginning);
    if (rc < 0) answer_error(&request->answer, rc, &(struct reel_error){{0}});
}
