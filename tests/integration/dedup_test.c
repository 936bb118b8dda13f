/* dedup_test.c: a command that came before is known, whatever became of the files by which it is
 * found: when its segment was sealed, after a restart, and when the index was lost or damaged. */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMMANDS = 400, BODY_BYTES = 700, SEGMENT_BYTES = 64 << 10, WAIT_MS = 120000 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static char body[BODY_BYTES + 200];
static uint64_t seqs[COMMANDS];
static size_t warnings;

static void note(void *context, reel_level level, const char *line) {
    (void)context;
    if (level == REEL_LEVEL_WARNING && strstr(line, "index of duplicates")) warnings++;
}

static struct reel *opened(const char *directory) {
    struct reel_options options = {.segment_bytes = SEGMENT_BYTES, .report = note};
    warnings = 0;
    return reel_opened(directory, &options, FORMATION_SO, NULL);
}

static struct reel_command_result given(struct reel *reel, unsigned n) {
    char key[32];
    struct reel_command_result result;
    struct reel_error error;
    snprintf(key, sizeof key, "key-%u", n);
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("formations"),
                                           .verb = reel_text("create"),
                                           .body = reel_text(body),
                                           .idempotency_key = reel_text(key),
                                           .caller = reel_text("caller"),
                                           .principal = reel_text("somebody")};
    must_ok(reel_command(reel, &request, &result, &error), error);
    must(result.accepted);
    return result;
}

static void assert_repeats(struct reel *reel) {
    uint64_t head = position_of(reel).head;
    for (unsigned n = 0; n < COMMANDS; n++) {
        struct reel_command_result result = given(reel, n);
        assert_true(result.repeated);
        assert_int_equal(result.seq, seqs[n]);
        assert_non_null(result.record);
        reel_command_result_finish(&result);
    }
    assert_int_equal(position_of(reel).head, head);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* How many files of the log end so; and the path of the n-th. */
static size_t list_files(const char *directory, const char *end, size_t n, const char **ret) {
    const char *log = path_in(directory, "log");
    DIR *dir = opendir(log);
    const struct dirent *entry;
    size_t count = 0;
    must(dir);
    while ((entry = readdir(dir))) {
        size_t len = strlen(entry->d_name), end_len = strlen(end);
        if (len < end_len || strcmp(entry->d_name + len - end_len, end) != 0) continue;
        if (count++ == n && ret) *ret = path_in(log, entry->d_name);
    }
    closedir(dir);
    return count;
}

static size_t count_runs(const char *directory) {
    return list_files(directory, ".ids", 0, NULL);
}

/* The files of sealed segments are smaller than those of full ones. */
static bool is_sealed(const char *directory) {
    size_t large = 0, count = list_files(directory, ".seg", 0, NULL);
    for (size_t n = 0; n < count; n++) {
        const char *path = NULL;
        struct stat file;
        list_files(directory, ".seg", n, &path);
        if (path && stat(path, &file) == 0 && file.st_size > SEGMENT_BYTES / 2) large++;
    }
    return count > 4 && large <= 1;
}

static const char *filled(void) {
    const char *directory = scratch_directory();
    char text[BODY_BYTES + 1];
    memset(text, 'x', BODY_BYTES);
    text[BODY_BYTES] = '\0';
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}", text);
    struct reel *reel = opened(directory);
    for (unsigned n = 0; n < COMMANDS; n++) {
        struct reel_command_result result = given(reel, n);
        must(!result.repeated);
        seqs[n] = result.seq;
        reel_command_result_finish(&result);
    }
    for (int waited = 0; !is_sealed(directory) || count_runs(directory) == 0; waited++) {
        must(waited < WAIT_MS);
        usleep(1000);
    }
    assert_repeats(reel);
    assert_int_equal(warnings, 0);
    reel_close(reel);
    return directory;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_repeat_is_known_after_sealing_and_a_restart(void **state) {
    (void)state;
    const char *directory = filled();
    struct reel *reel = opened(directory);
    assert_repeats(reel);
    assert_int_equal(warnings, 0);
    reel_close(reel);
}

static void a_repeat_is_known_when_the_index_was_lost(void **state) {
    (void)state;
    const char *directory = filled(), *path = NULL;
    while (list_files(directory, ".ids", 0, &path) > 0) must(unlink(path) == 0);
    struct reel *reel = opened(directory);
    assert_int_equal(warnings, 1);
    assert_repeats(reel);
    reel_close(reel);
    reel = opened(directory);
    assert_int_equal(warnings, 0);
    reel_close(reel);
}

static void flip(const char *path, off_t at) {
    unsigned char byte;
    int fd = open(path, O_RDWR);
    must(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 4;
    must(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

/* In the first block of entries: it is found when something is looked for there. */
static void a_repeat_is_known_when_a_bit_of_the_index_was_flipped(void **state) {
    (void)state;
    const char *directory = filled();
    for (size_t n = 0; n < list_files(directory, ".ids", 0, NULL); n++) {
        const char *path = NULL;
        list_files(directory, ".ids", n, &path);
        flip(path, 4096 + 8);
    }
    struct reel *reel = opened(directory);
    assert_repeats(reel);
    assert_true(warnings > 0);
    reel_close(reel);
    reel = opened(directory);
    assert_repeats(reel);
    assert_int_equal(warnings, 0);
    reel_close(reel);
}

/* A copy has no index: it makes its own. */
static void a_repeat_is_known_in_a_restored_backup(void **state) {
    (void)state;
    const char *directory = filled(), *copy = path_in(scratch_directory(), "copy");
    struct reel_options options = {.segment_bytes = SEGMENT_BYTES, .flags = REEL_NEW_EPOCH};
    struct reel_error error;
    struct reel *reel = opened(directory);
    must_ok(reel_backup(reel, copy, &error), error);
    reel_close(reel);
    reel = reel_opened(copy, &options, FORMATION_SO, NULL);
    assert_repeats(reel);
    reel_close(reel);
}

static void the_name_of_who_commands_has_a_bound(void **state) {
    (void)state;
    char principal[REEL_PRINCIPAL_MAX + 1];
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, NULL);
    struct reel_command_result result;
    struct reel_error error;
    memset(principal, 'p', sizeof principal);
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("formations"),
                                           .verb = reel_text("create"),
                                           .principal = {principal, sizeof principal}};
    assert_int_equal(reel_command(reel, &request, &result, &error), -EINVAL);
    assert_sentence(&error, "request.principal has 256 bytes, at most 255 are allowed");
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_is_known_after_sealing_and_a_restart),
        cmocka_unit_test(a_repeat_is_known_when_the_index_was_lost),
        cmocka_unit_test(a_repeat_is_known_when_a_bit_of_the_index_was_flipped),
        cmocka_unit_test(a_repeat_is_known_in_a_restored_backup),
        cmocka_unit_test(the_name_of_who_commands_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
