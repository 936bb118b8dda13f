/* directory_test.c: who has a directory, and what is made and removed. */
#include "unit.h"

#include "engine/store/directory.h"
#include "sync_support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_file(const char *path, size_t size) {
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    close(fd);
}

/* ---- The lock -------------------------------------------------------------------------------- */

static void a_directory_is_made_and_locked(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "new");
    struct reel_error error;
    struct stat info;
    int fd = -1;
    must_ok(directory_lock(path, &fd, &error), error);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(stat(path_in(path, "reel.lock"), &info), 0);
    close(fd);
}

static void the_second_learns_which_process_has_it(void **state) {
    (void)state;
    const char *path = scratch_directory();
    struct reel_error error;
    char expected[64];
    int fd = -1, second = -1;
    must_ok(directory_lock(path, &fd, &error), error);
    assert_int_equal(directory_lock(path, &second, &error), -EBUSY);
    assert_int_equal(second, -1);
    snprintf(expected, sizeof expected, "process %ld has it open", (long)getpid());
    assert_string_equal(error.text, expected);
    close(fd);
    must_ok(directory_lock(path, &second, &error), error);
    close(second);
}

static void a_missing_parent_is_told(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "absent/new");
    struct reel_error error;
    int fd;
    assert_int_equal(directory_lock(path, &fd, &error), -ENOENT);
    assert_sentence(&error, "cannot make it");
}

static void a_file_is_no_directory(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "file");
    struct reel_error error;
    int fd;
    make_file(path, 0);
    assert_int_equal(directory_lock(path, &fd, &error), -ENOTDIR);
    assert_sentence(&error, "cannot open it");
    assert_int_equal(directory_make_empty(path, &error), -ENOTDIR);
}

/* Else whoever may write to the directory has the daemon write to any file. */
static void files_for_locks_are_no_symbolic_links(void **state) {
    (void)state;
    const char *path = scratch_directory(), *other = path_in(scratch_directory(), "other");
    struct reel_error error;
    struct stat info;
    int fd;
    make_file(other, 5);
    must(symlink(other, path_in(path, "reel.lock")) == 0);
    must(symlink(other, path_in(path, "lock.mdb")) == 0);
    assert_int_equal(directory_lock(path, &fd, &error), -ELOOP);
    assert_string_equal(error.text, "reel.lock is a symbolic link");
    assert_int_equal(directory_allocate(path, "lock.mdb", 4096, &error), -ELOOP);
    assert_string_equal(error.text, "lock.mdb is a symbolic link");
    assert_int_equal(directory_check_no_link(path, "lock.mdb", &error), -ELOOP);
    assert_string_equal(error.text, "lock.mdb is a symbolic link");
    assert_int_equal(directory_check_no_link(path, "absent", &error), 0);
    must(stat(other, &info) == 0);
    assert_int_equal(info.st_size, 5);
}

/* ---- Making and removing --------------------------------------------------------------------- */

static void an_empty_directory_is_made_or_taken(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "new");
    struct reel_error error;
    must_ok(directory_make_empty(path, &error), error);
    must_ok(directory_make_empty(path, &error), error);
    must_ok(directory_sync(path, &error), error);
}

static void a_directorys_own_name_is_synced(void **state) {
    (void)state;
    const char *parent = scratch_directory(), *path = path_in(parent, "new");
    struct reel_error error;
    must_ok(directory_make_empty(path, &error), error);
    syncs_begin();
    must_ok(directory_sync(path, &error), error);
    assert_true(was_synced(path) && !was_synced(parent));
    must_ok(directory_sync_name(path, &error), error);
    assert_true(was_synced(parent));
}

static void one_that_is_not_empty_is_refused(void **state) {
    (void)state;
    const char *path = scratch_directory();
    struct reel_error error;
    make_file(path_in(path, ".hidden"), 0);
    assert_int_equal(directory_make_empty(path, &error), -ENOTEMPTY);
    assert_string_equal(error.text, "it is not empty");
}

static void a_temporary_one_is_made_where_it_is_asked(void **state) {
    (void)state;
    const char *parent = scratch_directory();
    char *before = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL, *path = NULL;
    struct reel_error error;
    struct stat info;
    setenv("TMPDIR", parent, 1);
    int rc = directory_make_temporary(&path, &error);
    setenv("TMPDIR", path_in(parent, "absent"), 1);
    int absent = directory_make_temporary(&path, &error);
    if (before)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    free(before);
    assert_int_equal(rc, 0);
    assert_int_equal(absent, -ENOENT);
    assert_memory_equal(path, parent, strlen(parent));
    make_file(path_in(path, "file"), 1);
    directory_remove(path);
    assert_int_equal(stat(path, &info), -1);
    free(path);
}

static void removing_what_is_not_there_does_nothing(void **state) {
    (void)state;
    directory_remove(path_in(scratch_directory(), "absent"));
}

static void assert_allocated(const char *path, size_t size) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, size);
    assert_true((size_t)info.st_blocks * 512 >= size);
}

static void every_byte_of_a_file_gets_a_place(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    const char *path = scratch_directory();
    struct reel_error error;
    make_file(path_in(path, "sparse"), SIZE);
    must_ok(directory_allocate(path, "sparse", SIZE, &error), error);
    assert_allocated(path_in(path, "sparse"), SIZE);
    must_ok(directory_allocate(path, "absent", 5000, &error), error);
    assert_allocated(path_in(path, "absent"), 5000);
}

static void a_larger_file_is_not_made_smaller(void **state) {
    (void)state;
    const char *path = scratch_directory();
    struct reel_error error;
    make_file(path_in(path, "file"), 10000);
    must_ok(directory_allocate(path, "file", 4096, &error), error);
    struct stat info;
    assert_int_equal(stat(path_in(path, "file"), &info), 0);
    assert_int_equal(info.st_size, 10000);
}

UNIT_TESTS(directory_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_is_made_and_locked),
        cmocka_unit_test(the_second_learns_which_process_has_it),
        cmocka_unit_test(a_missing_parent_is_told),
        cmocka_unit_test(a_file_is_no_directory),
        cmocka_unit_test(files_for_locks_are_no_symbolic_links),
        cmocka_unit_test(an_empty_directory_is_made_or_taken),
        cmocka_unit_test(a_directorys_own_name_is_synced),
        cmocka_unit_test(one_that_is_not_empty_is_refused),
        cmocka_unit_test(a_temporary_one_is_made_where_it_is_asked),
        cmocka_unit_test(removing_what_is_not_there_does_nothing),
        cmocka_unit_test(every_byte_of_a_file_gets_a_place),
        cmocka_unit_test(a_larger_file_is_not_made_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
