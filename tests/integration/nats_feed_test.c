/* nats_feed_test.c: what comes from a stream: the vectors, payloads of all kinds, subjects,
 * repeats; and the stream that is made where there is none. */
#include "nats_support.h"

#include <dirent.h>

/* ---- Vectors --------------------------------------------------------------------------------- */

/* The payloads of all vectors, with what is to come of each. */
struct steps {
    struct batch batch;
    struct text outcomes; /* one letter each: a, i, e */
};

static void add_step(struct steps *steps, const json_t *step) {
    const json_t *text = json_object_get(step, "payload");
    if (text) {
        batch_add(&steps->batch, json_string_value(text), json_string_length(text));
    } else {
        size_t len;
        char *bytes = base64_decoded(text_of(step, "payload_base64"), &len);
        batch_add(&steps->batch, bytes, len);
        free(bytes);
    }
    text_add(&steps->outcomes, text_of(step, "outcome"), 1);
}

static struct steps all_vectors(void) {
    struct steps steps = {0};
    DIR *directory = opendir(source_path("tests/vectors"));
    must(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".json") != 0) continue;
        json_t *file = json_file(path_in("tests/vectors", entry->d_name)), *vector, *step;
        size_t i, j;
        json_array_foreach(file, i, vector)
            json_array_foreach(json_object_get(vector, "steps"), j, step) add_step(&steps, step);
        json_decref(file);
    }
    closedir(directory);
    must(steps.batch.count >= 217); /* as many as there were when they were taken over */
    return steps;
}

/* What `reeld replay` makes of them. */
static json_t *replayed(struct steps *steps) {
    const char *directory = scratch_directory();
    const char *file = path_in(directory, "payloads");
    const struct reel_str *payloads = batch_payloads(&steps->batch);
    FILE *lines = fopen(file, "w");
    must(lines != NULL);
    for (size_t i = 0; i < steps->batch.count; i++) {
        must(payloads[i].len > 0 && !memchr(payloads[i].data, '\n', payloads[i].len));
        must(fwrite(payloads[i].data, 1, payloads[i].len, lines) == payloads[i].len);
        must(fputc('\n', lines) == '\n');
    }
    must(fclose(lines) == 0);
    const char *const arguments[] = {"replay",     "--plugin",   CELL_SO, "--plugin",
                                     FORMATION_SO, "--outcomes", file,    NULL};
    struct daemon replay = daemon_launched(arguments, NULL);
    must(daemon_wait(&replay) == 0);
    struct text text = {0};
    char buffer[4096];
    size_t len;
    FILE *answer = fopen(replay.out, "r");
    must(answer != NULL);
    while ((len = fread(buffer, 1, sizeof buffer, answer)) > 0) text_add(&text, buffer, len);
    fclose(answer);
    json_t *json = json_parsed(text.data, text.len);
    free(text.data);
    return json;
}

/* The outcome of the latest event, from what the counts have become: a, i or e. */
static char latest_outcome(struct client *client, uint64_t counts[3]) {
    static const char *const names[] = {"applied", "ignored", "rejected"};
    static const char letters[] = {'a', 'i', 'e'};
    json_t *status = json_got(client, "/v1/status");
    char outcome = '\0';
    for (size_t i = 0; i < 3; i++) {
        uint64_t count = number_of(status, names[i]);
        must(count == counts[i] || (count == counts[i] + 1 && !outcome));
        if (count != counts[i]) outcome = letters[i];
        counts[i] = count;
    }
    json_decref(status);
    return outcome;
}

static void check_collection(struct client *client, const json_t *replay, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/v1/%s", name);
    json_t *answer = json_got(client, path);
    assert_true(json_same(json_object_get(answer, name),
                          json_object_get(json_object_get(replay, "collections"), name)));
    json_decref(answer);
}

static void the_vectors_come_out_as_in_a_replay(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    struct steps steps = all_vectors();
    json_t *replay = replayed(&steps), *outcomes = json_object_get(replay, "outcomes");
    const struct reel_str *payloads = batch_payloads(&steps.batch);
    uint64_t counts[3] = {0};
    assert_int_equal(json_array_size(outcomes), steps.batch.count);
    for (size_t i = 0; i < steps.batch.count; i++) {
        test_context("payload %zu", i + 1);
        struct published published = publish(&mirror.stream, "cellos.events.vector", NULL,
                                             payloads[i].data, payloads[i].len);
        must(published.seq == i + 1);
        wait_for_cursor(mirror.client, i + 1);
        char outcome = latest_outcome(mirror.client, counts);
        must(outcome == steps.outcomes.data[i]);
        const char *word = json_string_value(json_array_get(outcomes, i));
        must((outcome == 'e' ? 'r' : outcome) == word[0]);
    }
    test_context("%s", "");
    check_collection(mirror.client, replay, "cells");
    check_collection(mirror.client, replay, "formations");
    json_decref(replay);
    batch_free(&steps.batch);
    free(steps.outcomes.data);
    mirror_closed(&mirror);
}

/* ---- Payloads -------------------------------------------------------------------------------- */

static const char started[] =
    "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/tests\",\"type\":\"" CELL_STARTED
    "\",\"data\":{\"cellId\":\"c\",\"specId\":\"s\"}}";

/* The bytes that the daemon keeps of an event are those that the stream has. */
static void check_raw(struct mirror *mirror, uint64_t seq) {
    char path[64];
    struct stored stored;
    snprintf(path, sizeof path, "/v1/events/%" PRIu64 "/raw", seq);
    must(stream_message(&mirror->stream, STREAM, seq, &stored));
    struct reply reply = got(mirror->client, path, 200);
    must(reply.body.len == stored.payload.len);
    must(memcmp(reply.body.data, stored.payload.data, stored.payload.len) == 0);
    reply_free(&reply);
    free(stored.payload.data);
}

static void a_message_that_is_not_json_is_rejected_and_stored(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    static const char nothing[] = "", no_json[] = "nope", bytes[] = "\xff\x00\x01\n{";
    publish(&mirror.stream, "cellos.events.a", NULL, no_json, 4);
    publish(&mirror.stream, "cellos.events.a", NULL, nothing, 0);
    publish(&mirror.stream, "cellos.events.a", NULL, bytes, sizeof bytes);
    publish(&mirror.stream, "cellos.events.a", NULL, started, sizeof started - 1);
    wait_for_cursor(mirror.client, 4);
    assert_int_equal(status_number(mirror.client, "rejected"), 3);
    assert_int_equal(status_number(mirror.client, "applied"), 1);
    check_raw(&mirror, 1);
    check_raw(&mirror, 2);
    check_raw(&mirror, 3);
    check_listed(mirror.client, "/v1/cells", "cells", "id", "c,");
    json_t *rejected = json_got(mirror.client, "/v1/rejected");
    json_t *newest = json_array_get(json_object_get(rejected, "rejected"), 0);
    assert_int_equal(number_of(newest, "seq"), 3);
    assert_non_null(strstr(text_of(newest, "reason"), "event payload not JSON"));
    json_decref(rejected);
    mirror_closed(&mirror);
}

/* Of so many bytes in all. */
static struct text large_event(size_t bytes) {
    struct text event = {0};
    text_format(
        &event,
        "{\"specversion\":\"1.0\",\"id\":\"large-%zu\",\"source\":\"/tests\",\"type\":\"%s\","
        "\"data\":{\"cellId\":\"large-%zu\",\"specId\":\"",
        bytes, CELL_STARTED, bytes);
    while (event.len < bytes - 3) text_add(&event, "s", 1);
    text_add(&event, "\"}}", 3);
    must(event.len == bytes);
    return event;
}

static void an_event_of_1_mib_is_taken_and_a_larger_one_rejected_without_its_bytes(void **state) {
    (void)state;
    enum { MIB = 1048576 };
    struct mirror mirror = mirror_opened();
    struct text fits = large_event(MIB), too_large = large_event(MIB + 1);
    for (int i = 0; i < 3; i++) {
        publish(&mirror.stream, "cellos.events.large", NULL, fits.data, fits.len);
        publish(&mirror.stream, "cellos.events.large", NULL, too_large.data, too_large.len);
    }
    publish(&mirror.stream, "cellos.events.a", NULL, started, sizeof started - 1);
    wait_for_cursor(mirror.client, 7);
    assert_int_equal(status_number(mirror.client, "applied"), 4);
    assert_int_equal(status_number(mirror.client, "rejected"), 3);
    check_listed(mirror.client, "/v1/cells", "cells", "id", "c,large-1048576,");
    check_raw(&mirror, 5);
    assert_true(status_number(mirror.client, "cursor") == 7);
    free(fits.data);
    free(too_large.data);
    mirror_closed(&mirror);
}

/* CloudEvents NATS binding 1.0: binary, structured with the header, and bare JSON. */
static void each_form_of_the_cloudevents_binding_is_taken(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    static const char data[] = "{\"cellId\":\"binary\",\"specId\":\"s\"}";
    static const char *const binary[] = {"ce-specversion: 1.0",
                                         "ce-id: b-1",
                                         "ce-source: /tests",
                                         "ce-subject: a%20subject%C3%BC",
                                         "ce-type: " CELL_STARTED,
                                         "ce-time: 2026-05-17T12:00:00Z",
                                         "content-type: application/json",
                                         NULL};
    static const char *const structured[] = {"content-type: application/cloudevents+json", NULL};
    publish(&mirror.stream, "cellos.events.a", binary, data, sizeof data - 1);
    publish(&mirror.stream, "cellos.events.a", structured, started, sizeof started - 1);
    wait_for_cursor(mirror.client, 2);
    assert_int_equal(status_number(mirror.client, "applied"), 2);
    check_listed(mirror.client, "/v1/cells", "cells", "id", "binary,c,");
    json_t *page = json_got(mirror.client, "/v1/events?limit=1");
    const json_t *event =
        json_object_get(json_array_get(json_object_get(page, "events"), 0), "event");
    assert_string_equal(text_of(event, "specversion"), "1.0");
    assert_string_equal(text_of(event, "id"), "b-1");
    assert_string_equal(text_of(event, "source"), "/tests");
    assert_string_equal(text_of(event, "subject"), "a subject\xc3\xbc");
    assert_string_equal(text_of(event, "type"), CELL_STARTED);
    assert_string_equal(text_of(json_object_get(event, "data"), "cellId"), "binary");
    json_decref(page);
    json_t *cell = json_got(mirror.client, "/v1/cells/binary");
    assert_string_equal(text_of(cell, "started_at"), "2026-05-17T12:00:00Z");
    json_decref(cell);
    mirror_closed(&mirror);
}

/* ---- Subjects and repeats -------------------------------------------------------------------- */

static void messages_outside_the_filter_are_skipped_and_the_cursor_reaches_the_end(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, &(struct stream_options){.subject = "cellos.>"});
    publish(&mirror.stream, "cellos.other", NULL, started, sizeof started - 1);
    publish(&mirror.stream, "cellos.events.a.b", NULL, started, sizeof started - 1);
    publish(&mirror.stream, "cellos.events", NULL, started, sizeof started - 1);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 3); /* where nothing of ours is left to come */
    check_counts(mirror.client, 1);
    publish(&mirror.stream, "cellos.events.c", NULL, started, sizeof started - 1);
    wait_for_cursor(mirror.client, 4);
    check_counts(mirror.client, 2);
    json_t *page = json_got(mirror.client, "/v1/events?subject=cellos.events.*.b");
    assert_int_equal(json_array_size(json_object_get(page, "events")), 1);
    json_decref(page);
    mirror_closed(&mirror);
}

static void a_repeat_by_message_id_is_in_the_stream_once(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    static const char *const id[] = {"Nats-Msg-Id: once", NULL};
    assert_false(
        publish(&mirror.stream, "cellos.events.a", id, started, sizeof started - 1).duplicate);
    assert_true(
        publish(&mirror.stream, "cellos.events.a", id, started, sizeof started - 1).duplicate);
    wait_for_cursor(mirror.client, 1);
    /* Without an id the stream has it twice, and so has the log: a feed drops no repeat. */
    publish(&mirror.stream, "cellos.events.a", NULL, started, sizeof started - 1);
    wait_for_cursor(mirror.client, 2);
    check_counts(mirror.client, 2);
    mirror_closed(&mirror);
}

/* ---- The stream itself ----------------------------------------------------------------------- */

static void a_stream_is_made_where_there_is_none(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    struct stream_state found;
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    assert_true(stream_state(&mirror.stream, STREAM, &found));
    assert_string_equal(found.subject, "cellos.events.>");
    assert_true(found.in_files);
    assert_true(found.max_age_ns == INT64_C(90) * 24 * 3600 * 1000000000);
    publish_many(&mirror.stream, 0, 100);
    wait_for_cursor(mirror.client, 100);
    check_load(mirror.client, 0, 100);
    check_load_log(mirror.client, 0, 100);
    mirror_closed(&mirror);
}

static void a_stream_that_is_there_is_left_as_it_is(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    struct stream_state before, after;
    stream_make(&mirror.stream, &(struct stream_options){.subject = "cellos.>"});
    publish(&mirror.stream, "cellos.events.a", NULL, started, sizeof started - 1);
    assert_true(stream_state(&mirror.stream, STREAM, &before));
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 1);
    assert_true(stream_state(&mirror.stream, STREAM, &after));
    assert_string_equal(after.subject, "cellos.>");
    assert_true(after.created_ns == before.created_ns && after.max_age_ns == before.max_age_ns);
    mirror_closed(&mirror);
}

static void another_stream_and_filter_can_be_named(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream,
                &(struct stream_options){.name = "MINE", .subject = "cellos.events.>"});
    publish(&mirror.stream, "cellos.events.cells.a", NULL, started, sizeof started - 1);
    publish(&mirror.stream, "cellos.events.load.a", NULL, started, sizeof started - 1);
    static const char *const arguments[] = {"--stream", "MINE", "--subjects",
                                            "cellos.events.load.>", NULL};
    mirror_run_list(&mirror, arguments);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 2);
    check_counts(mirror.client, 1);
    mirror_closed(&mirror);
}

static void an_event_in_binary_mode_that_is_too_large_as_json_is_rejected_and_says_so(
    void **state) {
    (void)state;
    enum { BYTES = 900000 }; /* in base64 a third more, above the bound of 1 MiB */
    static const char *const binary[] = {"ce-specversion: 1.0", "ce-id: b-1", "ce-source: /tests",
                                         "ce-type: " CELL_STARTED, NULL};
    struct mirror mirror = mirror_opened();
    char *bytes = calloc(1, BYTES);
    must(bytes != NULL);
    publish(&mirror.stream, "cellos.events.a", binary, bytes, BYTES);
    wait_for_cursor(mirror.client, 1);
    json_t *page = json_got(mirror.client, "/v1/rejected");
    const json_t *first = json_array_get(json_object_get(page, "rejected"), 0);
    assert_int_equal(number_of(first, "seq"), 1);
    assert_non_null(strstr(text_of(first, "reason"), "bytes in its structured form, at most"));
    json_decref(page);
    mirror_kill(&mirror);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    free(bytes);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_come_out_as_in_a_replay),
        cmocka_unit_test(a_message_that_is_not_json_is_rejected_and_stored),
        cmocka_unit_test(an_event_of_1_mib_is_taken_and_a_larger_one_rejected_without_its_bytes),
        cmocka_unit_test(each_form_of_the_cloudevents_binding_is_taken),
        cmocka_unit_test(an_event_in_binary_mode_that_is_too_large_as_json_is_rejected_and_says_so),
        cmocka_unit_test(messages_outside_the_filter_are_skipped_and_the_cursor_reaches_the_end),
        cmocka_unit_test(a_repeat_by_message_id_is_in_the_stream_once),
        cmocka_unit_test(a_stream_is_made_where_there_is_none),
        cmocka_unit_test(a_stream_that_is_there_is_left_as_it_is),
        cmocka_unit_test(another_stream_and_filter_can_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
