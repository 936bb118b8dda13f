/* http_events_test.c: POST /v1/events: structured, batched and binary; repeats, and all or none. */
#include "http_support.h"

#define STRUCTURED "Content-Type: application/cloudevents+json"
#define BATCHED    "Content-Type: application/cloudevents-batch+json"
#define CELL       "{\"cellId\":\"c\",\"specId\":\"s\"}"

static uint64_t head_of(struct site *site) {
    return status_number(site->reader, "head");
}

/* The whole answer, and nothing else. */
static void check_posted(struct site *site, const char *type, const char *body, long status,
                         const char *wanted) {
    struct reply reply = asked(site->writer, "POST", "/v1/events", type, body, status);
    assert_string_equal(reply.body.data, wanted);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    reply_free(&reply);
}

/* ---- One event ------------------------------------------------------------------------------- */

static void an_event_s_seq_and_outcome_are_answered_also_when_it_is_rejected(void **state) {
    struct site *site = *state;
    struct text event = {0};
    event_add(&event, "e1", CELL_STARTED, CELL);
    check_posted(site, STRUCTURED, event.data, 201, "{\"seq\":1,\"outcome\":\"applied\"}");
    event.len = 0;
    event_add(&event, "e2", "unknown.to.all", NULL);
    check_posted(site, STRUCTURED, event.data, 201, "{\"seq\":2,\"outcome\":\"ignored\"}");
    event.len = 0;
    event_add(&event, "e3", "dev.cellos.events.cell.formation.v1.created", "{}");
    check_posted(site, STRUCTURED, event.data, 201,
                 "{\"seq\":3,\"outcome\":\"rejected\",\"rejected\":[{\"seq\":3,\"collection\":"
                 "\"formations\",\"reason\":\"event missing formationId\"}]}");
    check_posted(site, STRUCTURED, event.data, 200,
                 "{\"seq\":3,\"outcome\":\"rejected\",\"rejected\":[{\"seq\":3,\"collection\":"
                 "\"formations\",\"reason\":\"event missing formationId\"}]}");
    free(event.data);
    assert_int_equal(head_of(site), 3);
    check_listed(site->reader, "/v1/cells", "cells", "id", "c,");
}

static void a_repeat_of_source_and_id_gives_the_first_seq_whatever_else_it_says(void **state) {
    struct site *site = *state;
    static const char other_source[] =
        "{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"/other\",\"type\":\"t\"}";
    static const char other_type[] =
        "{\"type\":\"u\",\"source\":\"/tests\",\"id\":\"e1\",\"specversion\":\"1.0\"}";
    posted(site->writer, "e1", "t", NULL, "ignored");
    check_posted(site, STRUCTURED, other_type, 200, "{\"seq\":1,\"outcome\":\"ignored\"}");
    check_posted(site, STRUCTURED, other_source, 201, "{\"seq\":2,\"outcome\":\"ignored\"}");
    check_posted(site, STRUCTURED, other_source, 200, "{\"seq\":2,\"outcome\":\"ignored\"}");
    assert_int_equal(head_of(site), 2);
}

static void a_repeat_is_known_after_a_restart(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, NULL));
    posted(site.writer, "e1", "t", NULL, "ignored");
    site_closed(&site);
    site = site_of(daemon_started(directory, NULL));
    struct text event = {0};
    event_add(&event, "e1", "t", NULL);
    check_posted(&site, STRUCTURED, event.data, 200, "{\"seq\":1,\"outcome\":\"ignored\"}");
    free(event.data);
    site_closed(&site);
}

static void the_bytes_are_kept_as_they_came(void **state) {
    struct site *site = *state;
    static const char event[] =
        "\r\n {\"specversion\" : \"1.0\",\n\t\"id\":\"e\\u0031\", \"source\":"
        "\"/s\",\"type\":\"t\",\"data\":{\"b\":1.0e0,\"a\":\"\\/\"}}\n ";
    check_posted(site, STRUCTURED, event, 201, "{\"seq\":1,\"outcome\":\"ignored\"}");
    struct reply reply = got(site->reader, "/v1/events/1/raw", 200);
    assert_string_equal(reply.body.data, event);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/cloudevents+json");
    reply_free(&reply);
}

/* ---- Batches --------------------------------------------------------------------------------- */

/* Events of type `t` with these ids. */
static char *batch_of(const char *const *ids) {
    struct text batch = {0};
    text_add(&batch, "[", 1);
    for (size_t i = 0; ids[i]; i++) {
        if (i > 0) text_add(&batch, " , ", 3);
        event_add(&batch, ids[i], "t", NULL);
    }
    text_add(&batch, "]", 1);
    return batch.data;
}

static void check_batch(struct site *site, const char *const *ids, long status,
                        const char *wanted) {
    char *batch = batch_of(ids);
    check_posted(site, BATCHED, batch, status, wanted);
    free(batch);
}

static void a_batch_s_seqs_and_outcomes_are_answered_in_its_order(void **state) {
    struct site *site = *state;
    struct text batch = {0};
    text_add(&batch, "[", 1);
    event_add(&batch, "e1", CELL_STARTED, CELL);
    text_add(&batch, ",", 1);
    event_add(&batch, "e2", "dev.cellos.events.cell.formation.v1.created", "{}");
    text_add(&batch, ",", 1);
    event_add(&batch, "e3", "t", NULL);
    text_add(&batch, "]", 1);
    check_posted(
        site, BATCHED, batch.data, 201,
        "{\"seqs\":[1,2,3],\"outcomes\":[\"applied\",\"rejected\",\"ignored\"],\"rejected\":[{"
        "\"seq\":2,\"collection\":\"formations\",\"reason\":\"event missing formationId\"}]}");
    check_posted(
        site, BATCHED, batch.data, 200,
        "{\"seqs\":[1,2,3],\"outcomes\":[\"applied\",\"rejected\",\"ignored\"],\"rejected\":[{"
        "\"seq\":2,\"collection\":\"formations\",\"reason\":\"event missing formationId\"}]}");
    free(batch.data);
    assert_int_equal(head_of(site), 3);
}

static void repeats_within_a_batch_and_across_batches_are_appended_once(void **state) {
    struct site *site = *state;
    check_batch(site, (const char *const[]){"a", "b", "a", "a", NULL}, 201,
                "{\"seqs\":[1,2,1,1],"
                "\"outcomes\":[\"ignored\",\"ignored\",\"ignored\",\"ignored\"]}");
    check_batch(site, (const char *const[]){"b", "c", NULL}, 201,
                "{\"seqs\":[2,3],\"outcomes\":[\"ignored\",\"ignored\"]}");
    check_batch(site, (const char *const[]){"c", "b", "a", NULL}, 200,
                "{\"seqs\":[3,2,1],\"outcomes\":[\"ignored\",\"ignored\",\"ignored\"]}");
    check_batch(site, (const char *const[]){"d", NULL}, 201,
                "{\"seqs\":[4],\"outcomes\":[\"ignored\"]}");
    assert_int_equal(head_of(site), 4);
}

static void an_empty_batch_is_nothing_and_good(void **state) {
    struct site *site = *state;
    check_batch(site, (const char *const[]){NULL}, 200, "{\"seqs\":[],\"outcomes\":[]}");
    assert_int_equal(head_of(site), 0);
}

static void of_a_batch_with_a_fault_nothing_is_appended(void **state) {
    struct site *site = *state;
    static const char *const faults[] = {
        "1",
        "{}",
        "null",
        "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/s\"}",
        "{\"specversion\":\"0.3\",\"id\":\"x\",\"source\":\"/s\",\"type\":\"t\"}",
        "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"/s\",\"type\":\"t\"}",
        "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/s\",\"type\":\"t\"",
        NULL};
    for (const char *const *fault = faults; *fault; fault++) {
        struct text batch = {0};
        text_add(&batch, "[", 1);
        event_add(&batch, "good", "t", NULL);
        text_format(&batch, ",%s]", *fault);
        check_problem(site->writer, "POST", "/v1/events", BATCHED, batch.data, 400, "bad-request");
        free(batch.data);
    }
    check_problem(site->writer, "POST", "/v1/events", BATCHED, "{}", 400, "bad-request");
    check_problem(site->writer, "POST", "/v1/events", BATCHED, "", 400, "bad-request");
    assert_int_equal(head_of(site), 0);
}

/* ---- Binary mode ----------------------------------------------------------------------------- */

/* Posts data with these headers; the event that is kept. */
static char *kept(struct site *site, const char *content_type, const char *data, size_t len,
                  uint64_t seq) {
    const char *const headers[] = {"ce-specversion: 1.0",
                                   "ce-id: \"b%201\"",
                                   "CE-Source: /s",
                                   "Ce-Type: t",
                                   "ce-extra: x%22y",
                                   content_type,
                                   NULL};
    char source[64], path[64];
    const char *varied[8];
    memcpy(varied, headers, sizeof headers);
    snprintf(source, sizeof source, "CE-Source: /s%llu", (unsigned long long)seq);
    varied[2] = source;
    struct reply reply = request(site->writer, "POST", "/v1/events", varied, data, len);
    if (reply.status != 201) fail_msg("%ld: %s", reply.status, reply.body.data);
    reply_free(&reply);
    snprintf(path, sizeof path, "/v1/events/%llu/raw", (unsigned long long)seq);
    reply = got(site->reader, path, 200);
    char *event = reply.body.data;
    reply.body = (struct text){0};
    reply_free(&reply);
    return event;
}

static void an_event_in_headers_is_kept_in_the_structured_form(void **state) {
    struct site *site = *state;
    static const struct {
        const char *type, *data;
        size_t len;
        const char *wanted;
    } cases[] = {
        {"Content-Type: application/json", "{\"a\": 1}", 8,
         "\"datacontenttype\":\"application/json\",\"data\":{\"a\": 1}}"},
        {"Content-Type: text/plain", "a\"b", 3,
         "\"datacontenttype\":\"text/plain\",\"data\":\"a\\\"b\"}"},
        {"Content-Type: application/octet-stream", "\0\xff", 2,
         "\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"AP8=\"}"},
        {"Content-Type:", "", 0, "\"extra\":\"x\\\"y\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *event = kept(site, cases[i].type, cases[i].data, cases[i].len, i + 1);
        json_t *json = json_parsed(event, strlen(event));
        assert_string_equal(text_of(json, "id"), "b 1");
        assert_string_equal(text_of(json, "extra"), "x\"y");
        if (!strstr(event, cases[i].wanted)) fail_msg("no %s in %s", cases[i].wanted, event);
        json_decref(json);
        free(event);
    }
}

static void a_body_that_is_not_a_cloudevent_is_refused(void **state) {
    struct site *site = *state;
    struct text event = {0};
    event_add(&event, "e", "t", NULL);
    static const char *const types[] = {
        "Content-Type: application/json",
        "Content-Type: text/plain",
        "Content-Type:",
        "Content-Type: application/cloudevents",
        "Content-Type: application/cloudevents+xml",
        "Content-Type: application/cloudevents+json; charset=latin1",
        NULL};
    for (const char *const *type = types; *type; type++)
        check_problem(site->writer, "POST", "/v1/events", *type, event.data, 415,
                      "unsupported-media-type");
    static const char *const bodies[] = {"", "{", "[]", "1", "{}", "\xff", NULL};
    for (const char *const *body = bodies; *body; body++)
        check_problem(site->writer, "POST", "/v1/events", STRUCTURED, *body, 400, "bad-request");
    check_problem(site->writer, "POST", "/v1/events", "ce-id: 1", "", 400, "bad-request");
    assert_int_equal(head_of(site), 0);
    free(event.data);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(an_event_s_seq_and_outcome_are_answered_also_when_it_is_rejected),
        CASE(a_repeat_of_source_and_id_gives_the_first_seq_whatever_else_it_says),
        cmocka_unit_test(a_repeat_is_known_after_a_restart),
        CASE(the_bytes_are_kept_as_they_came),
        CASE(a_batch_s_seqs_and_outcomes_are_answered_in_its_order),
        CASE(repeats_within_a_batch_and_across_batches_are_appended_once),
        CASE(an_empty_batch_is_nothing_and_good),
        CASE(of_a_batch_with_a_fault_nothing_is_appended),
        CASE(an_event_in_headers_is_kept_in_the_structured_form),
        CASE(a_body_that_is_not_a_cloudevent_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
