/* files_test.c: what the headers of a log's files say. */
#include "log_support.h"

#include "engine/log/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { FILES_MAX = 32, EVENTS = 100 };

struct found {
    struct log_file files[FILES_MAX];
    size_t count;
};

static int keep(void *context, const struct log_file *file) {
    struct found *found = context;
    must(found->count < FILES_MAX);
    found->files[found->count++] = *file;
    return 0;
}

static void list(const char *directory, struct found *ret) {
    struct reel_error error;
    ret->count = 0;
    must_ok(log_files_each(directory, keep, ret, &error), error);
}

/* Two sealed segments, and raw ones. */
static const char *mixed_log(void) {
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    for (uint64_t seq = 1; seq <= EVENTS; seq++) append(log, seq, 1, 20);
    assert_int_equal(log_seal_one(log, &error), 1);
    assert_int_equal(log_seal_one(log, &error), 1);
    must(count_segments(log, false) > 3);
    log_close(log);
    return directory;
}

static void make(const char *directory, const char *name) {
    int fd = open(path_in(directory, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, "12345", 5) == 5);
    close(fd);
}

static const struct log_file *named(const struct found *found, const char *name) {
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->files[i].name, name) == 0) return &found->files[i];
    fail_msg("no %s", name);
    return NULL;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void segments_join_and_the_last_raw_one_has_an_open_end(void **state) {
    (void)state;
    struct found found;
    uint64_t next_seq = 1, number = 1;
    size_t sealed = 0;
    const struct log_file *last = NULL;
    list(mixed_log(), &found);
    for (size_t i = 0; i < found.count; i++) {
        const struct log_file *file = &found.files[i];
        if (file->kind != LOG_FILE_SEGMENT) continue;
        assert_null(file->wrong);
        assert_int_equal(file->first_seq, next_seq);
        assert_int_equal(file->number, number++);
        assert_true(file->bytes >= SEGMENT_PAGE);
        sealed += file->is_sealed;
        next_seq = file->last_seq + 1;
        last = file;
    }
    assert_int_equal(sealed, 2);
    assert_true(last && !last->is_sealed && last->first_seq <= EVENTS);
    assert_int_equal(last->last_seq, 0);
}

static void a_wrong_header_is_named_and_the_others_are_given(void **state) {
    (void)state;
    struct found whole, found;
    const char *directory = mixed_log();
    list(directory, &whole);
    flip(segment_path(directory, 1), 100);
    must(truncate(segment_path(directory, 2), 100) == 0);
    make(directory, "00000000000000000001-00000000000000000009.ids");
    list(directory, &found);
    assert_int_equal(found.count, whole.count + 1);
    size_t wrong = 0;
    for (size_t i = 0; i < found.count; i++) wrong += found.files[i].wrong != NULL;
    assert_int_equal(wrong, 3);
    assert_non_null(named(&found, "00000000000000000001-00000000000000000009.ids")->wrong);
}

static void other_files_are_given_by_name_and_size(void **state) {
    (void)state;
    struct found found;
    const char *directory = mixed_log();
    make(directory, "spare");
    make(directory, "a\033[2Jb");
    must(mkdir(path_in(directory, "00000000000000000007.seg.d"), 0700) == 0);
    must(symlink("/dev/zero", path_in(directory, "00000000000000000999.seg")) == 0);
    list(directory, &found);
    assert_int_equal(named(&found, "spare")->kind, LOG_FILE_OTHER);
    assert_int_equal(named(&found, "spare")->bytes, 5);
    assert_int_equal(named(&found, "a?[2Jb")->bytes, 5); /* for a terminal */
    for (size_t i = 0; i < found.count; i++) assert_null(strstr(found.files[i].name, "999"));
    must(rmdir(path_in(directory, "00000000000000000007.seg.d")) == 0);
}

static void no_directory_is_an_error(void **state) {
    (void)state;
    struct found found = {.count = 0};
    struct reel_error error;
    assert_int_equal(log_files_each(path_in(scratch_directory(), "none"), keep, &found, &error),
                     -ENOENT);
    assert_sentence(&error, "none");
}

UNIT_TESTS(files_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_join_and_the_last_raw_one_has_an_open_end),
        cmocka_unit_test(a_wrong_header_is_named_and_the_others_are_given),
        cmocka_unit_test(other_files_are_given_by_name_and_size),
        cmocka_unit_test(no_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
