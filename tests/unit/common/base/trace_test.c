/* trace_test.c: which topics are on, and what a line looks like. */
#include "unit.h"

#include "base/trace.h"

#include <unistd.h>

/* What `topic` writes to standard error with these topics on. */
static void traced(const char *names, enum trace_topic topic, const char *what, char ret[1024]) {
    char path[] = "/tmp/reel-trace-XXXXXX";
    int file = mkstemp(path), before = dup(STDERR_FILENO);
    must(file >= 0 && before >= 0 && trace_start(names, NULL) == 0);
    must(dup2(file, STDERR_FILENO) == STDERR_FILENO);
    TRACE(topic, "%s", what);
    must(dup2(before, STDERR_FILENO) == STDERR_FILENO);
    ssize_t len = pread(file, ret, 1023, 0);
    must(len >= 0);
    ret[len] = '\0';
    close(file);
    close(before);
    unlink(path);
    must(trace_start("", NULL) == 0);
}

static void only_topics_that_are_on_are_written(void **state) {
    char found[1024];
    (void)state;
    traced("feed,http", TRACE_WRITER, "no", found);
    assert_string_equal(found, "");
    traced("feed,http", TRACE_HTTP, "yes", found);
    assert_non_null(strstr(found, "Z trace http: yes\n"));
    traced("", TRACE_HTTP, "no", found);
    assert_string_equal(found, "");
}

static void a_line_begins_with_the_time_in_microseconds(void **state) {
    char found[1024];
    int year, micros, end = 0;
    (void)state;
    traced("writer", TRACE_WRITER, "group begun", found);
    assert_int_equal(sscanf(found, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%6dZ%n", &year, &micros, &end), 2);
    assert_string_equal(found + end, " trace writer: group begun\n");
}

static void a_long_line_is_cut_and_still_ends(void **state) {
    char found[1024], what[900];
    (void)state;
    memset(what, 'x', sizeof what - 1);
    what[sizeof what - 1] = '\0';
    traced("follow", TRACE_FOLLOW, what, found);
    assert_int_equal(strlen(found), 512);
    assert_string_equal(found + 510, "x\n");
}

static void an_unknown_topic_is_refused_and_changes_nothing(void **state) {
    struct reel_error error = {0};
    (void)state;
    must(trace_start("feed", NULL) == 0);
    assert_int_equal(trace_start("http,sql", &error), -EINVAL);
    assert_non_null(strstr(error.text, "`sql` is not a topic of traces"));
    assert_int_equal(trace_on, 1u << TRACE_FEED);
    must(trace_start("", NULL) == 0);
}

UNIT_TESTS(trace_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_topics_that_are_on_are_written),
        cmocka_unit_test(a_line_begins_with_the_time_in_microseconds),
        cmocka_unit_test(a_long_line_is_cut_and_still_ends),
        cmocka_unit_test(an_unknown_topic_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
