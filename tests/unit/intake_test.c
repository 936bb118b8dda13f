/* intake_test.c: the writer's thread on a disk that is full: it says so once, answers what waits,
 * and finds out by itself when there is room. The disk is a small map. */
#include "unit.h"

#include "intake/intake.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE_BYTES = 200 << 10, A_MINUTE_MS = 60000 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct written {
    struct job job; /* first */
    struct reel_str payload;
    atomic_bool done;
};

struct running {
    struct reel *reel;
    struct intake *intake;
    atomic_uint full, room; /* sentences */
};

static void moved(void *context, uint64_t cursor) {
    (void)context, (void)cursor;
}

static void trouble(void *context, bool fatal, const char *sentence) {
    struct running *running = context;
    must(!fatal);
    atomic_fetch_add(strstr(sentence, "has room again") ? &running->room : &running->full, 1);
}

static void begin(struct running *running) {
    struct reel_options options = {.map_bytes = 1 << 20};
    struct reel_error error;
    *running = (struct running){.reel = reel_opened(NULL, &options, CELL_SO, NULL)};
    struct intake_options given = {
        .reel = running->reel,
        .queue_events_max = 100,
        .queue_bytes_max = 1 << 20,
        .batch_events_max = 100,
        .batch_bytes_max = LARGE_BYTES,
        .moved = moved,
        .trouble = trouble,
        .context = running,
    };
    must_ok(intake_start(&given, &running->intake, &error), error);
}

static void end(struct running *running) {
    intake_drain(running->intake, 1000);
    intake_stop(running->intake);
    intake_destroy(running->intake);
    reel_close(running->reel);
}

static void mark_done(struct job *job) {
    atomic_store(&((struct written *)job)->done, true);
}

static void wait_for(atomic_bool *flag) {
    for (int ms = 0; !atomic_load(flag); ms++) {
        must(ms < A_MINUTE_MS);
        usleep(1000);
    }
}

/* Writes an event of that size; what came of it. */
static int write_event(struct running *running, size_t bytes) {
    char *json = malloc(bytes);
    must(json);
    memset(json, ' ', bytes);
    memcpy(json, "{}", 2);
    struct written written = {.payload = {json, bytes}};
    written.job.work = (struct work){.payloads = &written.payload, .count = 1};
    written.job.bytes = bytes;
    written.job.done = mark_done;
    int rc = intake_push(running->intake, &written.job, NULL);
    if (rc == 0) wait_for(&written.done);
    free(json);
    return rc < 0 ? rc : written.job.work.rc;
}

static bool is_full(struct running *running) {
    struct intake_figures figures;
    intake_read(running->intake, &figures);
    return figures.disk_full;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_full_disk_that_has_room_again_is_noticed_without_a_write(void **state) {
    struct running running;
    (void)state;
    begin(&running);
    int rc = 0;
    for (int i = 0; rc == 0 && i < 10; i++) rc = write_event(&running, LARGE_BYTES);
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(atomic_load(&running.full), 1);
    for (int ms = 0; is_full(&running); ms++) { /* a small commit still fits */
        must(ms < A_MINUTE_MS);
        usleep(1000);
    }
    assert_int_equal(atomic_load(&running.room), 1);
    end(&running);
}

/* What a job takes beside its payload counts for the queue, not for the transaction. */
static void an_event_as_large_as_a_transaction_is_taken(void **state) {
    struct running running;
    (void)state;
    begin(&running);
    assert_int_equal(write_event(&running, LARGE_BYTES), 0);
    assert_int_equal(write_event(&running, LARGE_BYTES + 1), -E2BIG);
    end(&running);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_that_has_room_again_is_noticed_without_a_write),
        cmocka_unit_test(an_event_as_large_as_a_transaction_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
