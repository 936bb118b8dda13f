/* file_test.c: files that people write, and what is not a file. */
#include "unit.h"

#include "daemon/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static int enter(void **state) {
    (void)state;
    return chdir(scratch_directory());
}

static void write_all(const char *path, const char *text) {
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void assert_reads(const char *path, const char *expected) {
    char found[64];
    size_t len;
    struct reel_error error;
    must_ok(file_read(path, found, sizeof found, PATIENCE_MS, &len, NULL, &error), error);
    assert_bytes(((struct reel_str){found, len}), reel_text(expected));
}

static void assert_fails(const char *path, uint32_t timeout_ms, int code) {
    char found[4];
    size_t len;
    struct reel_error error;
    assert_int_equal(file_read(path, found, sizeof found, timeout_ms, &len, NULL, &error), code);
    assert_sentence(&error, "");
}

static void a_file_is_read_whole(void **state) {
    (void)state;
    write_all("file", "four");
    write_all("longer", "five!");
    write_all("empty", "");
    assert_reads("file", "four");
    assert_reads("longer", "five!");
    assert_reads("empty", "");
    assert_fails("longer", PATIENCE_MS, -EFBIG);
    assert_fails("none", PATIENCE_MS, -ENOENT);
    assert_fails(".", PATIENCE_MS, -EISDIR);
}

static void a_pipe_that_nobody_writes_into_is_given_up(void **state) {
    (void)state;
    must(mkfifo("pipe", 0600) == 0);
    assert_fails("pipe", 20, -ETIMEDOUT);
    int writer = open("pipe", O_RDWR | O_CLOEXEC);
    must(write(writer, "abc", 3) == 3); /* and does not end */
    assert_fails("pipe", 20, -ETIMEDOUT);
    close(writer);
}

static void *write_late(void *path) {
    usleep(20000);
    int fd = open(path, O_WRONLY | O_CLOEXEC); /* waits until it is read */
    must(fd >= 0 && write(fd, "se", 2) == 2);
    usleep(20000);
    must(write(fd, "cret", 4) == 4);
    close(fd);
    return NULL;
}

static void a_pipe_is_read_to_its_end(void **state) {
    (void)state;
    pthread_t thread;
    static char name[] = "pipe";
    must(mkfifo(name, 0600) == 0);
    must(pthread_create(&thread, NULL, write_late, name) == 0);
    assert_reads(name, "secret");
    must(pthread_join(thread, NULL) == 0);
}

/* As `--token-file <(command)` of a shell. */
static void a_pipe_whose_writer_has_gone_is_read_too(void **state) {
    (void)state;
    int ends[2];
    char path[64];
    must(pipe2(ends, O_CLOEXEC) == 0);
    must(write(ends[1], "secret", 6) == 6);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_reads(path, "secret");
    close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup(name, enter)

UNIT_TESTS(file_test) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_whole),
        TEST(a_pipe_that_nobody_writes_into_is_given_up),
        TEST(a_pipe_is_read_to_its_end),
        TEST(a_pipe_whose_writer_has_gone_is_read_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
