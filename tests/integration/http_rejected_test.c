/* http_rejected_test.c: a sender is told why an event was rejected, and so is whoever looks at that
 * event later; all rejections can be paged through, and are counted by reason; the log has some
 * lines of them. */
#include "http_support.h"

#include <signal.h>

#define CREATED "dev.cellos.events.cell.formation.v1.created"

static json_t *sent_event(struct site *site, const char *id, const char *type, long status) {
    struct text event = {0};
    event_add(&event, id, type, NULL);
    struct reply reply = post_event(site->writer, event.data, event.len);
    assert_int_equal(reply.status, status);
    free(event.data);
    return json_taken(reply);
}

/* Rejected: formations without an id. From event 1 on in an empty log. */
static void reject(struct site *site, int count) {
    char id[24];
    for (int i = 1; i <= count; i++) {
        snprintf(id, sizeof id, "r%d", i);
        json_decref(sent_event(site, id, CREATED, 201));
    }
}

static void check_rejection(const json_t *answer, size_t n, uint64_t seq) {
    const json_t *one = json_array_get(json_object_get(answer, "rejected"), n);
    assert_int_equal(json_object_size(one), 3);
    assert_int_equal(number_of(one, "seq"), seq);
    assert_string_equal(text_of(one, "collection"), "formations");
    assert_string_equal(text_of(one, "reason"), "event missing formationId");
}

/* ---- The sender ------------------------------------------------------------------------------ */

static void a_sender_is_told_the_reason(void **state) {
    struct site *site = *state;
    json_t *answer = sent_event(site, "a", CREATED, 201);
    assert_string_equal(text_of(answer, "outcome"), "rejected");
    check_rejection(answer, 0, 1);
    json_decref(answer);
    answer = sent_event(site, "a", CREATED, 200); /* a repeat */
    check_rejection(answer, 0, 1);
    json_decref(answer);
    answer = sent_event(site, "b", "of.nobody", 201);
    assert_null(json_object_get(answer, "rejected"));
    json_decref(answer);
}

static void of_a_batch_each_rejection_is_told(void **state) {
    struct site *site = *state;
    struct text batch = {0};
    text_add(&batch, "[", 1);
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "b%d", i);
        if (i > 0) text_add(&batch, ",", 1);
        event_add(&batch, id, i == 1 ? "of.nobody" : CREATED, NULL);
    }
    text_add(&batch, "]", 1);
    json_t *answer =
        json_taken(asked(site->writer, "POST", "/v1/events",
                         "Content-Type: application/cloudevents-batch+json", batch.data, 201));
    assert_int_equal(json_array_size(json_object_get(answer, "rejected")), 2);
    check_rejection(answer, 0, 1);
    check_rejection(answer, 1, 3);
    json_decref(answer);
    free(batch.data);
}

/* ---- One event ------------------------------------------------------------------------------- */

static void check_outcome(const json_t *event, size_t n, const char *collection,
                          const char *outcome, const char *reason) {
    const json_t *one = json_array_get(json_object_get(event, "outcomes"), n);
    assert_string_equal(text_of(one, "collection"), collection);
    assert_string_equal(text_of(one, "outcome"), outcome);
    const json_t *told = json_object_get(one, "reason");
    if (!reason) assert_null(told);
    if (reason) assert_string_equal(json_string_value(told), reason);
}

static void an_event_tells_what_came_of_it_in_each_collection(void **state) {
    struct site *site = *state;
    reject(site, 1);
    cell_started(site->writer, "c");
    json_t *event = json_got(site->reader, "/v1/events/1");
    assert_int_equal(number_of(event, "seq"), 1);
    assert_string_equal(text_of(json_object_get(event, "event"), "id"), "r1");
    assert_int_equal(strlen(text_of(event, "received_at")), strlen("2026-01-01T00:00:00.000Z"));
    assert_int_equal(number_of(event, "cursor"), 2);
    assert_int_equal(json_array_size(json_object_get(event, "outcomes")), 2);
    check_outcome(event, 0, "cells", "ignored", NULL);
    check_outcome(event, 1, "formations", "rejected", "event missing formationId");
    json_decref(event);
    event = json_got(site->reader, "/v1/events/2");
    check_outcome(event, 0, "cells", "accepted", NULL);
    check_outcome(event, 1, "formations", "ignored", NULL);
    json_decref(event);
    get_problem(site->reader, "/v1/events/3", 404, "not-found");
    get_problem(site->reader, "/v1/events/0", 404, "not-found");
    get_problem(site->reader, "/v1/events/x", 400, "bad-request");
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* The seqs of a page, each followed by a comma; and its `next`, or 0. */
static uint64_t check_page(struct site *site, const char *query, const char *wanted) {
    char path[128];
    struct text seqs = {0};
    const json_t *one;
    size_t i;
    snprintf(path, sizeof path, "/v1/rejected%s", query);
    json_t *page = json_got(site->reader, path);
    text_add(&seqs, "", 0);
    json_array_foreach(json_object_get(page, "rejected"), i, one)
        text_format(&seqs, "%d,", (int)number_of(one, "seq"));
    if (strcmp(seqs.data, wanted) != 0) fail_msg("%s: %s instead of %s", path, seqs.data, wanted);
    uint64_t next = json_object_get(page, "next") ? number_of(page, "next") : 0;
    free(seqs.data);
    json_decref(page);
    return next;
}

static void all_rejections_can_be_paged_through(void **state) {
    struct site *site = *state;
    reject(site, 5);
    assert_int_equal(check_page(site, "?limit=2", "5,4,"), 4);
    assert_int_equal(check_page(site, "?limit=2&before=4", "3,2,"), 2);
    assert_int_equal(check_page(site, "?limit=2&before=2", "1,"), 0);
    assert_int_equal(check_page(site, "?before=1", ""), 0);
    assert_int_equal(check_page(site, "?before=0", ""), 0);
    assert_int_equal(check_page(site, "?limit=5", "5,4,3,2,1,"), 0);
    assert_int_equal(check_page(site, "?collection=formations&before=3", "2,1,"), 0);
    assert_int_equal(check_page(site, "?collection=cells", ""), 0);
    get_problem(site->reader, "/v1/rejected?before=x", 400, "bad-request");
}

/* Ids of half a megabyte each: what is shown of them is cut. */
static void a_page_is_bounded_in_bytes(void **state) {
    struct site *site = *state;
    enum { ID_BYTES = 500000, EVENTS = 8 };
    char *id = malloc(ID_BYTES + 1);
    for (int i = 0; i < EVENTS; i++) {
        memset(id, 'a' + i, ID_BYTES);
        id[ID_BYTES] = '\0';
        json_decref(sent_event(site, id, CREATED, 201));
    }
    free(id);
    struct reply reply = got(site->reader, "/v1/rejected", 200);
    assert_true(reply.body.len < EVENTS * 4096);
    json_t *page = json_taken(reply);
    const json_t *list = json_object_get(page, "rejected");
    assert_int_equal(json_array_size(list), EVENTS);
    assert_int_equal(strlen(text_of(json_array_get(list, 0), "id")), 1024);
    json_decref(page);
}

static void a_page_ends_where_the_bound_is_and_goes_on_there(void **state) {
    (void)state;
    struct site site = site_opened("--answer-bytes-max", "65536", NULL);
    char id[1025], path[64] = "/v1/rejected?limit=1000";
    size_t seen = 0, pages = 0;
    memset(id, 'i', sizeof id - 1);
    for (int i = 0; i < 100; i++) {
        snprintf(id + 1000, 25, "%024d", i);
        json_decref(sent_event(&site, id, CREATED, 201));
    }
    for (bool more = true; more; pages++) {
        struct reply reply = got(site.reader, path, 200);
        assert_true(reply.body.len < 65536 + 4096);
        json_t *page = json_taken(reply);
        seen += json_array_size(json_object_get(page, "rejected"));
        more = json_object_get(page, "next");
        if (more)
            snprintf(path, sizeof path, "/v1/rejected?limit=1000&before=%d",
                     (int)number_of(page, "next"));
        json_decref(page);
    }
    assert_int_equal(seen, 100);
    assert_in_range(pages, 2, 10);
    site_closed(&site);
}

/* ---- By reason ------------------------------------------------------------------------------- */

/* The answer's `reasons` and counts, without where it stands. */
static void check_reasons(struct site *site, const char *query, const char *wanted) {
    char path[128];
    snprintf(path, sizeof path, "/v1/rejected/reasons%s", query);
    json_t *answer = json_got(site->reader, path);
    assert_int_equal(json_object_del(answer, "cursor"), 0);
    assert_int_equal(json_object_del(answer, "epoch"), 0);
    char *text = json_dumps(answer, JSON_COMPACT | JSON_SORT_KEYS);
    if (strcmp(text, wanted) != 0) fail_msg("%s: %s instead of %s", path, text, wanted);
    free(text);
    json_decref(answer);
}

#define MISSING                                                                                    \
    "{\"collection\":\"formations\",\"count\":%d,\"first_seq\":%d,"                                \
    "\"last_reason\":\"event missing formationId\",\"last_seq\":%d,"                               \
    "\"reason\":\"event missing formationId\"}"
#define NO_UUID                                                                                    \
    "{\"collection\":\"formations\",\"count\":3,\"first_seq\":4,"                                  \
    "\"last_reason\":\"event formationId not a UUID (u-2)\",\"last_seq\":6,"                       \
    "\"reason\":\"event formationId not a UUID\"}"

/* What an event says of its own id does not make its reason another one. */
static void rejections_are_counted_by_reason_the_most_frequent_first(void **state) {
    struct site *site = *state;
    char id[16], data[64], wanted[1024];
    check_reasons(site, "", "{\"count\":0,\"others\":0,\"reasons\":[]}");
    reject(site, 2);
    posted(site->writer, "ok", "of.nobody", NULL, "ignored");
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "u-%d", i);
        snprintf(data, sizeof data, "{\"formationId\":\"u-%d\"}", i);
        posted(site->writer, id, CREATED, data, "rejected");
    }
    snprintf(wanted, sizeof wanted,
             "{\"count\":5,\"others\":0,\"reasons\":[" NO_UUID "," MISSING "]}", 2, 1, 2);
    check_reasons(site, "", wanted);
    check_reasons(site, "?collection=formations", wanted);
    check_reasons(site, "?limit=1", "{\"count\":5,\"others\":2,\"reasons\":[" NO_UUID "]}");
    snprintf(wanted, sizeof wanted, "{\"count\":1,\"others\":0,\"reasons\":[" MISSING "]}", 1, 1,
             1);
    check_reasons(site, "?before=2", wanted);
    check_reasons(site, "?collection=cells", "{\"count\":0,\"others\":0,\"reasons\":[]}");
    get_problem(site->reader, "/v1/rejected/reasons?before=x", 400, "bad-request");
    get_problem(site->reader, "/v1/rejected/reasons?reason=x", 400, "bad-request");
    assert_int_equal(check_page(site, "?reason=event+missing+formationId", "2,1,"), 0);
    assert_int_equal(check_page(site, "?reason=event+formationId+not+a+UUID&limit=2", "6,5,"), 5);
    assert_int_equal(check_page(site, "?reason=event+formationId+not+a+UUID+(u-1)", "5,"), 0);
    assert_int_equal(check_page(site, "?reason=event", ""), 0);
}

/* More kinds than are told apart: the newest ones are, and the others are counted together. */
static void kinds_of_reasons_are_bounded(void **state) {
    (void)state;
    struct site site = site_opened("--plugin", LIBRARY_SO, NULL);
    enum { KINDS = 10050 };
    struct text lines = {0};
    for (int i = 0; i < KINDS; i++)
        text_format(&lines,
                    "{\"specversion\":\"1.0\",\"id\":\"k%d\",\"source\":\"/"
                    "k\",\"type\":\"test.library.v1.shelf"
                    "\",\"data\":{\"reason\":\"kind-%d\"}}\n",
                    i, i);
    post_lines(site.writer, &lines);
    json_t *answer = json_got(site.reader, "/v1/rejected/reasons?limit=1000");
    assert_int_equal(json_array_size(json_object_get(answer, "reasons")), 1000);
    assert_int_equal(number_of(answer, "count"), KINDS);
    assert_int_equal(number_of(answer, "others"), KINDS - 1000);
    const json_t *first = json_array_get(json_object_get(answer, "reasons"), 0);
    assert_string_equal(text_of(first, "reason"), "kind-10049");
    json_decref(answer);
    site_closed(&site);
}

/* ---- The log --------------------------------------------------------------------------------- */

static size_t lines_with(const char *log, const char *part) {
    size_t count = 0;
    for (; (log = strstr(log, part)); log++) count++;
    return count;
}

static void the_log_has_some_lines_and_counts_the_others(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    struct text batch = {0};
    for (int i = 0; i < 200; i++) {
        char id[16];
        snprintf(id, sizeof id, "l%d", i);
        text_add(&batch, i > 0 ? "," : "[", 1);
        event_add(&batch, id, CREATED, NULL);
    }
    text_add(&batch, "]", 1);
    json_decref(
        json_taken(asked(site.writer, "POST", "/v1/events",
                         "Content-Type: application/cloudevents-batch+json", batch.data, 201)));
    free(batch.data);
    reject(&site, 20);
    daemon_wait_for_log(&site.daemon,
                        "event 1 was rejected by `formations`: event missing formationId");
    site_hang_up(&site);
    must(kill(site.daemon.pid, SIGTERM) == 0);
    must(daemon_wait(&site.daemon) == 0);
    char *log = daemon_log(&site.daemon);
    size_t lines = lines_with(log, "was rejected by");
    assert_in_range(lines, 1, 100); /* of 220, however long it took */
    assert_true(lines_with(log, "more rejections were not logged") > 0);
    free(log);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_sender_is_told_the_reason),
        CASE(of_a_batch_each_rejection_is_told),
        CASE(an_event_tells_what_came_of_it_in_each_collection),
        CASE(all_rejections_can_be_paged_through),
        CASE(rejections_are_counted_by_reason_the_most_frequent_first),
        cmocka_unit_test(kinds_of_reasons_are_bounded),
        CASE(a_page_is_bounded_in_bytes),
        cmocka_unit_test(a_page_ends_where_the_bound_is_and_goes_on_there),
        cmocka_unit_test(the_log_has_some_lines_and_counts_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
