/* http_log_test.c: reading the log over HTTP: pages of events, single ones, rejections, and what
 * was trimmed. */
#include "http_support.h"

/* ---- Assertions ------------------------------------------------------------------------------ */

/* The seqs of a page's events, each followed by a comma; its `next`, which pages that go back may
 * have; and its cursor: "1,2,@2" or "3,2,<2@5". */
static void check_page(struct site *site, const char *query, const char *wanted) {
    char path[256];
    struct text seqs = {0};
    const json_t *event;
    size_t i;
    snprintf(path, sizeof path, "/v1/events%s", query);
    json_t *page = json_got(site->reader, path);
    json_array_foreach(json_object_get(page, "events"), i, event) {
        text_format(&seqs, "%d,", (int)number_of(event, "seq"));
        assert_int_equal(json_object_size(event), 2);
        assert_true(json_is_object(json_object_get(event, "event")));
    }
    const json_t *next = json_object_get(page, "next");
    if (next) text_format(&seqs, "<%d", (int)number_of(page, "next"));
    text_format(&seqs, "@%d", (int)number_of(page, "cursor"));
    if (strcmp(seqs.data, wanted) != 0) fail_msg("%s: %s instead of %s", path, seqs.data, wanted);
    assert_int_equal(json_object_size(page), next ? 4 : 3);
    assert_int_equal(strlen(text_of(page, "epoch")), 36);
    free(seqs.data);
    json_decref(page);
}

/* A position that the log does not reach is refused, by pages as by streams. */
static void beyond(struct site *site, const char *since) {
    static const char *const routes[] = {"/v1/events", "/v1/events/stream"};
    char path[128];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s?since=%s", routes[i], since);
        get_problem(site->reader, path, 400, "bad-request");
    }
}

static void another_epoch_is_refused_by_pages_as_by_streams(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, "/v1/events", 200);
    char path[128];
    snprintf(path, sizeof path, "?epoch=%s", reply_header(&reply, "Reel-Epoch"));
    reply_free(&reply);
    check_page(site, path, "@0");
    static const char *const routes[] = {"/v1/events", "/v1/events/stream"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s?epoch=00000000-0000-0000-0000-000000000000", routes[i]);
        get_problem(site->reader, path, 409, "conflict");
    }
}

static void fill(struct site *site, int count) {
    char id[16];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "fill-%d", i);
        posted(site->writer, id, i % 2 ? "test.odd" : "test.even", NULL, "ignored");
    }
}

static void too_old(struct site *site, const char *path, uint64_t first_seq) {
    struct reply reply = got(site->reader, path, 410);
    assert_problem(&reply, 410, "cursor-too-old");
    assert_non_null(reply_header(&reply, "Reel-Cursor"));
    assert_non_null(reply_header(&reply, "Reel-Epoch"));
    json_t *problem = json_taken(reply);
    assert_int_equal(number_of(problem, "first_seq"), first_seq);
    json_decref(problem);
}

static uint64_t first_seq_of(struct site *site) {
    json_t *status = json_got(site->reader, "/v1/status");
    uint64_t first = number_of(status, "first_seq");
    json_decref(status);
    return first;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static void pages_follow_each_other_by_the_cursor(void **state) {
    struct site *site = *state;
    check_page(site, "", "@0");
    beyond(site, "5");
    fill(site, 5);
    check_page(site, "", "1,2,3,4,5,@5");
    check_page(site, "?since=0", "1,2,3,4,5,@5");
    check_page(site, "?limit=2", "1,2,@2");
    check_page(site, "?since=2&limit=2", "3,4,@4");
    check_page(site, "?since=4&limit=2", "5,@5");
    check_page(site, "?since=5&limit=2", "@5");
    beyond(site, "6");
    beyond(site, "18446744073709551615");
    beyond(site, "99999999999999999999999");
    check_page(site, "?limit=5", "1,2,3,4,5,@5");
}

static void pages_go_back_from_any_event(void **state) {
    struct site *site = *state;
    check_page(site, "?before=9", "@0");
    fill(site, 5);
    check_page(site, "?before=99999999999999999999", "5,4,3,2,1,@5");
    check_page(site, "?before=6&limit=2", "5,4,<4@5");
    check_page(site, "?before=4&limit=2", "3,2,<2@5");
    check_page(site, "?before=2&limit=2", "1,@5");
    check_page(site, "?before=3&limit=2", "2,1,@5");
    check_page(site, "?before=1", "@5");
    check_page(site, "?before=0", "@5");
    check_page(site, "?before=6&type=test.odd", "4,2,@5");
    check_page(site, "?before=6&type=test.even&limit=2", "5,3,<3@5");
    get_problem(site->reader, "/v1/events?before=6&since=1", 400, "bad-request");
    get_problem(site->reader, "/v1/events?before=x", 400, "bad-request");
    get_problem(site->reader, "/v1/events?before=6&epoch=x", 409, "conflict");
    get_problem(site->reader, "/v1/events?before=6&subject=a..b", 400, "bad-request");
    check_problem(site->reader, "GET", "/v1/events?before=6", "Accept: application/x-ndjson", NULL,
                  400, "bad-request");
}

/* A filter that leaves one event in thousands, and pages whose bytes are limited: page by page,
 * each event comes once. */
static void pages_that_go_back_miss_nothing(void **state) {
    (void)state;
    enum { EVENTS = 150000, EVERY = 5000 };
    struct site site = site_opened("--answer-bytes-max", "65536", NULL);
    static char padding[40000];
    struct text lines = {0};
    memset(padding, 'x', sizeof padding);
    for (int i = 1; i <= EVENTS; i++) {
        bool is_rare = i % EVERY == 0;
        text_format(&lines,
                    "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"/b\",\"type\":\"%s\","
                    "\"data\":\"",
                    i, is_rare ? "rare" : "often");
        text_add(&lines, padding, is_rare ? sizeof padding : 1);
        text_format(&lines, "\"}\n");
    }
    post_lines(site.writer, &lines);
    uint64_t before = UINT64_MAX, wanted = EVENTS, pages = 0;
    for (bool more = true; more; pages++) {
        char path[96];
        const json_t *event;
        size_t i;
        snprintf(path, sizeof path, "/v1/events?type=rare&before=%llu", (unsigned long long)before);
        json_t *page = json_got(site.reader, path);
        json_array_foreach(json_object_get(page, "events"), i, event) {
            assert_int_equal(number_of(event, "seq"), wanted);
            wanted -= EVERY;
        }
        more = json_object_get(page, "next");
        if (more) before = number_of(page, "next");
        json_decref(page);
    }
    assert_int_equal(wanted, 0);
    assert_in_range(pages, EVENTS / EVERY / 3, EVENTS / EVERY);
    site_closed(&site);
}

static void a_page_has_100_events_unless_told_and_at_most_1000(void **state) {
    struct site *site = *state;
    struct text batch = {0};
    char id[16];
    for (int i = 0; i < 1001; i++) {
        snprintf(id, sizeof id, "e%d", i);
        text_add(&batch, i > 0 ? "," : "[", 1);
        event_add(&batch, id, "t", NULL);
    }
    text_add(&batch, "]", 1);
    struct reply reply = asked(site->writer, "POST", "/v1/events",
                               "Content-Type: application/cloudevents-batch+json", batch.data, 201);
    reply_free(&reply);
    free(batch.data);
    static const struct {
        const char *path;
        size_t count;
    } cases[] = {{"/v1/events", 100},
                 {"/v1/events?limit=0", 1},
                 {"/v1/events?limit=1000", 1000},
                 {"/v1/events?limit=5000", 1000},
                 {"/v1/events?limit=5000&since=1", 1000},
                 {"/v1/events?limit=99999999999999999999&since=2", 999}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *page = json_got(site->reader, cases[i].path);
        assert_int_equal(json_array_size(json_object_get(page, "events")), cases[i].count);
        json_decref(page);
    }
}

static void events_are_filtered_by_type_and_by_both_subjects(void **state) {
    struct site *site = *state;
    char id[37];
    fill(site, 4);                         /* 1 to 4 */
    formation_made(site->writer, "f", id); /* 5 */
    cell_started(site->writer, "c");       /* 6 */
    static const char with_subject[] = "{\"specversion\":\"1.0\",\"id\":\"s\",\"source\":\"/s\","
                                       "\"type\":\"t\",\"subject\":\"a/b c\"}"; /* 7 */
    struct reply reply = post_event(site->writer, with_subject, strlen(with_subject));
    reply_free(&reply);
    static const char *const cases[][2] = {
        {"?type=test.odd", "2,4,@7"},
        {"?type=test.odd&limit=1", "2,@2"},
        {"?type=test.", "1,2,3,4,@7"},
        {"?type=test.odd.more", "@7"},
        {"?type=", "1,2,3,4,5,6,7,@7"},
        {"?type=dev.cellos", "5,6,@7"},
        {"?ce_subject=a/b%20c", "7,@7"},
        {"?ce_subject=a/b+c", "7,@7"},
        {"?ce_subject=a", "@7"},
        {"?subject=%3E", "1,2,3,4,5,6,7,@7"},
        {"?subject=cellos.events.%3E", "1,2,3,4,5,6,7,@7"},
        {"?subject=cellos.events.event.*", "1,2,3,4,6,7,@7"},
        {"?subject=cellos.events.event.test%252Eodd", "2,4,@7"},
        {"?subject=cellos.events.formations.%3E", "5,@7"},
        {"?subject=cellos.events.formations.*.created", "5,@7"},
        {"?subject=cellos.events.formations.*.cancelled", "@7"},
        {"?subject=cellos.events.event.*&type=test.even&since=1", "3,@7"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_page(site, cases[i][0], cases[i][1]);
}

static void an_impossible_parameter_is_a_bad_request(void **state) {
    struct site *site = *state;
    static const char *const paths[] = {"/v1/events?since=x",
                                        "/v1/events?since=-1",
                                        "/v1/events?since=",
                                        "/v1/events?limit=x",
                                        "/v1/events?subject=a..b",
                                        "/v1/events?subject=",
                                        "/v1/events?subject=%3E.a",
                                        "/v1/events?subject=a%20b",
                                        "/v1/events?min_cursor=1",
                                        "/v1/events?since=1&since=1",
                                        "/v1/rejected?limit=x",
                                        "/v1/rejected?since=1",
                                        "/v1/events/x/raw",
                                        "/v1/events//raw",
                                        "/v1/events/-1/raw",
                                        "/v1/events/1.0/raw",
                                        "/v1/events/18446744073709551616/raw",
                                        "/v1/events/1/raw?x=1",
                                        NULL};
    for (const char *const *path = paths; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
}

static void an_event_is_one_line_in_a_page_and_raw_as_it_came(void **state) {
    struct site *site = *state;
    static const char event[] = "{\"specversion\":\"1.0\",\r\n\"id\":\"e\",\n\"source\":\"/s\","
                                "\"type\":\"t\",\"data\":[1,\n2]}\n";
    struct reply reply = post_event(site->writer, event, strlen(event));
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    reply = got(site->reader, "/v1/events", 200);
    assert_null(strpbrk(reply.body.data, "\r\n"));
    assert_non_null(strstr(reply.body.data, "\"data\":[1, 2]"));
    reply_free(&reply);
    reply = got(site->reader, "/v1/events/1/raw", 200);
    assert_string_equal(reply.body.data, event);
    reply_free(&reply);
    get_problem(site->reader, "/v1/events/0/raw", 404, "not-found");
    get_problem(site->reader, "/v1/events/2/raw", 404, "not-found");
    get_problem(site->reader, "/v1/events/18446744073709551615/raw", 404, "not-found");
}

/* ---- Rejected -------------------------------------------------------------------------------- */

static void rejected_events_are_listed_newest_first_with_the_reason(void **state) {
    struct site *site = *state;
    static const char type[] = "dev.cellos.events.cell.formation.v1.created";
    json_t *none = json_got(site->reader, "/v1/rejected");
    assert_int_equal(json_array_size(json_object_get(none, "rejected")), 0);
    json_decref(none);
    posted(site->writer, "r1", type, "{}", "rejected");
    posted(site->writer, "ok", "t", NULL, "ignored");
    posted(site->writer, "r2", type, "{\"formationId\":\"x\"}", "rejected");
    struct reply reply = got(site->reader, "/v1/rejected?limit=1", 200);
    json_t *page = reply_json(&reply);
    const json_t *newest = json_array_get(json_object_get(page, "rejected"), 0);
    char wanted[512], received[32];
    snprintf(received, sizeof received, "%s", text_of(newest, "received_at"));
    json_decref(page);
    snprintf(wanted, sizeof wanted,
             "{\"rejected\":[{\"seq\":3,\"type\":\"%s\",\"id\":\"r2\",\"time\":null,"
             "\"received_at\":\"%s\",\"collection\":\"formations\","
             "\"reason\":\"event formationId not a UUID (x)\"}],\"next\":3,\"cursor\":3,"
             "\"epoch\":\"%s\"}",
             type, received, reply_header(&reply, "Reel-Epoch"));
    assert_string_equal(reply.body.data, wanted);
    reply_free(&reply);
    json_t *all = json_got(site->reader, "/v1/rejected");
    char *ids = listed(json_object_get(all, "rejected"), "id");
    assert_string_equal(ids, "r2,r1,");
    free(ids);
    json_decref(all);
}

/* ---- Trimmed --------------------------------------------------------------------------------- */

static void trimmed_events_are_gone_and_the_rest_is_there(void **state) {
    (void)state;
    struct site site = site_opened("--retention-events", "2", NULL);
    posted(site.writer, "r1", "dev.cellos.events.cell.formation.v1.created", "{}", "rejected");
    cell_started(site.writer, "kept");
    fill(&site, 3); /* 3 to 5 */
    for (int waited = 0; first_seq_of(&site) < 4; waited++) {
        must(waited < 30000);
        usleep(1000);
    }
    too_old(&site, "/v1/events?since=1", 4);
    too_old(&site, "/v1/events?since=2", 4);
    too_old(&site, "/v1/events?since=2&type=nothing", 4);
    too_old(&site, "/v1/events/1/raw", 4);
    too_old(&site, "/v1/events/3/raw", 4);
    check_page(&site, "", "4,5,@5");
    check_page(&site, "?since=0", "4,5,@5");
    check_page(&site, "?since=3", "4,5,@5");
    check_page(&site, "?since=5", "@5");
    check_page(&site, "?before=9", "5,4,@5");
    check_page(&site, "?before=2", "@5");
    check_listed(site.reader, "/v1/cells", "cells", "id", "kept,");
    struct reply reply = got(site.reader, "/v1/events/4/raw", 200);
    reply_free(&reply);
    json_t *rejected = json_got(site.reader, "/v1/rejected");
    assert_int_equal(json_array_size(json_object_get(rejected, "rejected")), 0);
    json_decref(rejected);
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(pages_follow_each_other_by_the_cursor),
        CASE(pages_go_back_from_any_event),
        cmocka_unit_test(pages_that_go_back_miss_nothing),
        CASE(a_page_has_100_events_unless_told_and_at_most_1000),
        CASE(events_are_filtered_by_type_and_by_both_subjects),
        CASE(an_impossible_parameter_is_a_bad_request),
        CASE(an_event_is_one_line_in_a_page_and_raw_as_it_came),
        CASE(another_epoch_is_refused_by_pages_as_by_streams),
        CASE(rejected_events_are_listed_newest_first_with_the_reason),
        cmocka_unit_test(trimmed_events_are_gone_and_the_rest_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
