/* checkpoint_disk_test.c: checkpoints that cannot be written. The log goes on until the memtable is
 * full; then writes are refused with the reason, reads go on, and trimming works as far as the last
 * checkpoint. When there is room again, it goes on by itself. Nothing is lost by a stop meanwhile,
 * clean or not. */
#include "disk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, FIRST = 3000, FLOOR = 2000, PATIENCE_S = 60 };

/* ---- Writing --------------------------------------------------------------------------------- */

/* Until it is refused, for this reason. */
static void fill(struct reel *reel, uint64_t *head, const char *reason) {
    struct reel_error error;
    int rc;
    while ((rc = try_samples(reel, head, BATCH, &error)) == 0) must(*head < 1000000);
    if (rc != -ENOSPC || !strstr(error.text, reason))
        support_failed(__FILE__, __LINE__, "%d: %s", rc, error.text);
    must(try_samples(reel, head, 1, &error) == -ENOSPC);
}

/* By itself: nothing but writing is tried again. (A checkpoint that failed is, after a second.) */
static void go_on(struct reel *reel, uint64_t *head) {
    struct reel_error error;
    time_t began = time(NULL);
    for (size_t done = 0; done < 100; usleep(1000)) {
        done += try_samples(reel, head, BATCH, &error) == 0;
        must(time(NULL) - began < PATIENCE_S);
    }
}

/* ---- What is there --------------------------------------------------------------------------- */

/* All that was acknowledged, nothing else, and it is what a fold makes of it. */
static void check_all_there(struct reel *reel, uint64_t head) {
    struct reel_position position = position_of(reel);
    uint64_t last = position.first_seq - 1;
    const char *name;
    struct reel_view *view = view_opened(reel);
    must(reel_view_log(view, 0, sample_is_entry, &last) == 0);
    reel_view_close(view);
    must(last == head && position.cursor == head);
    struct reel *fresh = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    apply_samples(fresh, 1, head, 512);
    assert_same_state(reel, fresh);
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++)
        must(strcmp(info_of(reel, name).digest, info_of(fresh, name).digest) == 0);
    reel_close(fresh);
}

/* What the last checkpoint has can be trimmed, and nothing else. */
static void trim_while_it_fails(struct reel *reel, uint64_t head) {
    struct reel_error error;
    must_ok(reel_trim(reel, FLOOR, &error), error);
    must(position_of(reel).first_seq == FLOOR);
    must_ok(reel_trim(reel, head + 1, &error), error);
    uint64_t first_seq = position_of(reel).first_seq;
    must(first_seq >= FLOOR && first_seq <= head);
}

/* ---- A full disk ----------------------------------------------------------------------------- */

static const struct reel_options small = {.map_bytes = 8 << 20, .segment_bytes = 16 << 20};

/* The state has a disk of its own, so that the log does not need what a checkpoint lacks. */
static void give_state_a_disk(const char *directory, const char *store) {
    const char *state = path_in(store, "state"), *saved = path_in(directory, "saved");
    char command[1024];
    reel_close(reel_opened(store, &small, FORMATION_SO, CELL_SO, NULL));
    snprintf(command, sizeof command, "cp -a %s %s", state, saved);
    must(system(command) == 0);
    must(mount("tmpfs", state, "tmpfs", 0, "size=16m") == 0);
    snprintf(command, sizeof command, "cp -a %s/. %s", saved, state);
    must(system(command) == 0);
}

/* With FIRST events in a checkpoint, and then no room for another one. */
static struct reel *without_room(const char *store, uint64_t *head) {
    struct reel_error error;
    struct reel *reel = reel_opened(store, &small, FORMATION_SO, CELL_SO, NULL);
    while (*head < FIRST) must_ok(try_samples(reel, head, 1000, &error), error);
    must_ok(reel_trim(reel, 2, &error), error);
    write_ballast(path_in(store, "state/ballast"), SIZE_MAX);
    return reel;
}

static void make_room(const char *store) {
    must(unlink(path_in(store, "state/ballast")) == 0);
}

static void fill_and_recover(const char *directory) {
    const char *store = path_in(directory, "store");
    uint64_t head = 0;
    give_state_a_disk(directory, store);
    struct reel *reel = without_room(store, &head);
    fill(reel, &head, "the disk is full");
    if (head < FIRST + 2000) /* the log went on */
        support_failed(__FILE__, __LINE__, "full at %" PRIu64, head);
    check_all_there(reel, head);
    trim_while_it_fails(reel, head);
    check_all_there(reel, head);
    make_room(store);
    go_on(reel, &head);
    check_all_there(reel, head);
    reel_close(reel);
    reel = reel_opened(store, &small, FORMATION_SO, CELL_SO, NULL);
    check_all_there(reel, head);
    reel_close(reel);
}

static void a_full_disk_in_a_checkpoint_is_recovered_from(void **state) {
    (void)state;
    run_on_disk(fill_and_recover, "size=64m");
}

/* Closed, and killed, while there is no room. It is opened without room, too: what was accepted can
 * be folded into memory again. */
static void stop_while_full(const char *directory, bool killed) {
    const char *store = path_in(directory, "store");
    struct child child;
    uint64_t head = 0;
    give_state_a_disk(directory, store);
    if (child_begin(&child)) {
        struct reel *reel = without_room(store, &head);
        fill(reel, &head, "the disk is full");
        child_say(&child, &head, sizeof head);
        if (!killed) reel_close(reel);
        child_end(0);
    }
    must(child_hear(&child, &head, sizeof head));
    must(child_wait(&child) == 0);
    struct reel *reel = reel_opened(store, &small, FORMATION_SO, CELL_SO, NULL);
    check_all_there(reel, head);
    make_room(store);
    go_on(reel, &head);
    check_all_there(reel, head);
    reel_close(reel);
}

static void close_while_full(const char *directory) {
    stop_while_full(directory, false);
}

static void kill_while_full(const char *directory) {
    stop_while_full(directory, true);
}

static void a_stop_without_room_for_a_checkpoint_loses_nothing(void **state) {
    (void)state;
    run_on_disk(close_while_full, "size=64m");
    run_on_disk(kill_while_full, "size=64m");
}

/* ---- A checkpoint that fails for ever -------------------------------------------------------- */

static void a_checkpoint_that_fails_for_ever_stops_writes_alone(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_options tight = {.map_bytes = 2 << 20, .segment_bytes = 64 << 10}, wide = tight;
    struct reel_error error;
    uint64_t head = 0;
    wide.map_bytes = 64 << 20;
    struct reel *reel = reel_opened(directory, &tight, FORMATION_SO, CELL_SO, NULL);
    fill(reel, &head, "the store has reached map_bytes");
    check_all_there(reel, head);
    for (int i = 0; i < 20; i++) {
        must(try_samples(reel, &head, 1, &error) == -ENOSPC);
        usleep(100000); /* it is tried again meanwhile */
    }
    check_all_there(reel, head);
    struct reel_position position = position_of(reel);
    must_ok(reel_trim(reel, head / 2, &error), error);
    must(position_of(reel).first_seq > position.first_seq);
    check_all_there(reel, head);
    reel_close(reel);
    reel = reel_opened(directory, &wide, FORMATION_SO, CELL_SO, NULL);
    check_all_there(reel, head);
    go_on(reel, &head);
    check_all_there(reel, head);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_in_a_checkpoint_is_recovered_from),
        cmocka_unit_test(a_stop_without_room_for_a_checkpoint_loses_nothing),
        cmocka_unit_test(a_checkpoint_that_fails_for_ever_stops_writes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
