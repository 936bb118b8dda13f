/* log_test.c: lines that are lines whatever is in them. */
#include "unit.h"

#include "base/text.h"
#include "daemon/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

/* stderr, while a test has it; what was written comes out of a pipe as it went in. */
static int saved_stderr = -1, reader = -1;

static void replace_stderr(int fd) {
    must(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
}

static int take_stderr(void **state) {
    (void)state;
    int ends[2];
    must(pipe2(ends, O_CLOEXEC) == 0);
    must(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
    saved_stderr = dup(STDERR_FILENO);
    replace_stderr(ends[1]);
    close(ends[1]);
    reader = ends[0];
    return 0;
}

static int give_stderr_back(void **state) {
    (void)state;
    replace_stderr(saved_stderr);
    close(saved_stderr);
    close(reader);
    return 0;
}

/* All that was written; there is no more after this. free() it. */
static char *written(size_t *ret_len) {
    struct text text = {0};
    char part[65536];
    ssize_t got;
    replace_stderr(saved_stderr);
    while ((got = read(reader, part, sizeof part)) > 0) text_append(&text, part, (size_t)got);
    must(got == 0);
    *ret_len = text.len;
    text_append(&text, "", 1);
    must(!text.failed);
    return text.data;
}

/* The one line, as JSON. */
static json_t *written_json(void) {
    size_t len;
    char *line = written(&len);
    assert_true(len > 1 && len <= LOG_LINE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    json_t *json = json_parsed(line, len);
    free(line);
    return json;
}

static const char *member(const json_t *json, const char *name) {
    const char *text = json_string_value(json_object_get(json, name));
    must(text);
    return text;
}

/* The same, however the message is given. */
static void assert_message(const char *given, size_t len, const char *expected) {
    for (int formatted = 0; formatted < 2; formatted++) {
        void *state = NULL;
        take_stderr(&state);
        if (formatted)
            log_line(REEL_LEVEL_ERROR, "test", "%.*s", (int)len, given);
        else
            log_line_str(REEL_LEVEL_ERROR, "test", (struct reel_str){given, len});
        json_t *json = written_json();
        assert_string_equal(member(json, "message"), expected);
        json_decref(json);
        give_stderr_back(&state);
    }
}

/* ---- What a line is -------------------------------------------------------------------------- */

/* As exact as the log's: time() may still be in the second before. */
static time_t seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

static void elsewhere_a_line_is_a_json_object(void **state) {
    (void)state;
    log_begin(REEL_LEVEL_INFO, false);
    time_t before = seconds_now();
    log_line(REEL_LEVEL_WARNING, "http", "%d clients of \"%s\"", 3, "x\\y");
    json_t *json = written_json();
    assert_int_equal(json_object_size(json), 4);
    assert_string_equal(member(json, "level"), "warning");
    assert_string_equal(member(json, "from"), "http");
    assert_string_equal(member(json, "message"), "3 clients of \"x\\y\"");
    struct tm parts = {0};
    const char *rest = strptime(member(json, "time"), "%Y-%m-%dT%H:%M:%S", &parts);
    must(rest && strlen(rest) == 5 && rest[0] == '.' && rest[4] == 'Z');
    time_t told = timegm(&parts);
    assert_true(told >= before && told <= seconds_now());
    json_decref(json);
}

static void on_a_terminal_a_line_is_for_people(void **state) {
    (void)state;
    size_t len;
    struct tm parts = {0};
    log_begin(REEL_LEVEL_INFO, true);
    log_line(REEL_LEVEL_ERROR, "reeld", "cannot \"do\" it");
    char *line = written(&len);
    char *rest = strptime(line, "%H:%M:%S", &parts);
    must(rest && strlen(rest) > 4 && rest[0] == '.');
    assert_string_equal(rest + 4, " error reeld: cannot \"do\" it\n");
    free(line);
}

static void a_line_below_the_level_is_not_written(void **state) {
    (void)state;
    size_t len;
    log_begin(REEL_LEVEL_WARNING, true);
    log_line(REEL_LEVEL_DEBUG, "a", "no");
    log_line(REEL_LEVEL_INFO, "a", "no");
    log_line(REEL_LEVEL_WARNING, "a", "yes");
    log_line(REEL_LEVEL_ERROR, "a", "yes");
    log_line(0, "a", "no");
    log_line(REEL_LEVEL_DEBUG + 1, "a", "no");
    char *lines = written(&len);
    assert_null(strstr(lines, "no"));
    assert_non_null(strstr(lines, " warning a: yes\n"));
    assert_non_null(strstr(lines, " error a: yes\n"));
    free(lines);
}

static void levels_have_names(void **state) {
    (void)state;
    assert_int_equal(log_level("error"), REEL_LEVEL_ERROR);
    assert_int_equal(log_level("warning"), REEL_LEVEL_WARNING);
    assert_int_equal(log_level("info"), REEL_LEVEL_INFO);
    assert_int_equal(log_level("debug"), REEL_LEVEL_DEBUG);
    assert_int_equal(log_level("loud"), 0);
    assert_int_equal(log_level(""), 0);
}

/* ---- What is in it --------------------------------------------------------------------------- */

static void control_characters_are_spaces(void **state) {
    (void)state;
    static const char given[] = "a\nb\rc\td\x1B[31me\x7F"
                                "f\xC2\x9Bg\xE2\x80\xA8h\xE2\x80\xA9i\xC2\xA0j";
    log_begin(REEL_LEVEL_INFO, false);
    assert_message(given, sizeof given - 1, "a b c d [31me f g h i\xC2\xA0j");
}

static void bytes_that_are_not_utf_8_become_question_marks(void **state) {
    (void)state;
    static const char given[] = "\xC3\xA4 \xFF\xC3 \xE2\x82 \xED\xA0\x80 \xF0\x9F\x98\x80\xC3";
    log_begin(REEL_LEVEL_INFO, false);
    assert_message(given, sizeof given - 1, "\xC3\xA4 ?? ?? ??? \xF0\x9F\x98\x80?");
}

static void a_sinks_name_is_made_harmless_too(void **state) {
    (void)state;
    char name[200] = "a\n\"\xFF";
    memset(name + 4, 'x', sizeof name - 5);
    log_begin(REEL_LEVEL_INFO, false);
    log_line(REEL_LEVEL_INFO, name, "m");
    json_t *json = written_json();
    assert_true(strncmp(member(json, "from"), "a \"?xxx", 7) == 0);
    assert_true(strlen(member(json, "from")) <= 64);
    json_decref(json);
}

/* Of characters of every width in a line, of those that take two bytes in JSON, and of those that
 * become another number of bytes; about as long as a line, and much longer. */
static void a_long_message_is_cut_between_characters(void **state) {
    (void)state;
    static const char *const fillers[] = {
        "x", "\"", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x01", "\xFF", "\xC2\x80"};
    static const size_t lens[] = {3800, 4000, 4094, 4095, 4096, 4097, 4098, 4099, 9000};
    char given[9100];
    log_begin(REEL_LEVEL_INFO, false);
    for (size_t i = 0; i < LENGTH(fillers) * LENGTH(lens); i++) {
        const char *filler = fillers[i % LENGTH(fillers)];
        size_t len = 0, bound = lens[i / LENGTH(fillers)];
        for (; len < bound; len += strlen(filler)) strcpy(given + len, filler);
        take_stderr(state);
        log_line(REEL_LEVEL_INFO, "test", "%s", given);
        json_t *json = written_json();
        const char *message = member(json, "message"), *mark = strstr(message, "…");
        if (mark) assert_string_equal(mark, "…");
        if (bound >= LOG_LINE_MAX && strlen(filler) == 1) assert_non_null(mark);
        json_decref(json);
        give_stderr_back(state);
    }
}

static void a_readable_line_is_bounded_too(void **state) {
    (void)state;
    size_t len;
    log_begin(REEL_LEVEL_INFO, true);
    log_line(REEL_LEVEL_INFO, "test", "%09000d\n%s", 1, "\x1B");
    char *line = written(&len);
    assert_in_range(len, 3000, LOG_LINE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    free(line);
}

/* ---- Where it goes --------------------------------------------------------------------------- */

static void nobody_reading_ends_nothing(void **state) {
    (void)state;
    log_begin(REEL_LEVEL_INFO, false);
    close(reader);
    reader = -1;
    errno = ENOENT;
    log_line(REEL_LEVEL_ERROR, "test", "into a pipe without a reader");
    assert_int_equal(errno, ENOENT);
    close(STDERR_FILENO);
    log_line(REEL_LEVEL_ERROR, "test", "into nothing");
    assert_int_equal(errno, ENOENT);
}

static void a_full_pipe_that_does_not_block_loses_lines_only(void **state) {
    (void)state;
    size_t len;
    log_begin(REEL_LEVEL_INFO, false);
    must(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK) == 0);
    for (int i = 0; i < 1000; i++) log_line(REEL_LEVEL_INFO, "test", "%04000d", i);
    char *lines = written(&len);
    for (char *left = lines, *line; (line = strsep(&left, "\n")) && *line;)
        json_decref(json_parsed(line, strlen(line)));
    free(lines);
}

enum { THREADS = 4, LINES = 200 };

static void *log_many(void *number) {
    for (int i = 0; i < LINES; i++)
        log_line(REEL_LEVEL_INFO, "test", "%d %0*d", *(int *)number, 10 + i, i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS], next[THREADS] = {0};
    size_t len;
    log_begin(REEL_LEVEL_INFO, false);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        must(pthread_create(&threads[i], NULL, log_many, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) must(pthread_join(threads[i], NULL) == 0);
    char *lines = written(&len);
    for (char *left = lines, *line; (line = strsep(&left, "\n")) && *line;) {
        json_t *json = json_parsed(line, strlen(line));
        char *rest;
        long thread = strtol(member(json, "message"), &rest, 10);
        must(thread >= 0 && thread < THREADS && strtol(rest, NULL, 10) == next[thread]++);
        json_decref(json);
    }
    for (int i = 0; i < THREADS; i++) assert_int_equal(next[i], LINES);
    free(lines);
}

/* ---- The queue ------------------------------------------------------------------------------- */

/* More than the pipe and the queue take together. */
enum { MANY_LINES = 4000, WAIT_MS = 60000 };

static void log_numbered(int from, int to) {
    for (int i = from; i < to; i++) log_line(REEL_LEVEL_INFO, "test", "%d %0500d", i, 0);
}

/* Reads until a line has this in it; what comes before must be the numbers from `next` on. */
static void read_numbers_until(FILE *from, int next, const char *end, int *ret_next) {
    char line[LOG_LINE_MAX + 1];
    for (;;) {
        must(fgets(line, sizeof line, from) != NULL);
        if (strstr(line, end)) break;
        json_t *json = json_parsed(line, strlen(line));
        assert_int_equal(atoi(member(json, "message")), next++);
        json_decref(json);
    }
    *ret_next = next;
}

static void logging_does_not_wait_for_a_reader(void **state) {
    (void)state;
    char notice[64];
    int next;
    FILE *from = fdopen(reader, "r");
    uint64_t before = log_queue_dropped();
    log_begin(REEL_LEVEL_INFO, false);
    must(fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096) > 0);
    must(log_queue_start() == 0);
    log_numbered(0, MANY_LINES);
    uint64_t dropped = log_queue_dropped() - before;
    assert_true(dropped > 0 && dropped < MANY_LINES);
    snprintf(notice, sizeof notice, "that were dropped: %d,", (int)dropped);
    read_numbers_until(from, 0, notice, &next);
    assert_int_equal(next + (int)dropped, MANY_LINES);
    log_line(REEL_LEVEL_INFO, "test", "the last one");
    read_numbers_until(from, 0, "the last one", &next);
    log_queue_stop(WAIT_MS);
    assert_int_equal(log_queue_dropped() - before, dropped);
    fclose(from);
    reader = dup(STDERR_FILENO); /* for give_stderr_back */
}

static void a_queue_that_is_stopped_has_been_written(void **state) {
    (void)state;
    size_t len;
    log_begin(REEL_LEVEL_INFO, false);
    must(log_queue_start() == 0);
    log_numbered(0, 100);
    log_queue_stop(WAIT_MS);
    log_numbered(100, 101); /* by itself again */
    char *lines = written(&len);
    int next = 0;
    for (char *left = lines, *line; (line = strsep(&left, "\n")) && *line; next++)
        assert_int_equal(atoi(strstr(line, "message\":\"") + 10), next);
    assert_int_equal(next, 101);
    free(lines);
}

static void someone_elses_o_nonblock_loses_nothing(void **state) {
    (void)state;
    int next;
    FILE *from = fdopen(reader, "r");
    log_begin(REEL_LEVEL_INFO, false);
    must(fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096) > 0);
    must(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK) == 0);
    must(log_queue_start() == 0);
    log_numbered(0, 200);
    log_line(REEL_LEVEL_INFO, "test", "the last one");
    read_numbers_until(from, 0, "the last one", &next);
    assert_int_equal(next, 200);
    log_queue_stop(WAIT_MS);
    fclose(from);
    reader = dup(STDERR_FILENO);
}

/* In a process of its own: the log's thread is left behind there. */
static void stopping_does_not_wait_for_a_reader_either(void **state) {
    (void)state;
    struct child child;
    if (child_begin(&child)) {
        log_begin(REEL_LEVEL_INFO, false);
        must(fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096) > 0);
        must(log_queue_start() == 0);
        log_numbered(0, MANY_LINES);
        log_queue_stop(10);
        log_numbered(0, MANY_LINES);
        child_end(0);
    }
    assert_int_equal(child_wait(&child), 0);
}

static void lines_that_nobody_reads_are_counted(void **state) {
    (void)state;
    uint64_t before = log_queue_dropped();
    log_begin(REEL_LEVEL_INFO, false);
    close(reader);
    reader = -1;
    must(log_queue_start() == 0);
    log_numbered(0, 10);
    log_queue_stop(WAIT_MS);
    assert_int_equal(log_queue_dropped() - before, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, take_stderr, give_stderr_back)

UNIT_TESTS(log_test) {
    const struct CMUnitTest tests[] = {
        TEST(elsewhere_a_line_is_a_json_object),
        TEST(on_a_terminal_a_line_is_for_people),
        TEST(a_line_below_the_level_is_not_written),
        TEST(a_sinks_name_is_made_harmless_too),
        TEST(a_readable_line_is_bounded_too),
        TEST(a_queue_that_is_stopped_has_been_written),
        TEST(logging_does_not_wait_for_a_reader),
        TEST(someone_elses_o_nonblock_loses_nothing),
        TEST(stopping_does_not_wait_for_a_reader_either),
        TEST(nobody_reading_ends_nothing),
        TEST(a_full_pipe_that_does_not_block_loses_lines_only),
        TEST(lines_of_threads_do_not_mix),
        TEST(lines_that_nobody_reads_are_counted),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(control_characters_are_spaces),
        cmocka_unit_test(bytes_that_are_not_utf_8_become_question_marks),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
