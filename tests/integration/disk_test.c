/* disk_test.c: a full disk. Writes are refused in a sentence, reads go on, nothing is lost, and
 * when there is room it goes on. */
#include "disk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VIEWS = 70, BATCH = 32 };

/* ---- Writing until it is full ---------------------------------------------------------------- */

/* First by the batch, then with what room is left one by one. */
static void fill(struct reel *reel, uint64_t *head) {
    static const size_t sizes[] = {BATCH, 1, 1, BATCH};
    for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
        struct reel_error error;
        int rc;
        while ((rc = try_samples(reel, head, sizes[at], &error)) == 0) must(*head < 1000000);
        must(rc == -ENOSPC);
        assert_sentence(&error, "");
    }
}

/* ---- Views meanwhile ------------------------------------------------------------------------- */

struct watched {
    struct reel_view *view;
    struct text state;
};

static void watch(struct watched *watched, struct reel *reel) {
    watched->view = view_opened(reel);
    must(view_dump(watched->view, "cells", &watched->state) == 0);
}

static void check_watched(const struct watched *watched) {
    struct text now = {0};
    must(view_dump(watched->view, "cells", &now) == 0);
    must(now.len == watched->state.len);
    must(memcmp(now.data, watched->state.data, now.len) == 0);
    free(now.data);
}

static void unwatch(struct watched *watched) {
    reel_view_close(watched->view);
    free(watched->state.data);
}

/* All that was acknowledged, nothing else, and it is what a fold makes of it. */
static void check_all_there(struct reel *reel, uint64_t head) {
    uint64_t last = 0;
    struct reel_view *view = view_opened(reel);
    must(reel_view_log(view, 0, sample_is_entry, &last) == 0);
    reel_view_close(view);
    must(last == head);
    must(position_of(reel).cursor == head);
    struct reel *fresh = fresh_fold(reel, FORMATION_SO, CELL_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void fill_and_go_on(const char *directory) {
    const char *ballast = path_in(directory, "ballast");
    const char *store = path_in(directory, "store");
    struct reel_options options = {.view_ms_max = 600000};
    struct watched watched[VIEWS] = {{0}};
    struct reel_error error;
    uint64_t head = 0;
    write_ballast(ballast, 6 << 20);
    struct reel *reel = reel_opened(store, &options, FORMATION_SO, CELL_SO, NULL);
    for (size_t at = 0; at < VIEWS; at++) {
        must_ok(try_samples(reel, &head, 1, &error), error);
        watch(&watched[at], reel);
    }
    fill(reel, &head);
    check_all_there(reel, head);
    for (size_t at = 0; at < VIEWS; at++) check_watched(&watched[at]);

    must(unlink(ballast) == 0);
    for (size_t at = 0; at < 10; at++) must_ok(try_samples(reel, &head, BATCH, &error), error);
    check_all_there(reel, head);
    for (size_t at = 0; at < VIEWS; at++) {
        check_watched(&watched[at]);
        unwatch(&watched[at]);
    }
    reel_close(reel);
    reel = reel_opened(store, &options, CELL_SO, FORMATION_SO, NULL);
    check_all_there(reel, head);
    must_ok(try_samples(reel, &head, BATCH, &error), error);
    reel_close(reel);
}

static void a_full_disk_refuses_writes_until_there_is_room(void **state) {
    (void)state;
    run_on_disk(fill_and_go_on, "size=16m");
}

static void open_without_room(const char *directory) {
    const char *ballast = path_in(directory, "ballast");
    struct reel_options options = test_options(path_in(directory, "store"), NULL);
    struct reel_error error;
    struct reel *reel = NULL;
    uint64_t head = 0;
    write_ballast(ballast, SIZE_MAX);
    must(reel_open(&options, &reel, &error) == -ENOSPC);
    must(!reel);
    assert_sentence(&error, "");
    must(unlink(ballast) == 0);
    reel = reel_opened(options.directory, &options, FORMATION_SO, CELL_SO, NULL);
    must_ok(try_samples(reel, &head, BATCH, &error), error);
    check_all_there(reel, head);
    reel_close(reel);
}

static void a_store_without_room_is_not_opened(void **state) {
    (void)state;
    run_on_disk(open_without_room, "size=4m");
}

static void back_up_without_room(const char *directory) {
    const char *ballast = path_in(directory, "ballast"), *copy = path_in(directory, "copy");
    struct reel_options options = {.flags = REEL_NEW_EPOCH};
    struct reel_error error;
    uint64_t head = 0;
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    while (head < 16384) must_ok(try_samples(reel, &head, BATCH, &error), error);
    write_ballast(ballast, 15 << 20);
    must(reel_backup(reel, copy, &error) == -ENOSPC);
    assert_sentence(&error, copy);
    must(rmdir(copy) == 0); /* nothing is in it */
    must_ok(try_samples(reel, &head, BATCH, &error), error);

    must(unlink(ballast) == 0);
    must_ok(reel_backup(reel, copy, &error), error);
    check_all_there(reel, head);
    reel_close(reel);
    reel = reel_opened(copy, &options, FORMATION_SO, CELL_SO, NULL);
    check_all_there(reel, head);
    reel_close(reel);
}

static void a_backup_without_room_is_tried_again_when_there_is_some(void **state) {
    (void)state;
    run_on_disk(back_up_without_room, "size=16m");
}

/* It has a log, and no room for the records. They are folded into memory, and read there. */
static void start_without_room(const char *directory) {
    const char *ballast = path_in(directory, "ballast"), *store = path_in(directory, "store");
    struct reel_error error;
    uint64_t head = 0;
    struct reel *reel = reel_opened(store, NULL, NULL);
    while (head < 8192) must_ok(try_samples(reel, &head, BATCH, &error), error);
    reel_close(reel);
    leave_room(directory, ballast, 128 << 10);
    reel = reel_loaded(store, NULL, FORMATION_SO, CELL_SO, NULL);
    must_ok(reel_start(reel, &error), error);
    check_all_there(reel, head);
    fill(reel, &head);
    check_all_there(reel, head);
    reel_close(reel); /* without a checkpoint */
    reel = reel_opened(store, NULL, FORMATION_SO, CELL_SO, NULL);
    check_all_there(reel, head);

    must(unlink(ballast) == 0);
    must_ok(try_samples(reel, &head, BATCH, &error), error);
    must(reel_start(reel, &error) == -EBUSY); /* once is enough */
    check_all_there(reel, head);
    reel_close(reel);
}

static void a_start_without_room_shows_all_that_the_log_has(void **state) {
    (void)state;
    run_on_disk(start_without_room, "size=32m");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_refuses_writes_until_there_is_room),
        cmocka_unit_test(a_store_without_room_is_not_opened),
        cmocka_unit_test(a_backup_without_room_is_tried_again_when_there_is_some),
        cmocka_unit_test(a_start_without_room_shows_all_that_the_log_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
