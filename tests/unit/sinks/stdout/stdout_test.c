/* stdout_test.c: the sink and its thread, writing to pipes and files of ours. */
#include "fake_host.h"

#include "stdout/gather.h"
#include "stdout/stdout.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, NEVER_MS = 1000000 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct sink {
    struct fake_host *fake;
    void *sink;
    int from, to; /* the ends of a pipe; -1: closed */
    char line[512];
};

static void set(struct fake_host *fake, const char *name, const char *value) {
    size_t at = 0;
    while (fake->settings[at].name) at++;
    must(at + 1 < LENGTH(fake->settings));
    fake->settings[at] = (struct fake_setting){name, value};
}

static void start_to(struct sink *sink, int fd, int position_ms) {
    struct reel_error error;
    must_ok(stdout_start_on(&sink->fake->host, fd, position_ms, &sink->sink, &error), error);
}

static struct sink started(struct fake_host *fake, int position_ms) {
    struct sink sink = {.fake = fake};
    int ends[2];
    must(pipe2(ends, O_CLOEXEC) == 0);
    sink.from = ends[0];
    sink.to = ends[1];
    start_to(&sink, sink.to, position_ms);
    return sink;
}

static void stopped(struct sink *sink) {
    stdout_sink.stop(sink->sink);
    if (sink->from >= 0) close(sink->from);
    if (sink->to >= 0) close(sink->to);
}

static void apply(struct sink *sink, const char *type) {
    fake_apply(sink->fake, type);
    stdout_sink.committed(sink->sink, position_of(sink->fake->reel).cursor);
}

/* The next line, without its end. */
static const char *next_line(struct sink *sink) {
    size_t len = 0;
    do {
        struct pollfd wanted = {.fd = sink->from, .events = POLLIN};
        must(len + 1 < sizeof sink->line);
        must(poll(&wanted, 1, PATIENCE_MS) == 1);
        must(read(sink->from, sink->line + len, 1) == 1);
    } while (sink->line[len++] != '\n');
    sink->line[len - 1] = '\0';
    return sink->line;
}

static int start_refused(struct fake_host *fake, struct reel_error *ret_error) {
    void *sink;
    int rc = stdout_start_on(&fake->host, STDOUT_FILENO, NEVER_MS, &sink, ret_error);
    must(rc < 0);
    return rc;
}

/* More than a pipe takes. */
static void apply_big(struct fake_host *fake) {
    enum { BIG = 512 << 10 };
    char *event = malloc(BIG + 64);
    must(event);
    must(sprintf(event, "{\"type\":\"big\",\"x\":\"%0*d\"}", BIG, 1) > BIG);
    apply_text(fake->reel, event, REEL_IGNORED);
    free(event);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- What is written ------------------------------------------------------------------------- */

static void new_events_are_written_at_once(void **state) {
    fake_apply(*state, "a");
    struct sink sink = started(*state, NEVER_MS);
    apply(&sink, "b");
    assert_string_equal(next_line(&sink),
                        "{\"seq\":2,\"event\":{\"type\":\"b\",\"subject\":\"2\"}}");
    apply(&sink, "c");
    assert_string_equal(next_line(&sink),
                        "{\"seq\":3,\"event\":{\"type\":\"c\",\"subject\":\"3\"}}");
    stopped(&sink);
}

static void it_goes_on_after_the_seq_that_it_is_given(void **state) {
    set(*state, "stdout_since", "1");
    fake_apply(*state, "a");
    fake_apply(*state, "b");
    struct sink sink = started(*state, NEVER_MS);
    assert_non_null(strstr(next_line(&sink), "{\"seq\":2,"));
    stopped(&sink);
}

static void events_are_filtered(void **state) {
    set(*state, "stdout_since", "0");
    set(*state, "stdout_type", "b");
    set(*state, "stdout_subject", "cellos.events.event.*");
    set(*state, "stdout_ce_subject", "3");
    fake_apply(*state, "a");
    fake_apply(*state, "b");
    fake_apply(*state, "b");
    struct sink sink = started(*state, NEVER_MS);
    assert_non_null(strstr(next_line(&sink), "{\"seq\":3,"));
    stopped(&sink);
}

static void when_nothing_matches_the_position_is_written(void **state) {
    set(*state, "stdout_type", "a");
    struct sink sink = started(*state, 50);
    apply(&sink, "b");
    assert_string_equal(next_line(&sink), "{\"seq\":1}");
    apply(&sink, "a");
    assert_non_null(strstr(next_line(&sink), "{\"seq\":2,"));
    apply(&sink, "b");
    assert_string_equal(next_line(&sink), "{\"seq\":3}");
    stopped(&sink);
}

static void changed_records_are_written(void **state) {
    struct fake_host *fake = *state;
    const struct reel_row row = {.key = STR("c1"), .json = STR("{}"), .changed = 1};
    const struct reel_changed_row changed = {"cells", &row};
    fake->changed = &changed;
    fake->changed_count = 1;
    set(fake, "stdout_format", "records");
    struct sink sink = started(fake, NEVER_MS);
    apply(&sink, "a");
    assert_string_equal(next_line(&sink),
                        "{\"seq\":1,\"collection\":\"cells\",\"key\":\"c1\",\"record\":{}}");
    stopped(&sink);
}

/* ---- Settings -------------------------------------------------------------------------------- */

static void a_since_that_is_no_number_is_refused(void **state) {
    struct fake_host *fake = *state;
    static const char *const bad[] = {
        "", "x", "-1", "1 ", "0x1", "99999999999999999999", "18446744073709551615"};
    struct reel_error error;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        fake->settings[0] = (struct fake_setting){"stdout_since", bad[i]};
        test_context("%s", bad[i]);
        assert_int_equal(start_refused(fake, &error), -EINVAL);
        assert_sentence(&error, "stdout_since: wanted a number");
    }
}

static void a_since_that_the_log_no_longer_reaches_is_refused(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    for (int i = 0; i < 5; i++) fake_apply(fake, "a");
    must_ok(reel_trim(fake->reel, 4, &error), error);
    set(fake, "stdout_since", "1");
    assert_int_equal(start_refused(fake, &error), -ERANGE);
    assert_sentence(&error, "stdout_since: ");
    assert_sentence(&error, "the log begins with event 4");
}

static void a_since_beyond_the_log_is_warned_about(void **state) {
    struct fake_host *fake = *state;
    set(fake, "stdout_since", "1");
    struct sink sink = started(fake, NEVER_MS);
    assert_int_equal(fake->warnings, 1);
    apply(&sink, "a");
    apply(&sink, "b");
    assert_non_null(strstr(next_line(&sink), "{\"seq\":2,"));
    stopped(&sink);
}

static void filters_that_make_no_sense_are_refused(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    set(fake, "stdout_subject", "a..b");
    assert_int_equal(start_refused(fake, &error), -EINVAL);
    assert_sentence(&error, "stdout_subject: \"a..b\"");
    fake->settings[0] = (struct fake_setting){"stdout_type", "a"};
    set(fake, "stdout_format", "records");
    assert_int_equal(start_refused(fake, &error), -EINVAL);
    assert_sentence(&error, "has no filters");
}

static void its_settings_are_as_the_host_wants_them(void **state) {
    (void)state;
    assert_int_equal(stdout_sink.struct_size, sizeof stdout_sink);
    for (size_t i = 0; stdout_sink.settings[i]; i++) {
        const struct reel_setting *setting = stdout_sink.settings[i];
        assert_int_equal(setting->struct_size, sizeof *setting);
        assert_int_equal(strncmp(setting->name, "stdout_", 7), 0);
        assert_non_null(setting->help);
        assert_true((setting->kind == REEL_SETTING_ONE_OF) == (setting->values != NULL));
    }
}

/* ---- Views ----------------------------------------------------------------------------------- */

static void a_view_is_tried_for_again(void **state) {
    struct fake_host *fake = *state;
    fake_apply(fake, "a");
    set(fake, "stdout_since", "0");
    fake->refuse_views = true;
    struct sink sink = started(fake, NEVER_MS);
    apply(&sink, "b");
    fake->refuse_views = false;
    assert_non_null(strstr(next_line(&sink), "{\"seq\":1,"));
    assert_non_null(strstr(next_line(&sink), "{\"seq\":2,"));
    stopped(&sink);
}

static void overtaken_by_trimming_it_ends_the_daemon(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    fake->refuse_views = true;
    struct sink sink = started(fake, NEVER_MS);
    for (int i = 0; i < 4; i++) fake_apply(fake, "a");
    must_ok(reel_trim(fake->reel, 3, &error), error);
    fake->refuse_views = false;
    stdout_sink.committed(sink.sink, 4);
    assert_quit(fake, 1, "stdout: the log was trimmed to event 3, and 0 was the last");
    stopped(&sink);
}

/* ---- Readers --------------------------------------------------------------------------------- */

static void a_reader_that_goes_ends_the_daemon_well(void **state) {
    struct sink sink = started(*state, NEVER_MS);
    close(sink.from);
    sink.from = -1;
    assert_quit(*state, 0, "stdout was closed");
    stdout_sink.drain(sink.sink, PATIENCE_MS); /* nothing is to be waited for */
    stopped(&sink);
}

static void so_does_one_that_goes_while_it_is_written_to(void **state) {
    struct sink sink = started(*state, NEVER_MS);
    apply_big(*state);
    stdout_sink.committed(sink.sink, 1);
    char byte;
    must(read(sink.from, &byte, 1) == 1);
    close(sink.from);
    sink.from = -1;
    assert_quit(*state, 0, "stdout was closed");
    stopped(&sink);
}

static void a_failed_write_ends_the_daemon_with_a_failure(void **state) {
    struct sink sink = {.fake = *state, .from = -1};
    sink.to = open("/dev/full", O_WRONLY | O_CLOEXEC);
    must(sink.to >= 0);
    start_to(&sink, sink.to, NEVER_MS);
    apply(&sink, "a");
    assert_quit(*state, 1, "cannot write to stdout: No space left");
    stopped(&sink);
}

static void a_reader_that_does_not_read_holds_nothing_up(void **state) {
    struct sink sink = started(*state, NEVER_MS);
    apply_big(*state);
    stdout_sink.committed(sink.sink, 1);
    char byte;
    must(read(sink.from, &byte, 1) == 1); /* it is writing */
    int64_t began = now_ms();
    stdout_sink.drain(sink.sink, 100);
    assert_true(now_ms() - began >= 100);
    stopped(&sink);
}

static void a_pipe_that_others_made_non_blocking_is_waited_for(void **state) {
    struct sink sink = started(*state, NEVER_MS);
    must(fcntl(sink.to, F_SETFL, O_NONBLOCK) == 0);
    apply_big(*state);
    apply(&sink, "last");
    char chunk[4096], last = 0;
    for (int lines = 0; lines < 2;) {
        ssize_t got = read(sink.from, chunk, sizeof chunk);
        must(got > 0);
        for (ssize_t i = 0; i < got; i++) lines += chunk[i] == '\n';
        last = chunk[got - 1];
    }
    assert_int_equal(last, '\n');
    stopped(&sink);
}

static void drained_is_when_all_is_written(void **state) {
    enum { COUNT = 1000 };
    struct sink sink = {.fake = *state, .from = -1, .to = memfd_create("stdout", MFD_CLOEXEC)};
    must(sink.to >= 0);
    set(*state, "stdout_since", "0");
    for (int i = 0; i < COUNT; i++) fake_apply(*state, "a");
    start_to(&sink, sink.to, NEVER_MS);
    stdout_sink.drain(sink.sink, PATIENCE_MS);
    struct stat found;
    must(fstat(sink.to, &found) == 0);
    char *written = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED, sink.to, 0);
    must(written != MAP_FAILED);
    size_t lines = 0;
    for (off_t i = 0; i < found.st_size; i++) lines += written[i] == '\n';
    assert_int_equal(lines, COUNT);
    must(munmap(written, (size_t)found.st_size) == 0);
    stopped(&sink);
}

static void it_stops_when_idle(void **state) {
    struct sink sink = started(*state, NEVER_MS);
    stdout_sink.drain(sink.sink, PATIENCE_MS);
    stopped(&sink);
}

UNIT_TESTS(stdout_test) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_stage_begin, fake_stage_end)
    const struct CMUnitTest tests[] = {
        TEST(new_events_are_written_at_once),
        TEST(it_goes_on_after_the_seq_that_it_is_given),
        TEST(events_are_filtered),
        TEST(when_nothing_matches_the_position_is_written),
        TEST(changed_records_are_written),
        TEST(a_since_that_is_no_number_is_refused),
        TEST(a_since_that_the_log_no_longer_reaches_is_refused),
        TEST(a_since_beyond_the_log_is_warned_about),
        TEST(filters_that_make_no_sense_are_refused),
        TEST(its_settings_are_as_the_host_wants_them),
        TEST(a_view_is_tried_for_again),
        TEST(overtaken_by_trimming_it_ends_the_daemon),
        TEST(a_reader_that_goes_ends_the_daemon_well),
        TEST(so_does_one_that_goes_while_it_is_written_to),
        TEST(a_failed_write_ends_the_daemon_with_a_failure),
        TEST(a_reader_that_does_not_read_holds_nothing_up),
        TEST(a_pipe_that_others_made_non_blocking_is_waited_for),
        TEST(drained_is_when_all_is_written),
        TEST(it_stops_when_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
