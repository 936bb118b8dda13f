/* testing_values_test.c: which values reel/testing.h takes for equal, and the clock of a test. */
#include <reel/testing.h>

/* ---- The plugin ------------------------------------------------------------------------------ */

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record = reel_upsert(tx, event->subject);
    reel_set_str(record, "time", event->time);
    return REEL_APPLIED;
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    struct reel_draft *draft = reel_draft(decision, "test.stamped", command->key);
    reel_draft_str(draft, "decided", command->time);
    return reel_accept(decision, command->key);
}

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "time", .kind = REEL_FIELD_STRING), NULL};
static const struct reel_command_info *const commands[] = {REEL_COMMAND(.verb = "stamp"), NULL};
static const char *const prefixes[] = {"test.", NULL};
static const struct reel_projector stamps = {
    .struct_size = sizeof stamps,
    .revision = 1,
    .collection = "stamps",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
    .commands = commands,
    .decide = decide,
};
static const struct reel_projector *const projectors[] = {&stamps, NULL};
REEL_PLUGIN("stamps", "1", projectors, NULL);

/* ---- Values ---------------------------------------------------------------------------------- */

struct pair {
    const char *wanted, *found;
};

static void compare(const struct pair *pairs, size_t count, bool same) {
    for (size_t at = 0; at < count; at++) {
        if (reel_test_same(reel_text(pairs[at].wanted), reel_text(pairs[at].found)) != same)
            fail_msg("%s and %s are %sthe same", pairs[at].wanted, pairs[at].found,
                     same ? "not " : "");
    }
}
#define SAME(pairs)  compare(pairs, sizeof(pairs) / sizeof *(pairs), true)
#define OTHER(pairs) compare(pairs, sizeof(pairs) / sizeof *(pairs), false)

static void numbers_are_equal_by_value(void **state) {
    static const struct pair same[] = {
        {"1.50", "1.5"},
        {"15e-1", "1.5"},
        {"100", "1e2"},
        {"0", "-0"},
        {"0.1", "1.0E-1"},
        {"[1.0]", "[1]"},
        {"-7", "-7.0"},
        {"{\"a\":1}", "{\"a\":1.0}"},
        {"12345678901234567890", "12345678901234567890"},
    };
    static const struct pair other[] = {
        {"1", "2"},    {"1", "\"1\""}, {"9007199254740993", "9007199254740992"},
        {"1", "true"}, {"1", "-1"},    {"1.5", "1.50000001"},
        {"0", "null"}, {"1", "[1]"},
    };
    (void)state;
    SAME(same);
    OTHER(other);
}

static void strings_are_equal_by_character(void **state) {
    static const struct pair same[] = {
        {"\"\\u0027\"", "\"'\""},
        {"\"\\u00e4\\u20ac\"", "\"\xc3\xa4\xe2\x82\xac\""},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        {"\"a\\/b\\n\"", "\"a/b\\u000a\""},
        {"\"\\u0000\"", "\"\\u0000\""},
        {"\"\"", "\"\""},
        {"{\"\\u0061\":1}", "{\"a\":1}"},
    };
    static const struct pair other[] = {
        {"\"a\"", "\"b\""},         {"\"a\"", "\"ab\""},         {"\"ab\"", "\"a\""},
        {"\"\"", "null"},           {"\"\\u00e4\"", "\"\xc3\""}, {"\"\\x\"", "\"x\""},
        {"\"\\u12\"", "\"\\u12\""},
    };
    (void)state;
    SAME(same);
    OTHER(other);
}

static void an_object_is_complete_unless_it_ends_with_dots(void **state) {
    static const struct pair same[] = {
        {"{\"a\":1,\"b\":2}", "{ \"b\" : 2 , \"a\" : 1 }"},
        {"{\"a\":1,\"b\":null}", "{\"a\":1}"},
        {"{\"a\":1, ...}", "{\"b\":2,\"a\":1}"},
        {"{...}", "{\"b\":2}"},
        {"{ ... }", "{}"},
        {"{\"a\":{\"b\":1, ... }}", "{\"a\":{\"c\":2,\"b\":1}}"},
        {"[{\"a\":*, ...}, {}]", "[{\"a\":1,\"b\":2}, {\"c\":null}]"},
    };
    static const struct pair other[] = {
        {"{\"a\":1}", "{\"a\":1,\"b\":2}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}"},
        {"{\"a\":2, ...}", "{\"b\":2,\"a\":1}"},
        {"{\"c\":2, ...}", "{\"a\":1}"},
        {"{\"a\":{\"b\":1}, ...}", "{\"a\":{\"c\":2,\"b\":1}}"},
        {"{\"a\":*, ...}", "{\"a\":null}"},
        {"{...}", "[]"},
        {"[1, ...]", "[1, 2]"},
        {"[1,2]", "[1]"},
        {"[1]", "[1,2]"},
        {"[]", "[1]"},
    };
    (void)state;
    SAME(same);
    OTHER(other);
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void events_and_commands_have_the_time_of_the_test(void **state) {
    struct reel_test *test = *state;
    reel_given(test, "test.stamped", "a", NULL);
    reel_then_record(test, "stamps", "a", "{'time': '" REEL_TEST_TIME "'}");
    reel_when_command(test, "stamps", "stamp", "a", NULL);
    reel_then_event(test, "test.stamped", "a", "{'decided': '" REEL_TEST_COMMAND_TIME "'}");
    reel_then_record(test, "stamps", "a", "{'time': '" REEL_TEST_COMMAND_TIME "'}");

    reel_given_time(test, "2031-05-06T09:08:09.25+02:00");
    reel_given(test, "test.stamped", "a", NULL);
    reel_then_record(test, "stamps", "a", "{'time': '2031-05-06T09:08:09.25+02:00'}");
    reel_when_command(test, "stamps", "stamp", "a", NULL);
    reel_then_event(test, "test.stamped", "a", "{'decided': '2031-05-06T07:08:09.250Z'}");
    reel_then_record(test, "stamps", "a", "{'time': '2031-05-06T07:08:09.250Z'}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        REEL_TEST(numbers_are_equal_by_value),
        REEL_TEST(strings_are_equal_by_character),
        REEL_TEST(an_object_is_complete_unless_it_ends_with_dots),
        REEL_TEST(events_and_commands_have_the_time_of_the_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
