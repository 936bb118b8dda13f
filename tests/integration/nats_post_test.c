/* nats_post_test.c: writing while a stream is the log. What is posted is published, and answered
 * when it has come back; what was not clearly answered can be sent again and is there once. */
#include "nats_support.h"

static struct text event_of(const char *id, const char *type, const char *data) {
    struct text event = {0};
    event_add(&event, id, type, data);
    return event;
}

static void check_stored(struct mirror *mirror, uint64_t seq, const char *subject) {
    struct stored stored;
    must(stream_message(&mirror->stream, STREAM, seq, &stored));
    assert_string_equal(stored.subject, subject);
    must(stored.id[0] != '\0');
    free(stored.payload.data);
}

static uint64_t stored_messages(struct mirror *mirror) {
    struct stream_state found;
    must(stream_state(&mirror->stream, STREAM, &found));
    must(found.messages == found.last);
    return found.messages;
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void an_event_is_answered_when_it_has_come_back(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    wait_until_ready(mirror.client);
    publish_many(&mirror.stream, 0, 10);
    uint64_t seq = cell_started(mirror.client, "posted");
    assert_int_equal(seq, 11);
    struct reply reply = got(mirror.client, "/v1/cells/posted", 200); /* no waiting for it */
    assert_true(cursor_of(&reply) >= 11);
    reply_free(&reply);
    check_stored(&mirror, seq,
                 "cellos.events.event.dev%2Ecellos%2Eevents%2Ecell%2Elifecycle%2Ev1%2Estarted");
    assert_int_equal(posted(mirror.client, "nobody's", "of.no.family", NULL, "ignored"), 12);
    assert_int_equal(posted(mirror.client, "bad", "dev.cellos.events.cell.formation.v1.created",
                            NULL, "rejected"),
                     13);
    check_counts(mirror.client, 13);
    mirror_closed(&mirror);
}

/* What a stream brings cannot be refused: it is rejected, with the reason. What is posted is
 * refused, and not published. */
static void an_event_that_does_not_fit_its_declaration_is_rejected_or_not_published(void **state) {
    (void)state;
    static const char unfit[] =
        "{\"specversion\":\"1.0\",\"id\":\"u\",\"source\":\"/tests\",\"type\":"
        "\"test.parcels.v1.sent\",\"subject\":\"p\",\"data\":{}}";
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    const char *const arguments[] = {"--plugin", build_path("tests/integration/plugins/strict.so"),
                                     NULL};
    mirror_run_list(&mirror, arguments);
    wait_until_ready(mirror.client);
    struct reply reply = post_event(mirror.client, unfit, sizeof unfit - 1);
    assert_problem(&reply, 422, "event-not-as-declared");
    reply_free(&reply);
    assert_int_equal(stored_messages(&mirror), 0);
    publish(&mirror.stream, "cellos.events.any", NULL, unfit, sizeof unfit - 1);
    wait_for_cursor(mirror.client, 1);
    json_t *answer = json_got(mirror.client, "/v1/rejected");
    const json_t *one = json_array_get(json_object_get(answer, "rejected"), 0);
    assert_string_equal(text_of(one, "collection"), "parcels");
    assert_string_equal(text_of(one, "reason"),
                        "not as declared: data.speed is missing, wanted one of `slow`, `fast`");
    json_decref(answer);
    check_listed(mirror.client, "/v1/seen", "seen", "type", "test.parcels.v1.sent,");
    mirror_closed(&mirror);
}

static void a_batch_is_answered_with_all_its_places(void **state) {
    (void)state;
    enum { COUNT = 200 };
    struct mirror mirror = mirror_opened();
    wait_until_ready(mirror.client);
    struct reply reply = post_load(mirror.client, 0, COUNT);
    assert_int_equal(reply.status, 201);
    json_t *answer = json_taken(reply), *seqs = json_object_get(answer, "seqs");
    assert_int_equal(json_array_size(seqs), COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(json_integer_value(json_array_get(seqs, i)), i + 1);
    json_decref(answer);
    check_load(mirror.client, 0, COUNT);
    check_load_log(mirror.client, 0, COUNT);
    assert_int_equal(stored_messages(&mirror), COUNT);
    reply = post_load(mirror.client, 0, COUNT); /* again */
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    assert_int_equal(stored_messages(&mirror), COUNT);
    mirror_closed(&mirror);
}

static void a_repeat_is_answered_with_the_first_place_by_any_daemon(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    struct site other = site_opened("--nats", mirror.broker->url, NULL);
    struct client *clients[] = {mirror.client, other.writer};
    struct text event = event_of("one", CELL_STARTED, "{\"cellId\":\"c\",\"specId\":\"s\"}");
    wait_until_ready(mirror.client);
    wait_until_ready(other.writer);
    for (int i = 0; i < 6; i++) {
        struct reply reply = post_event(clients[i % 2], event.data, event.len);
        assert_int_equal(reply.status, i == 0 ? 201 : 200);
        assert_int_equal(reply_number(&reply, "seq"), 1);
        reply_free(&reply);
    }
    assert_int_equal(stored_messages(&mirror), 1);
    free(event.data);
    site_closed(&other);
    mirror_closed(&mirror);
}

static void events_posted_to_one_daemon_are_shown_by_another(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    struct site other = site_opened("--nats", mirror.broker->url, NULL);
    wait_until_ready(mirror.client);
    wait_until_ready(other.writer);
    for (int i = 0; i < 20; i++) {
        char id[32], path[96];
        snprintf(id, sizeof id, "cell-%d", i);
        uint64_t seq = cell_started(i % 2 ? mirror.client : other.writer, id);
        snprintf(path, sizeof path, "/v1/cells/%s?min_cursor=%" PRIu64, id, seq);
        struct reply reply = got(i % 2 ? other.writer : mirror.client, path, 200);
        reply_free(&reply);
    }
    site_closed(&other);
    mirror_closed(&mirror);
}

/* ---- Commands -------------------------------------------------------------------------------- */

static void check_subject(struct mirror *mirror, uint64_t seq, const char *id, const char *phase) {
    char subject[128];
    snprintf(subject, sizeof subject, "cellos.events.formations.%s.%s", id, phase);
    check_stored(mirror, seq, subject);
}

static void a_command_is_published_on_a_subject_of_its_record(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    char id[37], path[96];
    wait_until_ready(mirror.client);
    assert_int_equal(formation_made(mirror.client, "f", id), 1);
    check_subject(&mirror, 1, id, "created");
    snprintf(path, sizeof path, "/v1/formations/%s/status", id);
    struct reply reply = sent(mirror.client, path, "{\"state\":\"running\"}", 200);
    assert_int_equal(cursor_of(&reply), 2);
    reply_free(&reply);
    check_subject(&mirror, 2, id, "running");
    snprintf(path, sizeof path, "/v1/formations/%s", id);
    json_t *record = json_taken(asked(mirror.client, "DELETE", path, NULL, NULL, 200));
    assert_string_equal(text_of(record, "status"), "CANCELLED");
    json_decref(record);
    check_subject(&mirror, 3, id, "cancelled");
    check_problem(mirror.client, "DELETE", path, NULL, NULL, 409, "conflict");
    assert_int_equal(stored_messages(&mirror), 3);
    mirror_closed(&mirror);
}

static void a_command_repeated_with_its_key_gives_the_first_result(void **state) {
    (void)state;
    static const char *const headers[] = {"Content-Type: application/json", "Idempotency-Key: k",
                                          NULL};
    struct mirror mirror = mirror_opened();
    struct site other = site_opened("--nats", mirror.broker->url, NULL);
    struct client *clients[] = {mirror.client, other.writer};
    char *first = NULL;
    wait_until_ready(mirror.client);
    wait_until_ready(other.writer);
    for (int i = 0; i < 6; i++) {
        struct reply reply = request(clients[i % 2], "POST", "/v1/formations", headers, FORMATION,
                                     strlen(FORMATION));
        assert_true(reply.status == 201 || reply.status == 200);
        json_t *record = json_taken(reply);
        if (first)
            assert_string_equal(text_of(record, "id"), first);
        else
            first = strdup(text_of(record, "id"));
        json_decref(record);
    }
    for (int i = 0; i < 2; i++) { /* with another body it is none, whoever took the first one */
        struct reply reply = request(clients[i], "POST", "/v1/formations", headers, FORMATION " ",
                                     strlen(FORMATION " "));
        assert_problem(&reply, 422, "idempotency-key-reused");
        reply_free(&reply);
    }
    assert_int_equal(stored_messages(&mirror), 1);
    free(first);
    site_closed(&other);
    mirror_closed(&mirror);
}

/* ---- Unclear failures ------------------------------------------------------------------------ */

/* Sends it until it is answered well. How often it was not. */
static size_t insisted(struct client *client, const char *path, const char *const *headers,
                       const struct text *body, struct reply *ret) {
    size_t failures = 0;
    for (uint64_t began = now_ms();; failures++) {
        struct reply reply = request(client, "POST", path, headers, body->data, body->len);
        if (reply.status == 201 || reply.status == 200) {
            *ret = reply;
            return failures;
        }
        assert_problem(&reply, 503, "service-unavailable");
        reply_free(&reply);
        must(now_ms() - began < 60000);
        usleep(5000);
    }
}

/* The n-th of its kind, sent while the way is cut; the seq that it was given, at last. */
static uint64_t sent_over_a_cut(struct mirror *mirror, size_t n, uint64_t *random,
                                size_t *failures) {
    char id[32], key[64];
    const char *const as_event[] = {"Content-Type: application/cloudevents+json", NULL};
    const char *const as_command[] = {"Content-Type: application/json", key, NULL};
    bool is_event = n % 2;
    struct text event, command = {0};
    struct reply reply;
    snprintf(id, sizeof id, "unclear-%zu", n);
    snprintf(key, sizeof key, "Idempotency-Key: %s", id);
    event = event_of(id, "of.no.family", NULL);
    text_format(&command, "%s", FORMATION);
    /* It has gone out when the first bytes about it come back. */
    proxy_cut_after(mirror->proxy, random_next(random) % 200 + 1);
    *failures += insisted(mirror->client, is_event ? "/v1/events" : "/v1/formations",
                          is_event ? as_event : as_command, is_event ? &event : &command, &reply);
    uint64_t seq = reply_number(&reply, is_event ? "seq" : "cursor");
    reply_free(&reply);
    free(event.data);
    free(command.data);
    return seq;
}

static void an_event_with_an_unclear_answer_is_stored_once_when_sent_again(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    size_t rounds = scaled(100), failures = 0;
    uint64_t random = 3;
    wait_until_ready(mirror.client);
    for (size_t round = 0; round < rounds; round++)
        assert_int_equal(sent_over_a_cut(&mirror, round, &random, &failures), round + 1);
    assert_int_equal(stored_messages(&mirror), rounds);
    check_counts(mirror.client, rounds);
    print_message("%zu were not clearly answered\n", failures);
    assert_true(proxy_cuts(mirror.proxy) > 0);
    mirror_closed(&mirror);
}

static void while_the_broker_is_away_writing_is_refused_and_nothing_is_kept_for_later(
    void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    struct text event = event_of("one", CELL_STARTED, "{\"cellId\":\"c\",\"specId\":\"s\"}");
    wait_until_ready(mirror.client);
    broker_stop(mirror.broker);
    wait_until_not_ready(mirror.client, "broker");
    for (int i = 0; i < 3; i++) {
        struct reply reply = post_event(mirror.client, event.data, event.len);
        assert_problem(&reply, 503, "service-unavailable");
        reply_free(&reply);
        post_problem(mirror.client, "/v1/formations", FORMATION, 503, "service-unavailable");
    }
    broker_start(mirror.broker);
    wait_until_ready(mirror.client);
    struct reply reply = post_event(mirror.client, event.data, event.len);
    assert_int_equal(reply.status, 201);
    assert_int_equal(reply_number(&reply, "seq"), 1);
    reply_free(&reply);
    assert_int_equal(stored_messages(&mirror), 1);
    free(event.data);
    mirror_closed(&mirror);
}

/* ---- What is not taken ----------------------------------------------------------------------- */

static void an_event_that_is_too_large_for_the_broker_is_refused(void **state) {
    (void)state;
    enum { PAYLOAD_MAX = 65536 };
    struct mirror mirror = mirror_prepared("max_payload: 65536\n");
    struct text data = {0};
    text_format(&data, "{\"cellId\":\"c\",\"specId\":\"");
    while (data.len < PAYLOAD_MAX) text_add(&data, "s", 1);
    text_format(&data, "\"}");
    struct text event = event_of("large", CELL_STARTED, data.data);
    stream_make(&mirror.stream, NULL);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    struct reply reply = post_event(mirror.client, event.data, event.len);
    assert_problem(&reply, 413, "payload-too-large");
    reply_free(&reply);
    assert_int_equal(stored_messages(&mirror), 0);
    free(event.data);
    free(data.data);
    mirror_closed(&mirror);
}

static void the_reason_of_a_full_stream_is_in_the_answer(void **state) {
    (void)state;
    static const char *subjects[] = {"cellos.events.>"};
    struct mirror mirror = mirror_prepared(NULL);
    jsStreamConfig config;
    must(jsStreamConfig_Init(&config) == NATS_OK);
    config.Name = STREAM;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.MaxMsgs = 1;
    config.Discard = js_DiscardNew;
    must(js_AddStream(NULL, mirror.stream.context, &config, NULL, NULL) == NATS_OK);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    for (int i = 0; i < 2; i++) {
        struct text event =
            event_of(i == 0 ? "one" : "two", CELL_STARTED, "{\"cellId\":\"c\",\"specId\":\"s\"}");
        struct reply reply = post_event(mirror.client, event.data, event.len);
        if (i == 0)
            assert_int_equal(reply.status, 201);
        else
            assert_problem(&reply, 503, "service-unavailable");
        if (i == 1) assert_non_null(strstr(reply.body.data, "maximum messages"));
        reply_free(&reply);
        free(event.data);
    }
    assert_int_equal(stored_messages(&mirror), 1);
    mirror_closed(&mirror);
}

/* The stream's subjects are narrowed, and before the daemon looks at them again, two are posted: it
 * tells of the one that no stream takes, and the other one is not touched by that. */
static void an_event_without_a_stream_is_refused_alone(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    struct text event = event_of("one", CELL_STARTED, "{\"cellId\":\"c\",\"specId\":\"s\"}");
    wait_until_ready(mirror.client);
    stream_set_subject(&mirror.stream, STREAM, "cellos.events.formations.>");
    struct reply reply = post_event(mirror.client, event.data, event.len);
    assert_problem(&reply, 503, "service-unavailable");
    assert_true(strstr(reply.body.data, "no stream of the broker has") ||
                strstr(reply.body.data, "do not cover"));
    assert_null(strstr(reply.body.data, "it will be there once"));
    reply_free(&reply);
    wait_until_not_ready(mirror.client, "do not cover");
    stream_set_subject(&mirror.stream, STREAM, "cellos.events.>");
    wait_until_ready(mirror.client);
    reply = post_event(mirror.client, event.data, event.len);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    free(event.data);
    mirror_closed(&mirror);
}

/* Someone has published another message under the Nats-Msg-Id that the event will get: it is read
 * from one that was posted before, in a stream that was made anew since. */
static void an_event_whose_nats_msg_id_another_message_has_is_refused_in_words(void **state) {
    (void)state;
    static const char other[] = "{\"specversion\":\"1.0\",\"id\":\"other\",\"source\":\"/o\","
                                "\"type\":\"of.no.family\"}";
    struct mirror mirror = mirror_opened();
    struct text event = event_of("one", CELL_STARTED, "{\"cellId\":\"c\",\"specId\":\"s\"}");
    char id[160];
    const char *const headers[] = {id, NULL};
    struct stored stored;
    wait_until_ready(mirror.client);
    struct reply reply = post_event(mirror.client, event.data, event.len);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    must(stream_message(&mirror.stream, STREAM, 1, &stored));
    snprintf(id, sizeof id, "Nats-Msg-Id: %s", stored.id);
    free(stored.payload.data);
    mirror_end(&mirror);
    stream_delete(&mirror.stream, STREAM);
    stream_make(&mirror.stream, NULL);
    publish(&mirror.stream, "cellos.events.other", headers, other, sizeof other - 1);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 1);
    for (int i = 0; i < 2; i++) {
        reply = post_event(mirror.client, event.data, event.len);
        assert_problem(&reply, 503, "service-unavailable");
        assert_non_null(strstr(reply.body.data, "same Nats-Msg-Id"));
        reply_free(&reply);
    }
    assert_int_equal(stored_messages(&mirror), 1);
    free(event.data);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_answered_when_it_has_come_back),
        cmocka_unit_test(an_event_that_does_not_fit_its_declaration_is_rejected_or_not_published),
        cmocka_unit_test(a_batch_is_answered_with_all_its_places),
        cmocka_unit_test(a_repeat_is_answered_with_the_first_place_by_any_daemon),
        cmocka_unit_test(events_posted_to_one_daemon_are_shown_by_another),
        cmocka_unit_test(a_command_is_published_on_a_subject_of_its_record),
        cmocka_unit_test(a_command_repeated_with_its_key_gives_the_first_result),
        cmocka_unit_test(an_event_with_an_unclear_answer_is_stored_once_when_sent_again),
        cmocka_unit_test(while_the_broker_is_away_writing_is_refused_and_nothing_is_kept_for_later),
        cmocka_unit_test(an_event_that_is_too_large_for_the_broker_is_refused),
        cmocka_unit_test(the_reason_of_a_full_stream_is_in_the_answer),
        cmocka_unit_test(an_event_without_a_stream_is_refused_alone),
        cmocka_unit_test(an_event_whose_nats_msg_id_another_message_has_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
