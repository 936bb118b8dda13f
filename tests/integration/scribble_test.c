/* scribble_test.c: a plugin's stray write into the memtable is found before it is durable. The
 * store then breaks with a sentence, the process ends, and the next one folds the log again.
 *
 * The fixture `scribbler` finds a record in the heap by a text that only this record has. */
#include "load.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIBBLER_SO build_path("tests/integration/plugins/scribbler.so")
#define MARKER       "0123456789abba9876543210"
#define SENTENCE     "a record in memory is not what it was when it was written"

enum { RECORDS = 200, SPACE = 256 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static const char stray[] = "{\"specversion\":\"1.0\",\"source\":\"/s\",\"id\":\"stray\","
                            "\"type\":\"test.scribble.v1.stray\"}";

/* Event n; one of them has the marker. */
static size_t keep_event(unsigned n, char event[SPACE]) {
    return (size_t)snprintf(event, SPACE,
                            "{\"specversion\":\"1.0\",\"source\":\"/s\",\"id\":\"k%u\",\"type\":"
                            "\"test.scribble.v1.keep\",\"subject\":\"s%u\","
                            "\"data\":{\"text\":\"%s %u\"}}",
                            n, n, n == RECORDS / 2 ? MARKER : "nothing", n);
}

static char *marked_record(struct reel *reel) {
    char key[16];
    snprintf(key, sizeof key, "s%d", RECORDS / 2);
    return record_text(reel, "scribbles", key);
}

/* As if nothing had happened. */
static void check_whole(const char *directory) {
    struct reel *reel = reel_opened(directory, NULL, SCRIBBLER_SO, CELL_SO, FORMATION_SO, NULL);
    struct reel *fresh = fresh_fold(reel, SCRIBBLER_SO, CELL_SO, FORMATION_SO, NULL);
    char *text = marked_record(reel);
    must(text && strstr(text, MARKER));
    must(position_of(reel).head >= RECORDS + 1);
    assert_same_state(reel, fresh);
    must(strcmp(info_of(reel, "scribbles").digest, info_of(fresh, "scribbles").digest) == 0);
    free(text);
    reel_close(fresh);
    reel_close(reel);
    reel = reel_opened(directory, NULL, SCRIBBLER_SO, CELL_SO, FORMATION_SO, NULL);
    text = marked_record(reel); /* also from the checkpoint that was written then */
    must(text && strstr(text, MARKER));
    free(text);
    reel_close(reel);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void note_broken(void *context, const char *sentence) {
    must(strstr(sentence, SENTENCE));
    atomic_fetch_add((atomic_int *)context, 1);
}

/* The library's: in a child, as the heap of this process is written to. */
static void scribble_and_close(const char *directory) {
    atomic_int broken = 0;
    struct reel_options options = {.broken = note_broken, .context = &broken};
    struct reel *reel = reel_opened(directory, &options, SCRIBBLER_SO, CELL_SO, FORMATION_SO, NULL);
    struct reel_error error;
    struct reel_view *view;
    for (unsigned n = 0; n < RECORDS; n++) {
        char event[SPACE];
        keep_event(n, event);
        apply_text(reel, event, REEL_APPLIED);
    }
    char *record = marked_record(reel);
    must(record && strstr(record, MARKER));
    free(record);
    must(setenv("SCRIBBLE", "1", 1) == 0);
    apply_text(reel, stray, REEL_IGNORED);
    must(unsetenv("SCRIBBLE") == 0);
    record = marked_record(reel);
    must(record && !strstr(record, MARKER)); /* else nothing was written */
    free(record);
    must(reel_trim(reel, 2, &error) == -EIO);
    must(strstr(error.text, SENTENCE));
    must(atomic_load(&broken) == 1);
    must(reel_apply(reel, reel_text(stray), NULL, &error) == -EIO);
    must(reel_view_open(reel, &view, &error) == -EIO);
    reel_close(reel);
}

static void a_stray_write_breaks_the_store_and_does_not_become_durable(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct child child;
    if (memory_is_sanitized()) skip(); /* it would be looked for in memory of the sanitizer's */
    if (child_begin(&child)) {
        scribble_and_close(directory);
        child_end(0);
    }
    assert_int_equal(child_wait(&child), 0);
    check_whole(directory);
}

/* The daemon's: a checkpoint is asked for by retention, and written in the background. Nobody
 * starts it again, since the plugin would do the same. */
static void a_stray_write_ends_the_daemon(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    if (memory_is_sanitized()) skip();
    must(setenv("SCRIBBLE", "1", 1) == 0);
    struct daemon daemon = daemon_started(directory, "--plugin", SCRIBBLER_SO, "--retention-events",
                                          "201", "--no-supervise", NULL);
    must(unsetenv("SCRIBBLE") == 0);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    for (unsigned n = 0; n < RECORDS; n++) {
        char event[SPACE];
        struct reply reply = post_event(client, event, keep_event(n, event));
        must(reply.status == 201);
        reply_free(&reply);
    }
    struct reply reply = post_event(client, stray, sizeof stray - 1);
    must(reply.status == 201);
    reply_free(&reply);
    bool answers = true;
    for (unsigned n = RECORDS; answers; n++) { /* beyond what is kept, until it ends */
        char event[SPACE];
        must(n < 1000000);
        reply = post_event(client, event, keep_event(n, event));
        answers = reply.status != 0;
        reply_free(&reply);
    }
    client_close(client);
    int status = daemon_wait(&daemon);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    char *log = daemon_log(&daemon);
    assert_non_null(strstr(log, SENTENCE));
    free(log);
    check_whole(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stray_write_breaks_the_store_and_does_not_become_durable),
        cmocka_unit_test(a_stray_write_ends_the_daemon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
