/* lines_test.c: where lines end, whatever pieces they come in; and how much is kept of each. */
#include "unit.h"

#include "feeds/lines.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 256 << 10 }; /* what one read of a file gives, in lines.c */

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct lines *started(int fd, size_t bound) {
    struct lines *lines = malloc(sizeof *lines);
    struct reel_error error;
    must(lines);
    must_ok(lines_init(lines, fd, bound, &error), error);
    return lines;
}

static void ended(struct lines *lines) {
    close(lines->fd);
    lines_finish(lines);
    free(lines);
}

static void next(struct lines *lines) {
    struct reel_error error;
    must_ok(lines_next(lines, &error), error);
}

static int file_of(struct reel_str bytes) {
    int fd = memfd_create("lines", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    must(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* What gives the bytes in two reads: a socket that keeps the borders of what was sent. */
static int socket_of(struct reel_str bytes, size_t cut) {
    int ends[2];
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    if (cut > 0) must(send(ends[1], bytes.data, cut, 0) == (ssize_t)cut);
    if (cut < bytes.len) must(send(ends[1], bytes.data + cut, bytes.len - cut, 0) > 0);
    close(ends[1]);
    return ends[0];
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_lines_of(int fd, size_t bound, const struct reel_str *expected, size_t count) {
    struct lines *lines = started(fd, bound);
    next(lines);
    assert_int_equal(lines->count, count);
    for (size_t at = 0; at < count; at++) {
        struct reel_str kept = lines->batch[at];
        assert_int_equal(kept.len, expected[at].len);
        if (kept.len > bound) kept.len = bound;
        assert_memory_equal(kept.data, expected[at].data, kept.len);
    }
    if (count > 0) next(lines);
    assert_int_equal(lines->count, 0);
    ended(lines);
}

/* In one read, and in two with every border between them. */
static void assert_lines(struct reel_str bytes, size_t bound, const struct reel_str *expected,
                         size_t count) {
    assert_lines_of(file_of(bytes), bound, expected, count);
    for (size_t cut = 0; cut <= bytes.len; cut++)
        assert_lines_of(socket_of(bytes, cut), bound, expected, count);
}
#define LINES(...)                                                                                 \
    (const struct reel_str[]){__VA_ARGS__},                                                        \
        sizeof((const struct reel_str[]){__VA_ARGS__}) / sizeof(struct reel_str)

/* ---- Where lines end ------------------------------------------------------------------------- */

static void a_line_ends_with_lf_or_cr_lf(void **state) {
    (void)state;
    assert_lines(STR("one\ntwo\r\nthree\n"), 100, LINES(STR("one"), STR("two"), STR("three")));
}

static void the_last_line_may_have_no_end(void **state) {
    (void)state;
    assert_lines(STR("one\ntwo"), 100, LINES(STR("one"), STR("two")));
    assert_lines(STR("one\ntwo\r"), 100, LINES(STR("one"), STR("two")));
    assert_lines(STR("x"), 100, LINES(STR("x")));
}

static void empty_lines_are_none(void **state) {
    (void)state;
    assert_lines(STR(""), 100, NULL, 0);
    assert_lines(STR("\n"), 100, NULL, 0);
    assert_lines(STR("\r\n\n\r\n"), 100, NULL, 0);
    assert_lines(STR("\n\na\n\r\nb\n\n"), 100, LINES(STR("a"), STR("b")));
}

static void only_the_last_cr_belongs_to_the_end(void **state) {
    (void)state;
    assert_lines(STR("a\rb\n\r\r\n \r\n"), 100, LINES(STR("a\rb"), STR("\r"), STR(" ")));
}

static void a_nul_is_a_byte_like_any_other(void **state) {
    (void)state;
    assert_lines(STR("a\0b\n\0\n\0\0"), 100, LINES(STR("a\0b"), STR("\0"), STR("\0\0")));
}

/* ---- The bound ------------------------------------------------------------------------------- */

static void a_longer_line_is_passed_on_by_its_length(void **state) {
    (void)state;
    assert_lines(STR("abcdef\nxy\n"), 3, LINES(STR("abcdef"), STR("xy")));
    assert_lines(STR("abcdef"), 3, LINES(STR("abcdef")));
    assert_lines(STR("abcdef\r\nxyz\r\n"), 3, LINES(STR("abcdef"), STR("xyz")));
}

static void a_line_as_long_as_the_bound_is_whole(void **state) {
    (void)state;
    assert_lines(STR("abc\nabc\r\nabcd\r\nab\r\nabc"), 3,
                 LINES(STR("abc"), STR("abc"), STR("abcd"), STR("ab"), STR("abc")));
}

static void memory_is_bounded_by_what_is_kept(void **state) {
    (void)state;
    enum { LONG = 4 * CHUNK };
    char *bytes = malloc(LONG);
    must(bytes);
    memset(bytes, 'x', LONG);
    struct lines *lines = started(file_of((struct reel_str){bytes, LONG}), 1000);
    next(lines);
    assert_int_equal(lines->count, 1);
    assert_int_equal(lines->batch[0].len, LONG);
    assert_int_equal(lines->text.len, 1000);
    ended(lines);
    free(bytes);
}

/* ---- Long files ------------------------------------------------------------------------------ */

static void a_line_may_end_anywhere_about_a_chunks_end(void **state) {
    (void)state;
    char *bytes = malloc(2 * CHUNK);
    must(bytes);
    for (size_t end = CHUNK - 3; end <= CHUNK + 3; end++)
        for (int cr = 0; cr < 2; cr++) {
            memset(bytes, 'x', end);
            if (cr) bytes[end - 1] = '\r';
            memcpy(bytes + end, "\nlast", 5);
            const struct reel_str expected[] = {{bytes, cr ? end - 1 : end}, STR("last")};
            assert_lines_of(file_of((struct reel_str){bytes, end + 5}), 2 * CHUNK, expected, 2);
            assert_lines_of(file_of((struct reel_str){bytes, end + 5}), 100, expected, 2);
        }
    free(bytes);
}

static void a_long_file_comes_in_batches_with_every_line(void **state) {
    (void)state;
    enum { COUNT = 3 * LINES_BATCH_EVENTS + 5 };
    struct text text = {0};
    char part[32];
    for (size_t at = 0; at < COUNT; at++) {
        snprintf(part, sizeof part, "line %zu%s", at, at % 3 ? "\n" : "\r\n");
        text_append_lit(&text, part);
    }
    struct lines *lines = started(file_of(text_str(&text)), 100);
    size_t seen = 0, batches = 0;
    for (next(lines); lines->count > 0; next(lines), batches++)
        for (size_t at = 0; at < lines->count; at++) {
            snprintf(part, sizeof part, "line %zu", seen++);
            assert_bytes(lines->batch[at], reel_text(part));
        }
    assert_int_equal(seen, COUNT);
    assert_int_equal(batches, 4);
    ended(lines);
    text_finish(&text);
}

static void a_batch_is_bounded_in_bytes(void **state) {
    (void)state;
    enum { LINE = 1 << 20, COUNT = 20 };
    char *bytes = malloc((size_t)LINE * COUNT);
    must(bytes);
    memset(bytes, 'x', (size_t)LINE * COUNT);
    for (size_t at = 1; at <= COUNT; at++) bytes[at * LINE - 1] = '\n';
    struct lines *lines = started(file_of((struct reel_str){bytes, (size_t)LINE * COUNT}), LINE);
    size_t seen = 0;
    for (next(lines); lines->count > 0; next(lines)) {
        assert_true(lines->text.len < LINES_BATCH_BYTES + LINE);
        seen += lines->count;
    }
    assert_int_equal(seen, COUNT);
    ended(lines);
    free(bytes);
}

static void a_failed_read_is_told(void **state) {
    (void)state;
    struct reel_error error;
    struct lines *lines = started(dup(STDIN_FILENO), 100);
    close(lines->fd);
    lines->fd = -1;
    assert_int_equal(lines_next(lines, &error), -EBADF);
    assert_sentence(&error, "cannot read");
    lines_finish(lines);
    free(lines);
}

UNIT_TESTS(lines_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_with_lf_or_cr_lf),
        cmocka_unit_test(the_last_line_may_have_no_end),
        cmocka_unit_test(empty_lines_are_none),
        cmocka_unit_test(only_the_last_cr_belongs_to_the_end),
        cmocka_unit_test(a_nul_is_a_byte_like_any_other),
        cmocka_unit_test(a_longer_line_is_passed_on_by_its_length),
        cmocka_unit_test(a_line_as_long_as_the_bound_is_whole),
        cmocka_unit_test(memory_is_bounded_by_what_is_kept),
        cmocka_unit_test(a_line_may_end_anywhere_about_a_chunks_end),
        cmocka_unit_test(a_long_file_comes_in_batches_with_every_line),
        cmocka_unit_test(a_batch_is_bounded_in_bytes),
        cmocka_unit_test(a_failed_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
