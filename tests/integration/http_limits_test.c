/* http_limits_test.c: how much is taken: bodies at and one past each bound, heads, batches,
 * connections, memory; and answers that are too large to be made at once. */
#include "http_raw.h"
#include "load.h"

#define MIB ((size_t)1 << 20)

#define STRUCTURED "Content-Type: application/cloudevents+json"
#define BATCHED    "Content-Type: application/cloudevents-batch+json"
#define JSON       "Content-Type: application/json"

static int close_site(void **state) {
    struct site *site = *state;
    wait_until_quiet(site, 3);
    site_closed(site);
    return 0;
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

/* The text with blanks behind it, so that it has this length. */
static char *padded(const char *text, size_t len) {
    char *body = malloc(len + 1);
    must(body != NULL && strlen(text) <= len);
    memset(body, ' ', len);
    memcpy(body, text, strlen(text));
    body[len] = '\0';
    return body;
}

/* With its length said beforehand, and in chunks of unknown number. */
static void check_size(struct site *site, const char *path, const char *type, const char *text,
                       size_t len, long status) {
    char *body = padded(text, len);
    for (int chunked = 0; chunked < 2; chunked++) {
        const char *const headers[] = {type, chunked ? "Transfer-Encoding: chunked" : NULL, NULL};
        struct reply reply = request(site->writer, "POST", path, headers, body, len);
        if (reply.status != status)
            fail_msg("%s, %zu bytes, %d: %ld: %s", path, len, chunked, reply.status,
                     reply.body.data);
        if (status == 413) assert_problem(&reply, 413, "payload-too-large");
        reply_free(&reply);
    }
    free(body);
}

static void a_command_has_64_kib(void **state) {
    struct site *site = *state;
    check_size(site, "/v1/formations", JSON, FORMATION, 65536, 201);
    check_size(site, "/v1/formations", JSON, FORMATION, 65537, 413);
    check_size(site, "/v1/formations", JSON, FORMATION, 200000, 413);
    json_t *list = json_got(site->reader, "/v1/formations");
    assert_int_equal(number_of(list, "cursor"), 2);
    json_decref(list);
}

static void an_event_has_1_mib(void **state) {
    struct site *site = *state;
    static const char event[] =
        "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/s\",\"type\":\"t\"}";
    char *whole = padded(event, MIB);
    struct reply reply = post_event(site->writer, whole, MIB);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    check_size(site, "/v1/events", STRUCTURED, event, MIB, 200);
    check_size(site, "/v1/events", STRUCTURED, event, MIB + 1, 413);
    reply = got(site->reader, "/v1/events/1/raw", 200);
    assert_int_equal(reply.body.len, MIB);
    assert_string_equal(reply.body.data, whole);
    reply_free(&reply);
    free(whole);
}

static void a_batch_has_8_mib_and_each_of_its_events_1_mib(void **state) {
    struct site *site = *state;
    struct text batch = {0};
    event_add(&batch, "a", "t", NULL);
    char *pad = padded("", 1000000), *one = strdup(batch.data);
    batch.len = 0;
    for (int i = 0; i < 8; i++) {
        text_add(&batch, i > 0 ? "," : "[", 1);
        text_format(&batch, "%s", one);
        text_add(&batch, pad, 1000000);
    }
    text_add(&batch, "]", 1);
    check_size(site, "/v1/events", BATCHED, batch.data, 8 * MIB + 1, 413);
    struct reply reply = asked(site->writer, "POST", "/v1/events", BATCHED, batch.data, 201);
    reply_free(&reply);
    check_size(site, "/v1/events", BATCHED, batch.data, 8 * MIB, 200);
    batch.len = 0;
    text_format(&batch, "[{\"specversion\":\"1.0\",\"id\":\"b\",\"source\":\"/s\",\"type\":\"t\"");
    text_add(&batch, pad, 1000000);
    text_add(&batch, pad, 50000);
    text_add(&batch, "}]", 2);
    check_size(site, "/v1/events", BATCHED, batch.data, batch.len, 413);
    free(batch.data);
    free(pad);
    free(one);
}

static void data_in_binary_mode_counts_as_the_event_that_it_becomes(void **state) {
    struct site *site = *state;
    const char *const headers[] = {"ce-specversion: 1.0",
                                   "ce-id: b",
                                   "ce-source: /s",
                                   "ce-type: t",
                                   "Content-Type: application/octet-stream",
                                   NULL};
    char *data = padded("", MIB + 1);
    static const struct {
        size_t len;
        long status;
    } cases[] = {{700000, 201}, {MIB * 3 / 4, 413}, {MIB + 1, 413}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply reply =
            request(site->writer, "POST", "/v1/events", headers, data, cases[i].len);
        assert_int_equal(reply.status, cases[i].status);
        reply_free(&reply);
    }
    free(data);
}

static void a_batch_has_as_many_events_as_one_commit(void **state) {
    (void)state;
    struct site site = site_opened("--batch-events-max", "3", NULL);
    struct text batch = {0};
    char id[16];
    text_add(&batch, "[", 1);
    for (int i = 0; i < 4; i++) {
        snprintf(id, sizeof id, "%s%d", i > 0 ? "e" : "f", i);
        if (i > 0) text_add(&batch, ",", 1);
        event_add(&batch, id, "t", NULL);
    }
    char *three = strdup(batch.data);
    *strrchr(three, '{') = '\0';
    three[strlen(three) - 1] = ']';
    text_add(&batch, "]", 1);
    check_problem(site.writer, "POST", "/v1/events", BATCHED, batch.data, 413, "payload-too-large");
    struct reply reply = asked(site.writer, "POST", "/v1/events", BATCHED, three, 201);
    assert_non_null(strstr(reply.body.data, "[1,2,3]"));
    reply_free(&reply);
    free(three);
    free(batch.data);
    site_closed(&site);
}

static void a_body_that_never_ends_is_cut_off(void **state) {
    struct site *site = *state;
    char *block = padded("", MIB);
    struct raw raw = raw_opened(site);
    bool taken = true;
    say(&raw, "POST /v1/formations HTTP/1.1\r\n" HOST WRITES AS_JSON
              "Transfer-Encoding: chunked\r\n\r\n40000000\r\n");
    for (int i = 0; i < 64 && taken; i++) taken = try_to_send(&raw, block, MIB);
    assert_false(taken);
    raw_close(&raw);
    free(block);
}

/* A client that looks for its answer only when all is sent gets it, and may go on. */
static void a_body_that_is_refused_is_read_to_its_end(void **state) {
    struct site *site = *state;
    static const struct {
        const char *head;
        size_t len;
        long status;
    } cases[] = {
        {"POST /v1/formations HTTP/1.1\r\n" HOST WRITES AS_JSON, 4 * 65536, 413},
        {"POST /v1/formations HTTP/1.1\r\n" HOST AS_JSON, 4 * 65536, 401},
        {"POST /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT, 32 * MIB, 413},
        {"POST /v1/none HTTP/1.1\r\n" HOST WRITES AS_EVENT, 4 * 65536, 404},
        {"PUT /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT, 4 * 65536, 405},
    };
    char *body = padded("", 32 * MIB);
    struct raw raw = raw_opened(site);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text head = {0};
        text_format(&head, "%sContent-Length: %zu\r\n\r\n", cases[i].head, cases[i].len);
        say(&raw, head.data);
        must(try_to_send(&raw, body, cases[i].len));
        check_heard(&raw, cases[i].status, NULL);
        free(head.data);
    }
    raw_close(&raw);
    free(body);
}

static void a_body_where_none_is_wanted_is_refused(void **state) {
    struct site *site = *state;
    check_exchange(site, "GET /v1/cells HTTP/1.1\r\n" HOST WRITES "Content-Length: 2\r\n\r\n{}",
                   413, "payload-too-large");
    check_exchange(site,
                   "DELETE /v1/formations/by-name/x HTTP/1.1\r\n" HOST WRITES AS_JSON
                   "Content-Length: 2\r\n\r\n{}",
                   404, "not-found");
}

/* ---- Heads ----------------------------------------------------------------------------------- */

static void a_head_has_14_kib(void **state) {
    struct site *site = *state;
    char *pad = padded("", 20000);
    memset(pad, 'a', 20000);
    struct text head = {0};
    for (size_t len = 4000; len <= 20000; len += 16000) {
        text_format(&head, "GET /healthz HTTP/1.1\r\n" HOST "X: ");
        text_add(&head, pad, len);
        text_add(&head, "\r\n\r\n", 4);
        check_exchange(site, head.data, len < 14000 ? 200 : 431, NULL);
        head.len = 0;
        text_format(&head, "GET /v1/cells/");
        text_add(&head, pad, len);
        text_format(&head, " HTTP/1.1\r\n" HOST WRITES "\r\n");
        check_exchange(site, head.data, len < 14000 ? 404 : 414, NULL);
        head.len = 0;
    }
    free(head.data);
    free(pad);
}

static void a_target_has_at_most_64_parameters(void **state) {
    struct site *site = *state;
    struct text path = {0};
    text_format(&path, "/v1/cells?limit=1");
    for (int i = 0; i < 64; i++) text_format(&path, "&a%d=1", i);
    get_problem(site->reader, path.data, 400, "bad-request");
    free(path.data);
    struct reply reply = got(site->reader, "/v1/cells?&&limit=1&&&", 200);
    reply_free(&reply);
}

/* ---- Bounds of the whole --------------------------------------------------------------------- */

static void too_many_connections_are_answered_503_but_for_health(void **state) {
    (void)state;
    struct site site = site_opened("--connections-max", "2", NULL);
    struct raw held[2] = {raw_opened(&site), raw_opened(&site)};
    for (int i = 0; i < 2; i++) {
        say(&held[i], "GET /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\n");
        check_heard(&held[i], 200, NULL);
    }
    get_problem(site.reader, "/v1/cells", 503, "service-unavailable");
    struct reply reply = got(site.reader, "/v1/cells", 503);
    assert_string_equal(reply_header(&reply, "Retry-After"), "1");
    reply_free(&reply);
    reply = got(site.reader, "/healthz", 200);
    reply_free(&reply);
    wait_until_ready(site.reader);
    raw_close(&held[0]);
    raw_close(&held[1]);
    for (int waited = 0;; waited++) {
        reply = get(site.reader, "/v1/cells");
        long status = reply.status;
        reply_free(&reply);
        if (status == 200) break;
        must(status == 503 && waited < 10000);
        usleep(1000);
    }
    site_closed(&site);
}

static void bodies_beyond_the_memory_that_is_given_are_answered_503(void **state) {
    (void)state;
    struct site site = site_opened("--http-memory-bytes-max", "1048576", NULL);
    check_size(&site, "/v1/events", BATCHED, "[]", 3 * MIB, 503);
    struct reply reply = asked(site.writer, "POST", "/v1/events", BATCHED, "[]", 200);
    reply_free(&reply);
    wait_until_quiet(&site, 3);
    site_closed(&site);
}

static void a_list_too_large_to_be_made_at_once_is_whole(void **state) {
    (void)state;
    enum { CELLS = 2000 };
    struct site site = site_opened("--answer-bytes-max", "65536", NULL);
    struct text batch = {0};
    char id[16], data[64];
    for (int i = 0; i < CELLS; i++) {
        snprintf(id, sizeof id, "e%d", i);
        snprintf(data, sizeof data, "{\"cellId\":\"%05d\",\"specId\":\"s\"}", i);
        text_add(&batch, i > 0 ? "," : "[", 1);
        event_add(&batch, id, CELL_STARTED, data);
    }
    text_add(&batch, "]", 1);
    struct reply reply = asked(site.writer, "POST", "/v1/events", BATCHED, batch.data, 201);
    reply_free(&reply);
    free(batch.data);
    static const char *const paths[] = {"/v1/cells", "/v1/cells?after=00000&state=RUNNING",
                                        "/v1/cells?limit=999&after=00500",
                                        "/v1/cells?state=RUNNING", "/v1/cells?order=changed"};
    static const size_t counts[] = {CELLS, CELLS - 1, 999, CELLS, CELLS};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        reply = got(site.reader, paths[i], 200);
        struct reply head = asked(site.reader, "HEAD", paths[i], NULL, NULL, 200);
        assert_int_equal(strtoul(reply_header(&reply, "Content-Length"), NULL, 10), reply.body.len);
        assert_int_equal(strtoul(reply_header(&head, "Content-Length"), NULL, 10), reply.body.len);
        reply_free(&head);
        json_t *list = json_taken(reply);
        const json_t *cells = json_object_get(list, "cells");
        assert_int_equal(json_array_size(cells), counts[i]);
        snprintf(id, sizeof id, "%05d", i == 2 ? 1499 : CELLS - 1);
        assert_string_equal(text_of(json_array_get(cells, counts[i] - 1), "id"), id);
        assert_int_equal(json_object_get(list, "next") != NULL, i == 2);
        json_decref(list);
    }
    wait_until_quiet(&site, 3);
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, close_site)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_command_has_64_kib),
        CASE(an_event_has_1_mib),
        CASE(a_batch_has_8_mib_and_each_of_its_events_1_mib),
        CASE(data_in_binary_mode_counts_as_the_event_that_it_becomes),
        cmocka_unit_test(a_batch_has_as_many_events_as_one_commit),
        CASE(a_body_that_never_ends_is_cut_off),
        CASE(a_body_that_is_refused_is_read_to_its_end),
        CASE(a_body_where_none_is_wanted_is_refused),
        CASE(a_head_has_14_kib),
        CASE(a_target_has_at_most_64_parameters),
        cmocka_unit_test(too_many_connections_are_answered_503_but_for_health),
        cmocka_unit_test(bodies_beyond_the_memory_that_is_given_are_answered_503),
        cmocka_unit_test(a_list_too_large_to_be_made_at_once_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
