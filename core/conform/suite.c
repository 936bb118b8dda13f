/* suite.c: see suite.h. What checks share. */
#include "conform/suite.h"

#include "base/clock.h"
#include "json/write.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- The server ------------------------------------------------------------------------------ */

/* GET, with a JSON object as the answer. */
static int get_json(struct suite *suite, const char *path, json_t **ret, struct reel_error *error) {
    struct response response;
    struct ask ask = {.method = "GET", .path = path};
    json_error_t wrong;
    int rc = client_ask(&suite->target, &ask, &response, error);
    if (rc < 0) return rc;
    if (response.http.status == 200)
        *ret = json_loadb(response.body.data, response.body.len, 0, &wrong);
    if (response.http.status == 401 || response.http.status == 403)
        rc = fail(error, -EACCES, "GET %s: the token is refused (%u)", path, response.http.status);
    else if (response.http.status != 200)
        rc = fail(error, -EPROTO, "GET %s: %u %.*s", path, response.http.status,
                  REEL_FMT(text_str(&response.body)));
    else if (!*ret)
        rc = fail(error, -EPROTO, "GET %s: the answer is not JSON", path);
    response_finish(&response);
    return rc;
}

static uint64_t number_in(const json_t *object, const char *name) {
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value < 0 ? 0 : (uint64_t)value;
}

static const char *collection_of(const json_t *projection) {
    return json_string_value(json_object_get(projection, "collection"));
}

/* The cells, if there are any; otherwise the first collection. */
static const json_t *choose(const json_t *projections, const char *wanted) {
    const json_t *projection, *first = json_array_get(projections, 0);
    size_t i;
    json_array_foreach((json_t *)projections, i, projection) {
        const char *name = collection_of(projection);
        if (name && strcmp(name, wanted ? wanted : "cells") == 0) return projection;
    }
    return wanted || !collection_of(first) ? NULL : first;
}

static int take_status(struct suite *suite, const json_t *status, struct reel_error *error) {
    const char *epoch = json_string_value(json_object_get(status, "epoch"));
    const json_t *projection = choose(json_object_get(status, "projections"), suite->collection);
    if (!epoch || strlen(epoch) >= sizeof suite->epoch)
        return fail(error, -EPROTO, "GET /v1/status: no epoch: it is not Reel");
    if (!projection)
        return fail(error, -ENOENT, "the server has no collection %s",
                    suite->collection ? suite->collection : "at all");
    strcpy(suite->epoch, epoch);
    suite->cursor = number_in(status, "cursor");
    suite->first_seq = number_in(status, "first_seq");
    suite->generation = number_in(projection, "generation");
    if (suite->collection) return 0;
    suite->collection = strdup(collection_of(projection));
    return suite->collection ? 0 : fail_memory(error);
}

int suite_read_status(struct suite *suite, struct reel_error *error) {
    json_t *status = NULL;
    int rc = get_json(suite, "/v1/status", &status, error);
    if (rc == 0) rc = take_status(suite, status, error);
    json_decref(status);
    return rc;
}

static int write_one(struct suite *suite, const char *event, struct reel_error *error) {
    struct response response;
    struct ask ask = {.method = "POST",
                      .path = "/v1/events",
                      .headers = "Content-Type: application/cloudevents+json\r\n",
                      .body = reel_text(event)};
    json_error_t wrong;
    int rc = client_ask(&suite->target, &ask, &response, error);
    if (rc < 0) return rc;
    json_t *body = json_loadb(response.body.data, response.body.len, 0, &wrong);
    suite->last_written = number_in(body, "seq");
    if (response.http.status == 403 || response.http.status == 401)
        rc = fail(error, -EACCES, "the token may not write (%u)", response.http.status);
    else if (response.http.status != 201 || suite->last_written == 0)
        rc = fail(error, -EPROTO, "POST /v1/events: %u %.*s", response.http.status,
                  REEL_FMT(text_str(&response.body)));
    json_decref(body);
    response_finish(&response);
    return rc;
}

int suite_write(struct suite *suite, size_t count, struct reel_error *error) {
    for (; count > 0 && suite->written < suite->event_count; count--) {
        int rc = write_one(suite, suite->events[suite->written], error);
        if (rc < 0) return rc;
        suite->written++;
    }
    return 0;
}

/* ---- The list of events ---------------------------------------------------------------------- */

/* What is listed. */
struct listing {
    uint64_t since, until;
    const char *prefix;
    struct trail *trail;
};

static bool is_listed(const struct listing *listing, const struct parsed *parsed) {
    size_t len = strlen(listing->prefix);
    if (len == 0 || parsed->is_gap) return true;
    return parsed->type.len >= len && memcmp(parsed->type.data, listing->prefix, len) == 0;
}

static int take_listed(struct suite *suite, struct reel_value event, const struct listing *listing,
                       struct reel_error *error) {
    struct parsed parsed;
    int rc = parse_frame(suite->parser, json_text(event), false, &parsed, error);
    if (rc < 0 || parsed.seq > listing->until) return rc;
    int len = parsed.type.len < sizeof suite->type ? (int)parsed.type.len : 0;
    snprintf(suite->type, sizeof suite->type, "%.*s", len, len ? parsed.type.data : "");
    return is_listed(listing, &parsed) ? trail_take(listing->trail, &parsed, error) : 0;
}

/* A page's events. Returns 1 if there are more. Events are parsed by the other parser meanwhile. */
static int take_page(struct suite *suite, struct reel_str body, struct listing *listing,
                     struct reel_error *error) {
    struct json_parser *parser = json_parser_create(NULL);
    struct json *json;
    const char *why;
    int64_t cursor = 0;
    if (!parser) return fail_memory(error);
    struct reel_value list = {NULL, 0}, event = {NULL, 0}, end = {NULL, 0};
    int rc = json_parse(parser, body, 0, &json, &why);
    if (rc == 0) list = json_get(json_root(json), reel_text("events"));
    if (rc == 0) end = json_get(json_root(json), reel_text("cursor"));
    if (!list.json || !end.json || !json_int(end, &cursor))
        rc = fail(error, -EPROTO, "GET /v1/events: no events, or no cursor");
    while (rc == 0 && (event = json_next(list, event, NULL)).json)
        rc = take_listed(suite, event, listing, error);
    json_parser_destroy(parser);
    if (rc < 0) return rc;
    bool is_more = (uint64_t)cursor < listing->until && (uint64_t)cursor > listing->since;
    listing->since = (uint64_t)cursor;
    return is_more;
}

int suite_list(struct suite *suite, uint64_t since, uint64_t until, const char *prefix,
               struct trail *ret, struct reel_error *error) {
    struct listing listing = {since, until, prefix, ret};
    int rc = 1;
    *ret = (struct trail){.has_position = true, .seq = since};
    while (rc == 1) {
        char path[96];
        struct response response;
        struct ask ask = {.method = "GET", .path = path};
        snprintf(path, sizeof path, "/v1/events?limit=1000&since=%" PRIu64, listing.since);
        rc = client_ask(&suite->target, &ask, &response, error);
        if (rc < 0) break;
        if (response.http.status == 200)
            rc = take_page(suite, text_str(&response.body), &listing, error);
        else if (response.http.status == 410)
            rc = fail(error, -ENODATA, "retention has removed events that were to be compared");
        else
            rc = fail(error, -EPROTO, "GET %s: %u", path, response.http.status);
        response_finish(&response);
    }
    if (rc < 0) trail_finish(ret);
    return rc;
}

/* ---- Help for checks ------------------------------------------------------------------------- */

struct subscriber suite_subscriber(struct suite *suite, enum frames_kind kind, bool of_records,
                                   bool is_filtered) {
    return (struct subscriber){
        .target = &suite->target,
        .parser = suite->parser,
        .collection = of_records ? suite->collection : NULL,
        .filter = is_filtered ? suite->filter : "",
        .kind = kind,
    };
}

/* Longest time for one goal, in times of `timeout_ms`: a server may send positions for ever. */
enum { TIMEOUTS_MAX = 30, AGAIN_MS = 100 };

void suite_pause(void) {
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
    nanosleep(&pause, NULL);
}

static int connect_again(struct suite *suite, struct subscriber *subscriber, uint64_t cut_at,
                         struct reel_error *error) {
    uint64_t until_ms = clock_ms() + suite->target.timeout_ms;
    int rc = subscriber_connect(subscriber, cut_at, error);
    while (rc == 0 && subscriber->stream.http.status == 503 && clock_left_ms(until_ms) > 0) {
        suite_pause();
        rc = subscriber_connect(subscriber, cut_at, error);
    }
    return rc == 0 ? -EACCES : rc < 0 ? rc : 0;
}

int suite_reach(struct suite *suite, struct subscriber *subscriber, uint64_t seq, uint64_t cut_at,
                struct reel_error *error) {
    uint64_t last_ms = clock_ms() + (uint64_t)suite->target.timeout_ms * TIMEOUTS_MAX;
    int rc = subscriber->is_connected ? 0 : connect_again(suite, subscriber, cut_at, error);
    while (rc == 0) {
        uint64_t before = subscriber->stream.received;
        rc = subscriber_reach(subscriber, seq, clock_ms() + suite->target.timeout_ms, error);
        if (rc != 0) break;
        if (subscriber->stream.received > before && clock_left_ms(last_ms) > 0) continue;
        subscriber_cut(subscriber);
        return fail(error, -ETIMEDOUT, "%s before it has reached %" PRIu64,
                    subscriber->stream.received > before ? "too much came" : "nothing more came",
                    seq);
    }
    return rc < 0 ? rc : 0;
}

void suite_report(struct suite *suite, const char *name, const char *what, int rc,
                  const struct reel_error *error, const char *passed) {
    report_check(&suite->report, name, what, rc == 0 ? FINDING_PASSED : FINDING_FAILED,
                 rc == 0 ? passed : error->text);
}

/* As the daemon's filters do it for texts, numbers and booleans; texts without regard to case,
 * which at worst takes a record for one that matches. */
bool suite_matches(struct suite *suite, struct reel_str json) {
    struct json *parsed;
    const char *why;
    if (json_parse(suite->parser, json, 0, &parsed, &why) < 0) return false;
    struct reel_value value = json_get(json_root(parsed), reel_text(suite->filter_field));
    if (!value.json) return false;
    struct reel_str text = json_kind(value) == REEL_STRING ? json_str(value) : json_text(value);
    return text.len == suite->filter_value.len && str_is_caseless(text, suite->filter_value.data);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static int differs(const struct copied *record, const char *what, struct reel_error *error) {
    return fail(error, -EPROTO, "%s: record `%.*s` at %" PRIu64, what, REEL_FMT(record->key),
                record->seq);
}

static const struct copied *own_record(const struct copy *copy, struct reel_str key) {
    const struct copy alone = {.records = copy->records, .count = copy->count};
    return copy_find(&alone, key);
}

/* A record that is there, and that was changed after the subscriber began. */
static int compare_record(struct suite *suite, const struct copy *found, const struct copied *right,
                          uint64_t point, bool is_filtered, struct reel_error *error) {
    const struct copied *own = own_record(found, right->key);
    bool matches = !is_filtered || suite_matches(suite, right->json);
    if (own && own->seq > point) return 0;
    if (!own) return matches || found->base ? differs(right, "a hole", error) : 0;
    if (own->seq < right->seq) return differs(own, "an older state", error);
    if (own->json.data && !matches) return differs(own, "the filter does not match", error);
    if (!own->json.data && matches) return differs(own, "it is not deleted", error);
    if (own->json.data && !reel_str_eq(own->json, right->json))
        return differs(own, "an older state, or another content", error);
    return 0;
}

static int compare_all(struct suite *suite, const struct copy *found, const struct copy *right,
                       uint64_t since, bool is_filtered, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; i < right->count && rc == 0; i++) {
        const struct copied *record = &right->records[i];
        if (record->json.data && record->seq > since)
            rc = compare_record(suite, found, record, right->point, is_filtered, error);
    }
    return rc;
}

int suite_compare(struct suite *suite, const struct copy *found, const struct copy *right,
                  const struct copy *earlier, uint64_t since, bool is_filtered,
                  struct reel_error *error) {
    int rc = compare_all(suite, found, right, since, is_filtered, error);
    for (size_t i = 0; i < found->count && rc == 0; i++) {
        const struct copied *own = &found->records[i], *record = copy_find(right, own->key);
        if (own->seq > right->point || !own->json.data) continue;
        if (!record || !record->json.data) rc = differs(own, "a lost deletion", error);
    }
    for (size_t i = 0; earlier && i < earlier->count && rc == 0; i++) {
        const struct copied *record = &earlier->records[i], *now = copy_find(right, record->key);
        if (!record->json.data || (now && now->json.data)) continue;
        if (!own_record(found, record->key)) rc = differs(record, "a lost deletion", error);
    }
    return rc;
}
