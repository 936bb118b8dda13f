/* check_cuts.c: snapshots, and resuming.
 *
 * A part of the log is followed again and again, each time with a connection that is cut at another
 * byte, and then from where the client stands. Events must be exactly those of the list. Records
 * must be those of `now`: a snapshot of the collection that has the digest that the server says. */
#include "base/cleanup.h"
#include "conform/suite.h"

#include <inttypes.h>
#include <stdio.h>

/* What is followed. */
struct variant {
    enum frames_kind kind;
    bool of_records, is_filtered;
    const struct trail *wanted; /* of events */
};

static const enum frames_kind kinds[] = {FRAMES_WEBSOCKET, FRAMES_SSE};

static void name_variant(const struct variant *variant, const char *what, char ret_name[64],
                         char ret_title[128]) {
    snprintf(ret_name, 64, "%s.%s%s.%s", variant->of_records ? "records" : "events",
             frames_name(variant->kind), variant->is_filtered ? ".filtered" : "", what);
    snprintf(ret_title, 128, "%s over %s%s, %s", variant->of_records ? "records" : "events",
             frames_title(variant->kind), variant->is_filtered ? " with a filter" : "", what);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static int check_digests(const struct subscriber *subscriber, struct reel_error *error) {
    if (subscriber->filter[0] || subscriber->copy.digests > 0) return 0;
    return fail(error, -EPROTO, "no position had a digest");
}

/* The first one is what others are compared with. */
static void check_snapshot(struct suite *suite, enum frames_kind kind, bool is_filtered) {
    struct variant variant = {kind, true, is_filtered, NULL};
    struct subscriber subscriber = suite_subscriber(suite, kind, true, is_filtered);
    struct reel_error error = {{0}};
    char name[64], title[128], passed[96];
    uint64_t goal = suite->has_now ? suite->now.point : suite->until;
    name_variant(&variant, "snapshot", name, title);
    int rc = suite_reach(suite, &subscriber, goal, STREAM_NEVER, &error);
    subscriber_cut(&subscriber);
    if (rc == 0) rc = check_digests(&subscriber, &error);
    if (rc == 0 && suite->has_now)
        rc = suite_compare(suite, &subscriber.copy, &suite->now, NULL, 0, is_filtered, &error);
    snprintf(passed, sizeof passed, "%zu records as of %" PRIu64 "%s", subscriber.copy.count,
             subscriber.copy.point, is_filtered ? "" : ", with the digest of the collection");
    suite_report(suite, name, title, rc, &error, passed);
    if (rc == 0 && !suite->has_now) {
        suite->now = subscriber.copy;
        subscriber.copy = (struct copy){.base = NULL};
        suite->has_now = true;
    }
    subscriber_finish(&subscriber);
}

void check_snapshots(struct suite *suite) {
    check_snapshot(suite, FRAMES_WEBSOCKET, false);
    check_snapshot(suite, FRAMES_SSE, false);
    for (size_t i = 0; suite->filter[0] && suite->has_now && i < 2; i++)
        check_snapshot(suite, kinds[i], true);
}

/* ---- Cuts ------------------------------------------------------------------------------------ */

static char *type_param(const struct suite *suite) {
    struct text param = {0};
    text_append_lit(&param, "type=");
    text_append_percent(&param, reel_text(suite->type), ".-_");
    text_append(&param, "", 1);
    if (!param.failed) return param.data;
    text_finish(&param);
    return NULL;
}

static int compare(struct suite *suite, const struct variant *variant,
                   const struct subscriber *subscriber, struct reel_error *error) {
    if (!variant->of_records)
        return trail_compare(&subscriber->trail, variant->wanted, suite->since, suite->until,
                             error);
    return suite_compare(suite, &subscriber->copy, &suite->now,
                         suite->has_before ? &suite->before : NULL, suite->since,
                         variant->is_filtered, error);
}

/* Follows from `since`; if the connection is cut, continues. `ret_bytes`: of the first connection.
 */
static int follow_once(struct suite *suite, const struct variant *variant, const char *type,
                       uint64_t cut_at, uint64_t *ret_bytes, struct reel_error *error) {
    struct subscriber subscriber =
        suite_subscriber(suite, variant->kind, variant->of_records, variant->is_filtered);
    uint64_t goal = variant->of_records ? suite->now.point : suite->until;
    if (variant->of_records) {
        subscriber.copy = copy_on(&suite->now, suite->since);
    } else {
        subscriber.filter = type;
        subscriber.trail = (struct trail){.has_position = true, .seq = suite->since};
    }
    int rc = suite_reach(suite, &subscriber, goal, cut_at, error);
    *ret_bytes = subscriber.stream.received;
    if (rc == -ECANCELED) rc = suite_reach(suite, &subscriber, goal, STREAM_NEVER, error);
    subscriber_cut(&subscriber);
    if (rc == 0) rc = compare(suite, variant, &subscriber, error);
    subscriber_finish(&subscriber);
    return rc;
}

/* Cuts at `count` of the bytes, at each of them if there are not more. */
static int cut_all(struct suite *suite, const struct variant *variant, const char *type,
                   uint64_t bytes, uint64_t count, struct reel_error *error) {
    uint64_t received;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at =
            1 + (count == bytes ? i : (uint64_t)((double)bytes / (double)count * (double)i));
        int rc = follow_once(suite, variant, type, at, &received, error);
        if (rc < 0) return fail_in(error, rc, "cut at byte %" PRIu64 " of %" PRIu64, at, bytes);
    }
    return 0;
}

static void check_variant(struct suite *suite, const struct variant *variant, const char *type) {
    struct reel_error error = {{0}};
    char name[64], title[128], passed[96];
    uint64_t bytes = 0;
    name_variant(variant, "cuts", name, title);
    int rc = follow_once(suite, variant, type, STREAM_NEVER, &bytes, &error);
    if (rc < 0) (void)fail_in(&error, rc, "not cut");
    uint64_t count = bytes < suite->cuts_max ? bytes : suite->cuts_max;
    if (rc == 0) rc = cut_all(suite, variant, type, bytes, count, &error);
    if (count == bytes)
        snprintf(passed, sizeof passed, "cut at each of %" PRIu64 " bytes, and resumed", bytes);
    else
        snprintf(passed, sizeof passed, "cut at %" PRIu64 " of %" PRIu64 " bytes, and resumed",
                 count, bytes);
    suite_report(suite, name, title, rc, &error, passed);
}

/* Only those of one type, the one of the last event, so that the end is seen. */
static void check_filtered_events(struct suite *suite) {
    struct reel_error error = {{0}};
    struct trail wanted = {.events = NULL};
    AUTO_FREE char *param = type_param(suite);
    char type[sizeof suite->type];
    strcpy(type, suite->type);
    int rc = param ? suite_list(suite, suite->since, suite->until, type, &wanted, &error)
                   : fail_memory(&error);
    if (rc < 0) suite_report(suite, "events.list", "the list of events", rc, &error, "");
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        const struct variant variant = {kinds[i], false, true, &wanted};
        check_variant(suite, &variant, param);
    }
    trail_finish(&wanted);
}

void check_cuts(struct suite *suite) {
    for (size_t i = 0; suite->listed.count > 0 && i < 2; i++) {
        const struct variant events = {kinds[i], false, false, &suite->listed};
        check_variant(suite, &events, "");
    }
    if (suite->listed.count > 0 && suite->type[0]) check_filtered_events(suite);
    if (suite->listed.count == 0)
        report_check(&suite->report, "events.cuts", "events, cuts", FINDING_SKIPPED,
                     "the log has no events; see --write");
    for (size_t i = 0; suite->has_now && i < 2; i++) {
        const struct variant records = {kinds[i], true, false, NULL};
        check_variant(suite, &records, "");
    }
    for (size_t i = 0; suite->has_now && suite->filter[0] && i < 2; i++) {
        const struct variant filtered = {kinds[i], true, true, NULL};
        check_variant(suite, &filtered, "");
    }
    if (!suite->has_now)
        report_check(&suite->report, "records.cuts", "records, cuts", FINDING_SKIPPED,
                     "there is no right snapshot to compare with");
}

/* ---- Long poll ------------------------------------------------------------------------------- */

static int take_changes(struct suite *suite, struct copy *copy, struct reel_str body,
                        struct reel_error *error) {
    struct json_parser *parser = json_parser_create(NULL);
    struct json *json;
    const char *why;
    int64_t cursor = -1;
    if (!parser) return fail_memory(error);
    struct reel_value list = {NULL, 0}, change = {NULL, 0}, end = {NULL, 0};
    int rc = json_parse(parser, body, 0, &json, &why);
    if (rc == 0) list = json_get(json_root(json), reel_text("changes"));
    if (rc == 0) end = json_get(json_root(json), reel_text("cursor"));
    if (!list.json || !end.json || !json_int(end, &cursor) || cursor < 0)
        rc = fail(error, -EPROTO, "no changes, or no cursor");
    copy_begin(copy);
    while (rc == 0 && (change = json_next(list, change, NULL)).json) {
        struct parsed parsed;
        rc = parse_frame(suite->parser, json_text(change), true, &parsed, error);
        if (rc == 0) rc = copy_take(copy, &parsed, error);
    }
    json_parser_destroy(parser);
    if (rc == 0 && copy->is_misplaced) /* these have nothing of a rebuild */
        rc = fail(error, -EPROTO, "%s", copy->misplaced.text);
    if (rc == 0 && (uint64_t)cursor < copy->last_seq)
        rc = fail(error, -EPROTO, "the cursor is below that of a change");
    if (rc == 0) copy->seq = (uint64_t)cursor;
    return rc;
}

static int poll_once(struct suite *suite, struct copy *copy, struct reel_error *error) {
    char path[1024];
    struct response response;
    struct ask ask = {.method = "GET", .path = path};
    snprintf(path, sizeof path, "/v1/%s?since=%" PRIu64 "&generation=%" PRIu64 "&limit=3&timeout=0",
             suite->collection, copy->seq, copy->generation);
    int rc = client_ask(&suite->target, &ask, &response, error);
    if (rc < 0) return rc;
    rc = response.http.status == 200 ? take_changes(suite, copy, text_str(&response.body), error)
                                     : fail(error, -EPROTO, "%u %.*s", response.http.status,
                                            REEL_FMT(text_str(&response.body)));
    response_finish(&response);
    return rc < 0 ? fail_in(error, rc, "GET %s", path) : 0;
}

void check_poll(struct suite *suite) {
    static const char name[] = "records.poll", title[] = "records by long poll";
    struct reel_error error = {{0}};
    char passed[96];
    int rc = 0, polls = 0;
    if (!suite->has_now) {
        report_check(&suite->report, name, title, FINDING_SKIPPED,
                     "there is no right snapshot to compare with");
        return;
    }
    struct copy copy = copy_on(&suite->now, suite->since);
    while (rc == 0 && copy.seq < suite->now.point) {
        uint64_t before = copy.seq;
        rc = poll_once(suite, &copy, &error);
        polls++;
        if (rc == 0 && copy.seq == before && copy.seq < suite->now.point)
            rc = fail(&error, -EPROTO, "nothing came after %" PRIu64, before);
    }
    if (rc == 0)
        rc = suite_compare(suite, &copy, &suite->now, suite->has_before ? &suite->before : NULL,
                           suite->since, false, &error);
    snprintf(passed, sizeof passed, "%d requests up to %" PRIu64, polls, copy.seq);
    suite_report(suite, name, title, rc, &error, passed);
    copy_finish(&copy);
}
