/* serve_stdout_test.c: the stdout sink beside HTTP: what is written is what is served; a reader
 * that goes ends the daemon, one that does not read slows nobody. */
#include "load.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 20, PATIENCE_MS = 60000 };

#define SINKS "--sink", "stdout", "--sink", "http"

/* ---- Lines ----------------------------------------------------------------------------------- */

struct lines {
    int fd;
    struct text text;
    size_t at;
};

/* The next line as JSON; NULL at the end. */
static json_t *next_line(struct lines *lines) {
    char *end;
    while (!lines->text.data || !(end = strchr(lines->text.data + lines->at, '\n'))) {
        char buffer[65536];
        struct pollfd poll_fd = {.fd = lines->fd, .events = POLLIN};
        must(poll(&poll_fd, 1, PATIENCE_MS) == 1);
        ssize_t len = read(lines->fd, buffer, sizeof buffer);
        must(len >= 0);
        if (len == 0) return NULL;
        text_add(&lines->text, buffer, (size_t)len);
    }
    size_t len = (size_t)(end - (lines->text.data + lines->at));
    json_t *line = json_parsed(lines->text.data + lines->at, len);
    lines->at += len + 1;
    return line;
}

static void lines_free(struct lines *lines) {
    free(lines->text.data);
    close(lines->fd);
}

static uint64_t seq_of(json_t *line) {
    json_t *seq = json_object_get(line, "seq");
    must(json_is_integer(seq));
    return (uint64_t)json_integer_value(seq);
}

static struct daemon printing(const char *directory, const char *format, const char *since,
                              struct lines *ret) {
    const char *arguments[] = {SINKS, "--stdout-format", format, "--stdout-since", since, NULL};
    *ret = (struct lines){0};
    return daemon_piped(directory, arguments, &ret->fd);
}

static void post_batches(struct client *client, uint64_t *next, size_t count) {
    for (size_t i = 0; i < count; i++, *next += BATCH) {
        struct reply reply = post_load(client, *next, BATCH);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
    }
}

/* ---- What is written ------------------------------------------------------------------------- */

/* Lines `from` … `to`, as they are posted one after another. */
static void assert_events(struct lines *lines, uint64_t from, uint64_t to) {
    for (uint64_t seq = from; seq <= to; seq++) {
        char expected[SAMPLE_BYTES_MAX];
        size_t len = load_event(seq - 1, expected, sizeof expected);
        json_t *line = next_line(lines), *event = json_parsed(expected, len);
        must(line != NULL);
        assert_int_equal(seq_of(line), seq);
        assert_true(json_same(json_object_get(line, "event"), event));
        json_decref(line);
        json_decref(event);
    }
}

static void each_event_is_a_line_and_it_goes_on_where_it_was(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct lines lines;
    uint64_t next = 0;
    struct daemon daemon = printing(directory, "events", "0", &lines);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    post_batches(client, &next, 20);
    assert_events(&lines, 1, 200);
    post_batches(client, &next, 5);
    assert_events(&lines, 201, next);
    client_close(client);
    daemon_end(&daemon);
    assert_null(next_line(&lines));
    lines_free(&lines);

    daemon = printing(directory, "events", "250", &lines);
    assert_events(&lines, 251, next);
    daemon_end(&daemon);
    assert_null(next_line(&lines));
    lines_free(&lines);
}

/* The last line of each record is the record as it is served. */
static void assert_records(struct lines *lines, json_t *served) {
    json_t *last = json_object(), *line, *record;
    size_t index;
    uint64_t seq = 0;
    while ((line = next_line(lines))) {
        must(seq_of(line) >= seq);
        seq = seq_of(line);
        record = json_object_get(line, "record");
        if (strcmp(json_string_value(json_object_get(line, "collection")), "cells") == 0)
            must(json_object_set(last, json_string_value(json_object_get(line, "key")), record) ==
                 0);
        json_decref(line);
    }
    assert_int_equal(json_object_size(last), json_array_size(served));
    json_array_foreach(served, index, record) {
        const char *id = json_string_value(json_object_get(record, "id"));
        assert_true(json_same(json_object_get(last, id), record));
    }
    json_decref(last);
}

static void the_last_line_of_a_record_is_what_is_served(void **state) {
    (void)state;
    struct lines lines;
    uint64_t next = 0;
    struct daemon daemon = printing(scratch_directory(), "records", "0", &lines);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    post_batches(client, &next, 40);
    struct reply reply = get(client, "/v1/cells");
    json_t *list = reply_json(&reply);
    client_close(client);
    must(kill(daemon.pid, SIGTERM) == 0); /* and all of it is written before it ends */
    assert_records(&lines, json_object_get(list, "cells"));
    int status = daemon_wait(&daemon);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    json_decref(list);
    reply_free(&reply);
    lines_free(&lines);
}

/* ---- Readers --------------------------------------------------------------------------------- */

static void a_reader_that_goes_ends_it_well(void **state) {
    (void)state;
    for (int idle = 0; idle < 2; idle++) {
        struct lines lines;
        uint64_t next = 0;
        struct daemon daemon = printing(scratch_directory(), "events", "0", &lines);
        struct client *client = client_opened(&daemon, WRITE_TOKEN);
        post_batches(client, &next, 5);
        if (idle) assert_events(&lines, 1, next); /* it waits for what is new */
        lines_free(&lines);
        int status = daemon_wait(&daemon);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        daemon_wait_for_log(&daemon, "stdout was closed");
        client_close(client);
    }
}

static void a_reader_that_does_not_read_slows_nobody(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    const char *arguments[] = {SINKS, "--stdout-since", "0", "--drain-ms-max", "1000", NULL};
    struct lines lines = {0};
    uint64_t next = 0;
    struct daemon daemon = daemon_piped(directory, arguments, &lines.fd);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    post_batches(client, &next, 150); /* far more than a pipe takes */
    uint64_t size = store_bytes(directory);
    struct reply reply = get(client, "/v1/cells");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply_number(&reply, "cursor"), next);
    reply_free(&reply);
    post_batches(client, &next, 150);
    /* Nobody holds a view meanwhile. Zeros may have been written ahead of the log's end. */
    assert_true(store_bytes(directory) < 3 * size + ((uint64_t)16 << 20));
    uint64_t began = now_ms();
    daemon_end(&daemon);
    assert_true(now_ms() - began < 25000);
    client_close(client);
    lines_free(&lines);
}

static void beginning_before_the_log_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_error error;
    apply_samples(reel, 1, 100, 100);
    must_ok(reel_trim(reel, 50, &error), error);
    reel_close(reel);
    const char *arguments[] = {SINKS, "--stdout-since", "10", NULL};
    char *log;
    int status = daemon_refused(directory, arguments, &log);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_non_null(strstr(log, "stdout_since"));
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_a_line_and_it_goes_on_where_it_was),
        cmocka_unit_test(the_last_line_of_a_record_is_what_is_served),
        cmocka_unit_test(a_reader_that_goes_ends_it_well),
        cmocka_unit_test(a_reader_that_does_not_read_slows_nobody),
        cmocka_unit_test(beginning_before_the_log_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
