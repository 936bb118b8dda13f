/* process_test.c: one process a directory, and copies taken while it is in use. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- One process a directory ----------------------------------------------------------------- */

/* Holds the directory until it is told to let go. */
static void hold(struct child *child, const char *directory) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    char word = 'h';
    apply_samples(reel, 1, 100, 10);
    child_say(child, &word, 1);
    must(child_hear(child, &word, 1));
    reel_close(reel);
    child_end(0);
}

static void begin_holding(struct child *child, const char *directory) {
    char word;
    if (child_begin(child)) hold(child, directory);
    must(child_hear(child, &word, 1));
}

static void assert_refused(const char *directory, pid_t holder) {
    struct reel_options options = test_options(directory, NULL);
    struct reel_error error;
    struct reel *reel = NULL;
    char pid[24];
    snprintf(pid, sizeof pid, "%d", (int)holder);
    assert_int_equal(reel_open(&options, &reel, &error), -EBUSY);
    assert_null(reel);
    assert_sentence(&error, pid);
    assert_sentence(&error, directory);
}

static void assert_opens(const char *directory) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    assert_int_equal(position_of(reel).cursor, 100);
    reel_close(reel);
}

static void a_second_process_learns_which_process_has_the_directory(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct child child;
    begin_holding(&child, directory);
    assert_refused(directory, child.pid);
    assert_refused(directory, child.pid); /* to try does not take it away */
    child_say(&child, "!", 1);
    int status = child_wait(&child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_opens(directory);
}

static void a_process_that_was_killed_holds_nothing(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct child child;
    begin_holding(&child, directory);
    kill(child.pid, SIGKILL);
    int status = child_wait(&child);
    assert_true(WIFSIGNALED(status));
    assert_opens(directory);
}

static void the_same_process_is_refused_as_well(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    assert_refused(directory, getpid());
    apply_samples(reel, 1, 100, 10);
    reel_close(reel);
    assert_opens(directory);
}

/* ---- Epochs ---------------------------------------------------------------------------------- */

static struct reel *with_new_epoch(const char *directory) {
    struct reel_options options = {.flags = REEL_NEW_EPOCH};
    return reel_opened(directory, &options, CELL_SO, FORMATION_SO, NULL);
}

static void the_epoch_stays_until_a_new_one_is_asked_for(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_epoch first = position_of(reel).epoch;
    assert_int_equal(strlen(first.text), 36);
    apply_samples(reel, 1, 100, 10);
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    assert_string_equal(position_of(reel).epoch.text, first.text);
    reel_close(reel);
    reel = with_new_epoch(directory);
    struct reel_epoch second = position_of(reel).epoch;
    assert_string_not_equal(second.text, first.text);
    assert_int_equal(position_of(reel).cursor, 100);
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    assert_string_equal(position_of(reel).epoch.text, second.text);
    reel_close(reel);
}

/* ---- Backups --------------------------------------------------------------------------------- */

struct load {
    struct reel *reel;
    atomic_bool stop;
    atomic_uint_least64_t written;
};

static void *write_on(void *context) {
    struct load *load = context;
    uint64_t next = 1;
    while (!atomic_load(&load->stop)) {
        apply_samples(load->reel, next, 50, 50);
        next += 50;
        atomic_store(&load->written, next - 1);
    }
    return NULL;
}

static void wait_for_more(struct load *load, uint64_t more) {
    uint64_t wanted = atomic_load(&load->written) + more;
    must(reel_wait(load->reel, wanted, 60000) == 0);
}

static void assert_needs_a_new_epoch(const char *directory) {
    struct reel_options options = test_options(directory, NULL);
    struct reel_error error;
    struct reel *reel = NULL;
    assert_int_equal(reel_open(&options, &reel, &error), -ESTALE);
    assert_null(reel);
    assert_sentence(&error, "epoch");
}

/* A whole store at some cursor, with an identity of its own; its cursor. */
static uint64_t check_copy(const char *directory, const struct reel_epoch *original) {
    assert_needs_a_new_epoch(directory);
    struct reel *copy = with_new_epoch(directory);
    struct reel_position position = position_of(copy);
    assert_int_equal(position.cursor, position.head);
    assert_string_not_equal(position.epoch.text, original->text);
    struct reel *fresh = fresh_fold(copy, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(copy, fresh);
    reel_close(fresh);
    reel_close(copy);
    copy = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL); /* once is enough */
    apply_samples(copy, position.head + 1, 10, 10);
    reel_close(copy);
    return position.cursor;
}

static void a_backup_under_load_is_a_whole_store(void **state) {
    (void)state;
    struct load load = {.reel =
                            reel_opened(scratch_directory(), NULL, CELL_SO, FORMATION_SO, NULL)};
    const char *copies[2] = {path_in(scratch_directory(), "a"), path_in(scratch_directory(), "b")};
    struct reel_epoch epoch = position_of(load.reel).epoch;
    struct reel_error error;
    pthread_t writer;
    uint64_t least[2];
    assert_int_equal(pthread_create(&writer, NULL, write_on, &load), 0);
    for (size_t at = 0; at < 2; at++) {
        wait_for_more(&load, 2000);
        least[at] = atomic_load(&load.written);
        must_ok(reel_backup(load.reel, copies[at], &error), error);
    }
    wait_for_more(&load, 500);
    atomic_store(&load.stop, true);
    assert_int_equal(pthread_join(writer, NULL), 0);

    for (size_t at = 0; at < 2; at++) assert_true(check_copy(copies[at], &epoch) >= least[at]);
    assert_string_equal(position_of(load.reel).epoch.text, epoch.text);
    assert_int_equal(position_of(load.reel).cursor, atomic_load(&load.written));
    struct reel *fresh = fresh_fold(load.reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(load.reel, fresh);
    reel_close(fresh);
    reel_close(load.reel);
}

static void a_backup_into_a_directory_in_use_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_error error;
    apply_samples(reel, 1, 100, 10);
    FILE *file = fopen(path_in(directory, "something"), "we");
    assert_non_null(file);
    fclose(file);
    assert_true(reel_backup(reel, directory, &error) < 0);
    assert_sentence(&error, directory);
    reel_close(reel);
}

/* What is wrong with the copy is no matter of the store's. */
static void assert_works_on(struct reel *reel) {
    apply_samples(reel, position_of(reel).head + 1, 100, 10);
    struct reel *fresh = fresh_fold(reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
}

static void a_backup_below_a_file_fails_and_harms_nothing(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    const char *copy = path_in(path_in(directory, "FORMAT"), "copy");
    struct reel_error error;
    apply_samples(reel, 1, 100, 10);
    assert_int_equal(reel_backup(reel, copy, &error), -ENOTDIR);
    assert_sentence(&error, copy);
    assert_works_on(reel);
    reel_close(reel);
}

/* No file may grow beyond that: writing ends half way, with an error that no full disk gives. */
static void bound_files(rlim_t bytes) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void a_backup_that_is_cut_short_leaves_nothing_and_can_be_tried_again(void **state) {
    (void)state;
    const char *copy = path_in(scratch_directory(), "copy");
    struct reel *reel = reel_opened(scratch_directory(), NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_epoch epoch = position_of(reel).epoch;
    struct reel_error error;
    apply_samples(reel, 1, 5000, 500);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    bound_files(1 << 20);
    int rc = reel_backup(reel, copy, &error);
    bound_files(RLIM_INFINITY);
    signal(SIGXFSZ, before);
    assert_int_equal(rc, -ENOSPC);
    assert_sentence(&error, copy);
    assert_int_equal(rmdir(copy), 0); /* nothing is in it */
    assert_works_on(reel);
    must_ok(reel_backup(reel, copy, &error), error);
    assert_int_equal(check_copy(copy, &epoch), 5100);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_process_learns_which_process_has_the_directory),
        cmocka_unit_test(a_process_that_was_killed_holds_nothing),
        cmocka_unit_test(the_same_process_is_refused_as_well),
        cmocka_unit_test(the_epoch_stays_until_a_new_one_is_asked_for),
        cmocka_unit_test(a_backup_under_load_is_a_whole_store),
        cmocka_unit_test(a_backup_into_a_directory_in_use_is_refused),
        cmocka_unit_test(a_backup_below_a_file_fails_and_harms_nothing),
        cmocka_unit_test(a_backup_that_is_cut_short_leaves_nothing_and_can_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
