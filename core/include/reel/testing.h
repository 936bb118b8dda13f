/* reel/testing.h: given, when, then: tests of a plugin, with cmocka.
 *
 *     static void a_paid_order_is_shipped(void **state) {
 *         struct reel_test *test = *state;
 *         reel_given(test, "com.example.order.placed", "o-1", "{'quantity': 2}");
 *         reel_given(test, "com.example.order.paid", "o-1", "{}");
 *         reel_when_command(test, "orders", "ship", "o-1", "{'parcel': 'P-7'}");
 *         reel_then_event(test, "com.example.order.shipped", "o-1", "{'parcel': 'P-7'}");
 *         reel_then_record(test, "orders", "o-1",
 *                          "{'quantity': 2, 'parcel': 'P-7', 'state': 'shipped'}");
 *     }
 *
 *     int main(void) {
 *         const struct CMUnitTest tests[] = {REEL_TEST(a_paid_order_is_shipped)};
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 *
 * The plugin is compiled into the test program, which links with reel and cmocka. Each test has its
 * own Reel in memory, with this plugin in it. So a debugger, a sanitizer or a coverage tool sees
 * the plugin like any other code.
 *
 * In JSON, write ' in place of ", so that nothing must be escaped in a C string. An apostrophe is
 * written \u0027. White space between the parts of the JSON is ignored.
 *
 * An expected object is complete: a member that it does not name must be absent or null. An object
 * that ends with ... is partial: only the members that it names are compared, as in
 * {'state': 'shipped', ...}. The value * matches any value except null. Use it for members whose
 * value the command chooses, such as a key: {'id': *, 'state': 'placed'}. All this also holds for
 * objects within objects and arrays. The order of members does not matter. Numbers are equal if
 * their values are: 1.50 and 15e-1. Strings are equal if they have the same characters, with or
 * without escapes.
 *
 * Time. Each test has its own clock, which stands still: events and commands have the time
 * REEL_TEST_TIME, until reel_given_time sets another one.
 *
 * An expectation that is not met ends the test, and prints what was expected and what was found.
 * All functions are called on the thread that runs the test.
 */
#ifndef REEL_TESTING_H
#define REEL_TESTING_H

#include <reel/reel.h>
#include <reel/time.h>

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <cmocka.h> /* has no extern "C" of its own */

/* The `time` of the events that reel_given and reel_when make, and of commands, until
 * reel_given_time sets another one. The time of a command is always UTC with milliseconds:
 * REEL_TEST_COMMAND_TIME. */
#define REEL_TEST_TIME         "2030-01-02T03:04:05Z"
#define REEL_TEST_COMMAND_TIME "2030-01-02T03:04:05.000Z"

/* For cmocka's list of tests. */
#define REEL_TEST(function)                                                                        \
    cmocka_unit_test_setup_teardown(function, reel_test_setup, reel_test_teardown)

/* The state that cmocka passes to a test. */
struct reel_test {
    struct reel *reel; /* for the functions of reel.h */
    bool started;
    char time[64];   /* of the next event, as reel_given_time was given it */
    uint64_t now_ns; /* the same time, for the next command */

    /* The result of the last `when`. */
    bool commanded;                            /* it was a command */
    struct reel_command_result command_result; /* if it was a command */
    struct reel_result result;                 /* if it was an event */
    uint64_t seen_seq;                         /* of the last event that reel_then_event checked */

    bool forgot_events; /* by reel_then_rebuilt_same */

    const char *file; /* where the test is: the line of the running function */
    int line;
};

/* ---- Given ----------------------------------------------------------------------------------- */

/* Loads another plugin, whose collections this plugin's commands read or from which it derives.
 * Must be called first. */
#define reel_given_plugin(test, path) reel_test_plugin(REEL_TEST_HERE(test), path)

/* Gives a setting of a collection's projector a value, in place of its default. Must be called
 * before the first event and the first command. */
#define reel_given_setting(test, collection, name, value)                                          \
    reel_test_setting(REEL_TEST_HERE(test), collection, name, value)

/* The same for a REEL_SETTING_LIST: `values` is an array of texts that ends with NULL. */
#define reel_given_setting_items(test, collection, name, values)                                   \
    reel_test_setting_items(REEL_TEST_HERE(test), collection, name, values)

/* Sets the time of the events and commands after this: RFC 3339, in any zone, from 1970 on. Events
 * have the time as it is written here. */
#define reel_given_time(test, time) reel_test_time(REEL_TEST_HERE(test), time)

/* Applies an event, which a projector must apply. `subject` may be NULL. Type and subject are
 * written into the event's JSON without escapes. */
#define reel_given(test, type, subject, data)                                                      \
    reel_test_given(REEL_TEST_HERE(test), type, subject, data)

/* ---- When ------------------------------------------------------------------------------------ */

/* Applies an event, with any outcome. */
#define reel_when(test, type, subject, data)                                                       \
    reel_test_when(REEL_TEST_HERE(test), type, subject, data)

/* Applies the complete text of an event, which may be invalid, with any outcome. */
#define reel_when_payload(test, payload) reel_test_payload(REEL_TEST_HERE(test), payload)

/* Gives a command. `key` is NULL for "create"; `body` is JSON, or NULL for no body. */
#define reel_when_command(test, collection, verb, key, body)                                       \
    reel_test_command(REEL_TEST_HERE(test), NULL, collection, verb, key, body)

/* The same in somebody's name (reel_command.principal). */
#define reel_when_command_as(test, principal, collection, verb, key, body)                         \
    reel_test_command(REEL_TEST_HERE(test), principal, collection, verb, key, body)

/* ---- Then ------------------------------------------------------------------------------------ */

/* Check the outcome of the event. The reason of a rejection must contain `part`. */
#define reel_then_applied(test)        reel_test_outcome(REEL_TEST_HERE(test), REEL_APPLIED, NULL)
#define reel_then_ignored(test)        reel_test_outcome(REEL_TEST_HERE(test), REEL_IGNORED, NULL)
#define reel_then_rejected(test, part) reel_test_outcome(REEL_TEST_HERE(test), REEL_REJECTED, part)

/* Checks that the projector of this collection rejected the event, and that its reason contains
 * `part`; whatever the others did. A derived collection can reject what its source has applied. */
#define reel_then_rejected_by(test, collection, part)                                              \
    reel_test_rejected_by(REEL_TEST_HERE(test), collection, part)

/* Checks that the command was refused with this problem ("conflict"), and that its detail contains
 * `part`. */
#define reel_then_refused(test, problem, part)                                                     \
    reel_test_refused(REEL_TEST_HERE(test), problem, part)

/* Checks the next event that the command made: the first call checks the first event. `subject` may
 * be NULL: any subject. */
#define reel_then_event(test, type, subject, data)                                                 \
    reel_test_event(REEL_TEST_HERE(test), type, subject, data)

/* Checks that the command made no event, or no further event. */
#define reel_then_no_event(test) reel_test_no_event(REEL_TEST_HERE(test))

/* Checks the record with this key; key NULL: the record of the command. */
#define reel_then_record(test, collection, key, fields)                                            \
    reel_test_record(REEL_TEST_HERE(test), collection, key, fields)

/* Checks that there is no record with this key. */
#define reel_then_no_record(test, collection, key)                                                 \
    reel_test_no_record(REEL_TEST_HERE(test), collection, key)

/* Checks the number of records in the collection. */
#define reel_then_count(test, collection, count)                                                   \
    reel_test_count(REEL_TEST_HERE(test), collection, count)

/* Rebuilds the collection, and checks that its records are as before. If it is derived, it is
 * rebuilt with its source from all events; and with REEL_DERIVE_FROM_RECORDS, from the records of
 * its source, too, for which all events so far are forgotten: no other reel_then_rebuilt_same may
 * follow in this test. */
#define reel_then_rebuilt_same(test, collection)                                                   \
    reel_test_rebuilt_same(REEL_TEST_HERE(test), collection)

/* ---- Implementation -------------------------------------------------------------------------- */

#define REEL_TEST_HERE(test) reel_test_here(test, __FILE__, __LINE__)

static inline struct reel_test *reel_test_here(struct reel_test *test, const char *file, int line) {
    test->file = file;
    test->line = line;
    return test;
}

/* Ends the test. */
REEL_PRINTF(2, 3)
__attribute__((noreturn)) static inline void reel_test_fail(const struct reel_test *test,
                                                            const char *format, ...) {
    char text[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("%s:%d: %s\n", test->file, test->line, text);
    _fail(test->file, test->line);
    abort(); /* _fail does not return, but is not declared so */
}

static inline uint64_t reel_test_now(void *context) {
    return ((const struct reel_test *)context)->now_ns;
}

static inline void reel_test_time(struct reel_test *test, const char *time) {
    int64_t ns = -1;
    if (strlen(time) >= sizeof test->time || !reel_time_read(reel_text(time), &ns) || ns < 0)
        reel_test_fail(test, "not a time of RFC 3339 since 1970: %s", time);
    memcpy(test->time, time, strlen(time) + 1);
    test->now_ns = (uint64_t)ns;
}

static inline int reel_test_setup(void **state) {
    struct reel_test *test = (struct reel_test *)calloc(1, sizeof *test);
    struct reel_options options;
    struct reel_error error;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.now = reel_test_now;
    options.context = test;
    if (!test) return -1;
    reel_test_time(test, REEL_TEST_TIME);
    if (reel_open(&options, &test->reel, &error) < 0 ||
        reel_add_plugin(test->reel, &reel_plugin, &error) < 0) {
        print_error("%s\n", error.text);
        reel_close(test->reel);
        free(test);
        return -1;
    }
    *state = test;
    return 0;
}

static inline int reel_test_teardown(void **state) {
    struct reel_test *test = (struct reel_test *)*state;
    if (test->commanded) reel_command_result_finish(&test->command_result);
    reel_close(test->reel);
    free(test);
    return 0;
}

static inline void reel_test_plugin(struct reel_test *test, const char *path) {
    struct reel_error error;
    if (test->started) reel_test_fail(test, "plugins come before anything else");
    if (reel_load_plugin(test->reel, path, &error) < 0) reel_test_fail(test, "%s", error.text);
}

static inline void reel_test_setting_items(struct reel_test *test, const char *collection,
                                           const char *name, const char *const *values) {
    struct reel_error error;
    if (test->started) reel_test_fail(test, "settings come before events and commands");
    if (reel_set_setting(test->reel, collection, name, values, &error) < 0)
        reel_test_fail(test, "%s", error.text);
}

static inline void reel_test_setting(struct reel_test *test, const char *collection,
                                     const char *name, const char *value) {
    const char *values[2];
    values[0] = value;
    values[1] = NULL;
    reel_test_setting_items(test, collection, name, values);
}

/* Starts the Reel, unless it is started. reel_test_setup does not start it, because a test may
 * first load other plugins. */
static inline void reel_test_start(struct reel_test *test) {
    struct reel_error error;
    if (test->started) return;
    if (reel_start(test->reel, &error) < 0) reel_test_fail(test, "%s", error.text);
    test->started = true;
}

/* ---- Text ------------------------------------------------------------------------------------ */

static inline char *reel_test_copy(const struct reel_test *test, struct reel_str str) {
    char *copy = (char *)malloc(str.len + 1);
    if (!copy) {
        reel_test_fail(test, "out of memory");
        return NULL;
    }
    if (str.len > 0) memcpy(copy, str.data, str.len);
    copy[str.len] = '\0';
    return copy;
}

/* A copy with " in place of '. */
static inline char *reel_test_json(const struct reel_test *test, const char *text) {
    char *json = reel_test_copy(test, reel_text(text));
    char *quote = json;
    while ((quote = strchr(quote, '\'')) != NULL) *quote = '"';
    return json;
}

static inline bool reel_test_is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline void reel_test_skip_space(struct reel_str *rest) {
    while (rest->len > 0 && reel_test_is_space(rest->data[0])) {
        rest->data++;
        rest->len--;
    }
}

/* Cuts one value off `rest`, up to the comma, colon or bracket that ends it. */
static inline struct reel_str reel_test_cut_value(struct reel_str *rest) {
    struct reel_str value = *rest;
    size_t at = 0, depth = 0;
    bool quoted = false;
    for (; at < rest->len; at++) {
        char c = rest->data[at];
        if (quoted && c == '\\') {
            at++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            continue;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']')) {
            break;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    if (at > rest->len) at = rest->len;
    rest->data += at;
    rest->len -= at;
    value.len = at;
    while (value.len > 0 && reel_test_is_space(value.data[value.len - 1])) value.len--;
    return value;
}

/* True at the end of a partial object: ...} */
static inline bool reel_test_is_partial(struct reel_str rest) {
    if (rest.len < 4 || memcmp(rest.data, "...", 3) != 0) return false;
    rest.data += 3;
    rest.len -= 3;
    reel_test_skip_space(&rest);
    return reel_str_is(rest, "}");
}

/* Takes the next member of an object. `rest` is the whole object at first. Returns false after the
 * last member; `rest` is then the closing brace, after the dots of a partial object, or empty if
 * the object is malformed. */
static inline bool reel_test_next(struct reel_str *rest, struct reel_str *ret_name,
                                  struct reel_str *ret_value) {
    reel_test_skip_space(rest);
    if (rest->len == 0 || (rest->data[0] != '{' && rest->data[0] != ',')) return false;
    rest->data++;
    rest->len--;
    reel_test_skip_space(rest);
    if (reel_str_is(*rest, "}")) return false; /* {} */
    if (reel_test_is_partial(*rest)) return false;
    *ret_name = reel_test_cut_value(rest);
    if (rest->len == 0 || rest->data[0] != ':') {
        rest->len = 0;
        return false;
    }
    rest->data++;
    rest->len--;
    reel_test_skip_space(rest);
    *ret_value = reel_test_cut_value(rest);
    return ret_name->len > 0 && ret_value->len > 0;
}

/* ---- Comparing values ------------------------------------------------------------------------ */

static inline bool reel_test_hex(struct reel_str *rest, uint32_t *ret) {
    *ret = 0;
    for (int n = 0; n < 4; n++, rest->data++, rest->len--) {
        const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *found = rest->len > 0 && *rest->data ? strchr(digits, *rest->data) : NULL;
        if (!found) return false;
        *ret = *ret * 16 + (uint32_t)((found - digits) % 16);
    }
    return true;
}

/* Takes the character after a backslash, as a code point. */
static inline bool reel_test_escape(struct reel_str *rest, uint32_t *ret) {
    const char escapes[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
    uint32_t low;
    if (rest->len == 0) return false;
    char c = *rest->data++;
    rest->len--;
    const char *found = c ? strchr(escapes, c) : NULL;
    if (found) *ret = (uint32_t)characters[found - escapes];
    if (found || c != 'u' || !reel_test_hex(rest, ret)) return found != NULL;
    if (*ret < 0xd800 || *ret > 0xdbff) return true;
    if (rest->len < 6 || rest->data[0] != '\\' || rest->data[1] != 'u') return true;
    rest->data += 2;
    rest->len -= 2;
    if (!reel_test_hex(rest, &low)) return false;
    *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* The next bytes of a string in UTF-8, without escapes. Returns their number; 0 at its end, or if
 * it is malformed. */
static inline size_t reel_test_character(struct reel_str *rest, unsigned char ret[4]) {
    uint32_t code;
    if (rest->len == 0 || rest->data[0] == '"') return 0;
    ret[0] = (unsigned char)*rest->data++;
    rest->len--;
    if (ret[0] != '\\') return 1;
    if (!reel_test_escape(rest, &code)) {
        rest->len = 0;
        return 0;
    }
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t n = len; n > 1; n--, code >>= 6) ret[n - 1] = (unsigned char)(0x80 | (code & 0x3f));
    ret[0] = (unsigned char)(len == 1 ? code : (0xf00U >> len & 0xf0) | code);
    return len;
}

/* True if both strings, with their quotes, have the same characters. */
static inline bool reel_test_same_string(struct reel_str a, struct reel_str b) {
    unsigned char from_a[4], from_b[4];
    size_t a_left = 0, b_left = 0, a_len = 0, b_len = 0;
    if (a.len < 2 || b.len < 2 || a.data[0] != '"' || b.data[0] != '"') return false;
    a.data++, a.len--;
    b.data++, b.len--;
    for (;;) {
        if (a_left == 0) a_left = a_len = reel_test_character(&a, from_a);
        if (b_left == 0) b_left = b_len = reel_test_character(&b, from_b);
        if (a_left == 0 || b_left == 0) break;
        if (from_a[a_len - a_left] != from_b[b_len - b_left]) return false;
        a_left--, b_left--;
    }
    return a_left == b_left && reel_str_is(a, "\"") && reel_str_is(b, "\"");
}

/* The value of the member with this name, which includes its quotes; "null" if there is none. */
static inline struct reel_str reel_test_member(struct reel_str object, struct reel_str name) {
    struct reel_str found = reel_text("null"), each, value;
    while (reel_test_next(&object, &each, &value))
        if (reel_test_same_string(each, name)) found = value;
    return found;
}

static inline bool reel_test_is_number(struct reel_str text) {
    return text.len > 0 && (text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9'));
}

/* Integers of 64 bits are compared exactly, other numbers as doubles. Both texts end before another
 * character, so that the functions of C stop there. */
static inline bool reel_test_same_number(struct reel_str a, struct reel_str b) {
    char *a_end, *b_end;
    errno = 0;
    long long a_integer = strtoll(a.data, &a_end, 10), b_integer = strtoll(b.data, &b_end, 10);
    if (errno == 0 && a_end == a.data + a.len && b_end == b.data + b.len)
        return a_integer == b_integer;
    double a_number = strtod(a.data, &a_end), b_number = strtod(b.data, &b_end);
    return a_end == a.data + a.len && b_end == b.data + b.len && a_number == b_number;
}

static inline bool reel_test_same(struct reel_str want, struct reel_str have);

/* Takes the next element of an array; `rest` is the whole array at first. Returns false at its end,
 * where `rest` is the closing bracket. */
static inline bool reel_test_element(struct reel_str *rest, struct reel_str *ret) {
    reel_test_skip_space(rest);
    if (rest->len == 0 || (rest->data[0] != '[' && rest->data[0] != ',')) return false;
    rest->data++;
    rest->len--;
    reel_test_skip_space(rest);
    if (reel_str_is(*rest, "]")) return false; /* [] */
    *ret = reel_test_cut_value(rest);
    return ret->len > 0;
}

static inline bool reel_test_same_array(struct reel_str want, struct reel_str have) {
    struct reel_str one, other;
    for (;;) {
        bool has_one = reel_test_element(&want, &one), has_other = reel_test_element(&have, &other);
        if (!has_one || !has_other)
            return has_one == has_other && reel_str_is(want, "]") && reel_str_is(have, "]");
        if (!reel_test_same(one, other)) return false;
    }
}

static inline bool reel_test_same_object(struct reel_str want, struct reel_str have) {
    struct reel_str rest = want, name, value;
    while (reel_test_next(&rest, &name, &value))
        if (!reel_test_same(value, reel_test_member(have, name))) return false;
    if (reel_test_is_partial(rest)) return true;
    for (rest = have; reel_test_next(&rest, &name, &value);)
        if (!reel_test_same(reel_test_member(want, name), value)) return false;
    return true;
}

/* True if a value is as expected. */
static inline bool reel_test_same(struct reel_str want, struct reel_str have) {
    if (reel_str_is(want, "*")) return !reel_str_is(have, "null");
    if (want.len == 0 || have.len == 0) return want.len == have.len;
    if (reel_test_is_number(want) && reel_test_is_number(have))
        return reel_test_same_number(want, have);
    if (want.data[0] != have.data[0]) return false;
    if (want.data[0] == '{') return reel_test_same_object(want, have);
    if (want.data[0] == '[') return reel_test_same_array(want, have);
    return want.data[0] == '"' ? reel_test_same_string(want, have) : reel_str_eq(want, have);
}

static inline void reel_test_compare(const struct reel_test *test, const char *what,
                                     struct reel_str wanted, struct reel_str found,
                                     struct reel_str name) {
    struct reel_str want = reel_test_member(wanted, name), have = reel_test_member(found, name);
    if (!reel_test_same(want, have))
        reel_test_fail(test,
                       "%s: the member %.*s is not as expected\n"
                       "  expected: %.*s\n"
                       "  found:    %.*s\n"
                       "  in:       %.*s",
                       what, REEL_FMT(name), REEL_FMT(want), REEL_FMT(have), REEL_FMT(found));
}

static inline bool reel_test_is_object(struct reel_str text) {
    struct reel_str name, value;
    while (reel_test_next(&text, &name, &value)) continue;
    reel_test_skip_space(&text);
    return reel_str_is(text, "}") || reel_test_is_partial(text);
}

/* Compares the members of both objects, so that a member that only one of them has is found, unless
 * what is expected is partial. */
static inline void reel_test_compare_all(const struct reel_test *test, const char *what,
                                         const char *wanted, struct reel_str found) {
    char *json = reel_test_json(test, wanted);
    struct reel_str want = reel_text(json), rest = want, name, value;
    if (!reel_test_is_object(want))
        reel_test_fail(test, "%s: what is expected is not a JSON object: %s", what, json);
    while (reel_test_next(&rest, &name, &value)) reel_test_compare(test, what, want, found, name);
    rest = reel_test_is_partial(rest) ? reel_text(NULL) : found;
    while (reel_test_next(&rest, &name, &value)) reel_test_compare(test, what, want, found, name);
    free(json);
}

/* ---- Implementation of given and when -------------------------------------------------------- */

static inline void reel_test_payload(struct reel_test *test, const char *payload) {
    struct reel_error error;
    char *json = reel_test_json(test, payload);
    reel_test_start(test);
    if (test->commanded) reel_command_result_finish(&test->command_result);
    test->commanded = false;
    if (reel_apply(test->reel, reel_text(json), &test->result, &error) < 0)
        reel_test_fail(test, "%s", error.text);
    free(json);
}

static inline void reel_test_when(struct reel_test *test, const char *type, const char *subject,
                                  const char *data) {
    static const char format[] =
        "{'specversion':'1.0','id':'%" PRIu64 "','source':'/test','type':'%s',"
        "'time':'%s'%s%s%s,'data':%s}";
    reel_test_start(test);
    uint64_t id = reel_cursor(test->reel) + 1;
    size_t size = sizeof format + sizeof test->time + 64 + strlen(type) +
                  (subject ? strlen(subject) : 0) + (data ? strlen(data) : 0);
    char *payload = (char *)malloc(size);
    if (!payload) reel_test_fail(test, "out of memory");
    snprintf(payload, size, format, id, type, test->time, subject ? ",'subject':'" : "",
             subject ? subject : "", subject ? "'" : "", data ? data : "null");
    reel_test_payload(test, payload);
    free(payload);
}

/* The reasons for which projectors rejected the last event. */
struct reel_test_reason {
    uint64_t seq;
    char text[4096];
};

static inline int reel_test_copy_reason(void *context, const struct reel_rejection *rejection) {
    struct reel_test_reason *reason = (struct reel_test_reason *)context;
    size_t len = strlen(reason->text);
    if (rejection->seq != reason->seq) return 1; /* the newest event comes first */
    snprintf(reason->text + len, sizeof reason->text - len, "%s%.*s", len > 0 ? "; " : "",
             REEL_FMT(rejection->reason));
    return 0;
}

static inline struct reel_view *reel_test_view(struct reel_test *test) {
    struct reel_view *view = NULL;
    struct reel_error error;
    reel_test_start(test);
    if (reel_view_open(test->reel, &view, &error) < 0) reel_test_fail(test, "%s", error.text);
    return view;
}

static inline void reel_test_outcome(struct reel_test *test, reel_outcome wanted,
                                     const char *part) {
    static const char *const names[] = {"in no state", "applied", "ignored", "rejected"};
    struct reel_test_reason reason;
    reason.seq = test->result.seq;
    reason.text[0] = '\0';
    if (test->commanded || test->result.seq == 0)
        reel_test_fail(test, "the last thing that happened is not an event");
    struct reel_view *view = reel_test_view(test);
    int rc = reel_view_rejected(view, UINT64_MAX, reel_test_copy_reason, &reason);
    reel_view_close(view);
    if (rc < 0) reel_test_fail(test, "the rejections cannot be read: %s", strerror(-rc));
    if (test->result.outcome != wanted)
        reel_test_fail(test, "the event was %s, expected it to be %s%s%s",
                       names[test->result.outcome & 3], names[wanted & 3],
                       reason.text[0] ? ": " : "", reason.text);
    if (part && !strstr(reason.text, part))
        reel_test_fail(test,
                       "the event was rejected for another reason\n"
                       "  expected: … %s …\n"
                       "  found:    %s",
                       part, reason.text);
}

/* The reason of one collection. */
struct reel_test_part {
    const char *collection;
    bool found;
    struct reel_test_reason reason;
};

static inline int reel_test_copy_part(void *context, const struct reel_rejection *rejection) {
    struct reel_test_part *part = (struct reel_test_part *)context;
    if (rejection->seq != part->reason.seq) return 1;
    if (!reel_str_is(rejection->collection, part->collection)) return 0;
    part->found = true;
    return reel_test_copy_reason(&part->reason, rejection);
}

static inline void reel_test_rejected_by(struct reel_test *test, const char *collection,
                                         const char *wanted) {
    struct reel_test_part part;
    part.collection = collection;
    part.found = false;
    part.reason.seq = test->result.seq;
    part.reason.text[0] = '\0';
    if (test->commanded || test->result.seq == 0)
        reel_test_fail(test, "the last thing that happened is not an event");
    struct reel_view *view = reel_test_view(test);
    int rc = reel_view_rejected(view, UINT64_MAX, reel_test_copy_part, &part);
    reel_view_close(view);
    if (rc < 0) reel_test_fail(test, "the rejections cannot be read: %s", strerror(-rc));
    if (!part.found)
        reel_test_fail(test, "%s did not reject the event, expected: … %s …", collection, wanted);
    if (!strstr(part.reason.text, wanted))
        reel_test_fail(test,
                       "%s rejected the event for another reason\n"
                       "  expected: … %s …\n"
                       "  found:    %s",
                       collection, wanted, part.reason.text);
}

static inline void reel_test_given(struct reel_test *test, const char *type, const char *subject,
                                   const char *data) {
    reel_test_when(test, type, subject, data);
    reel_test_outcome(test, REEL_APPLIED, NULL);
}

static inline void reel_test_command(struct reel_test *test, const char *principal,
                                     const char *collection, const char *verb, const char *key,
                                     const char *body) {
    struct reel_command_request request;
    struct reel_error error;
    char *json = reel_test_json(test, body ? body : "");
    reel_test_start(test);
    if (test->commanded) reel_command_result_finish(&test->command_result);
    test->commanded = false;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.collection = reel_text(collection);
    request.verb = reel_text(verb);
    request.key = reel_text(key);
    request.body = reel_text(json);
    request.principal = reel_text(principal);
    test->seen_seq = reel_cursor(test->reel);
    if (reel_command(test->reel, &request, &test->command_result, &error) < 0)
        reel_test_fail(test, "%s", error.text);
    test->commanded = true;
    free(json);
}

/* ---- Implementation of then ------------------------------------------------------------------ */

static inline void reel_test_accepted(const struct reel_test *test) {
    if (!test->commanded) reel_test_fail(test, "the last thing that happened is not a command");
    if (!test->command_result.accepted)
        reel_test_fail(test, "the command was refused: %s: %s", test->command_result.problem,
                       test->command_result.detail);
}

static inline void reel_test_refused(const struct reel_test *test, const char *problem,
                                     const char *part) {
    if (!test->commanded) reel_test_fail(test, "the last thing that happened is not a command");
    if (test->command_result.accepted)
        reel_test_fail(test, "the command was accepted, expected it to be refused: %s", problem);
    if (strcmp(test->command_result.problem, problem) != 0 ||
        !strstr(test->command_result.detail, part))
        reel_test_fail(test,
                       "the command was refused for another reason\n"
                       "  expected: %s: … %s …\n"
                       "  found:    %s: %s",
                       problem, part, test->command_result.problem, test->command_result.detail);
}

/* A copy of an event's or a record's text. A test must not end within a walk, so it is checked
 * later. */
struct reel_test_found {
    const struct reel_test *test;
    uint64_t seq;
    char *text;
};

static inline int reel_test_copy_entry(void *context, const struct reel_entry *entry) {
    struct reel_test_found *found = (struct reel_test_found *)context;
    found->text = reel_test_copy(found->test, entry->bytes);
    found->seq = entry->seq;
    return 1;
}

/* The next event that the command made; text NULL: there is no further event. */
static inline struct reel_test_found reel_test_next_event(struct reel_test *test) {
    struct reel_test_found found = {test, 0, NULL};
    reel_test_accepted(test);
    struct reel_view *view = reel_test_view(test);
    int rc = reel_view_log(view, test->seen_seq + 1, reel_test_copy_entry, &found);
    reel_view_close(view);
    if (rc < 0) reel_test_fail(test, "the log cannot be read: %s", strerror(-rc));
    return found;
}

static inline void reel_test_event(struct reel_test *test, const char *type, const char *subject,
                                   const char *data) {
    struct reel_test_found found = reel_test_next_event(test);
    if (!found.text) {
        reel_test_fail(test, "the command made no further event, expected %s", type);
        return;
    }
    struct reel_str event = reel_text(found.text);
    struct reel_str have = reel_test_member(event, reel_text("\"type\""));
    if (have.len != strlen(type) + 2 || memcmp(have.data + 1, type, have.len - 2) != 0)
        reel_test_fail(test, "the command made another event\n  expected: \"%s\"\n  found:    %s",
                       type, found.text);
    have = reel_test_member(event, reel_text("\"subject\""));
    if (subject &&
        (have.len != strlen(subject) + 2 || memcmp(have.data + 1, subject, have.len - 2) != 0))
        reel_test_fail(test, "the event has another subject\n  expected: \"%s\"\n  found:    %s",
                       subject, found.text);
    reel_test_compare_all(test, type, data, reel_test_member(event, reel_text("\"data\"")));
    test->seen_seq = found.seq;
    free(found.text);
}

static inline void reel_test_no_event(struct reel_test *test) {
    if (!test->commanded) reel_test_fail(test, "the last thing that happened is not a command");
    if (!test->command_result.accepted) return;
    struct reel_test_found found = reel_test_next_event(test);
    if (found.text) reel_test_fail(test, "the command made an event: %s", found.text);
}

static inline int reel_test_copy_row(void *context, const struct reel_row *row) {
    struct reel_test_found *found = (struct reel_test_found *)context;
    found->text = reel_test_copy(found->test, row->json);
    return 0;
}

/* The record's JSON, or NULL. */
static inline char *reel_test_find(struct reel_test *test, const char *collection,
                                   struct reel_str key) {
    struct reel_test_found found = {test, 0, NULL};
    struct reel_key canonical;
    struct reel_view *view = reel_test_view(test);
    int rc = reel_canonical_key(test->reel, collection, key, &canonical);
    if (rc == 0) rc = reel_view_get(view, collection, canonical.str, reel_test_copy_row, &found);
    reel_view_close(view);
    if (rc == 1) reel_test_fail(test, "%.*s cannot be a key of %s", REEL_FMT(key), collection);
    if (rc < 0 && rc != -ENOENT)
        reel_test_fail(test, "cannot read %s: %s", collection,
                       rc == -ESRCH ? "there is no such collection" : strerror(-rc));
    return found.text;
}

static inline void reel_test_record(struct reel_test *test, const char *collection, const char *key,
                                    const char *fields) {
    struct reel_str given = reel_text(key);
    char what[256];
    if (!key) {
        reel_test_accepted(test);
        given.data = test->command_result.key;
        given.len = test->command_result.key_len;
    }
    snprintf(what, sizeof what, "%s/%.*s", collection, REEL_FMT(given));
    char *text = reel_test_find(test, collection, given);
    if (!text) reel_test_fail(test, "%s: there is no such record", what);
    reel_test_compare_all(test, what, fields, reel_text(text));
    free(text);
}

static inline void reel_test_no_record(struct reel_test *test, const char *collection,
                                       const char *key) {
    char *text = reel_test_find(test, collection, reel_text(key));
    if (text) reel_test_fail(test, "%s/%s: the record exists: %s", collection, key, text);
}

static inline void reel_test_count(struct reel_test *test, const char *collection,
                                   uint64_t wanted) {
    struct reel_collection_info info;
    struct reel_view *view = reel_test_view(test);
    int rc = reel_view_collection(view, collection, &info);
    reel_view_close(view);
    if (rc < 0) reel_test_fail(test, "there is no collection %s", collection);
    if (info.records != wanted)
        reel_test_fail(test, "%s has %" PRIu64 " records, expected %" PRIu64, collection,
                       info.records, wanted);
}

static inline struct reel_collection_info reel_test_info(struct reel_test *test,
                                                         const char *collection) {
    struct reel_collection_info info;
    struct reel_view *view = reel_test_view(test);
    int rc = reel_view_collection(view, collection, &info);
    reel_view_close(view);
    if (rc < 0) reel_test_fail(test, "there is no collection %s", collection);
    return info;
}

static inline void reel_test_rebuilt(struct reel_test *test, const char *collection,
                                     const char *from) {
    struct reel_error error;
    struct reel_collection_info before = reel_test_info(test, collection);
    if (reel_rebuild(test->reel, collection, &error) < 0) reel_test_fail(test, "%s", error.text);
    struct reel_collection_info after = reel_test_info(test, collection);
    if (strcmp(before.digest, after.digest) != 0)
        reel_test_fail(test,
                       "%s: a rebuild from %s gives other records: %" PRIu64 ", before %" PRIu64,
                       collection, from, after.records, before.records);
}

static inline const struct reel_projector *reel_test_projector(struct reel_test *test,
                                                               const char *collection) {
    const char *name;
    for (size_t n = 0; (name = reel_collection_name(test->reel, n)) != NULL; n++)
        if (strcmp(name, collection) == 0) return reel_projector(test->reel, n);
    reel_test_fail(test, "there is no collection %s", collection);
    return NULL;
}

static inline void reel_test_rebuilt_same(struct reel_test *test, const char *collection) {
    struct reel_error error;
    reel_test_start(test);
    const struct reel_projector *projector = reel_test_projector(test, collection);
    if (test->forgot_events)
        reel_test_fail(test,
                       "%s: an earlier reel_then_rebuilt_same of a collection with "
                       "REEL_DERIVE_FROM_RECORDS has forgotten the events: make it the last one",
                       collection);
    reel_test_rebuilt(test, collection, "events");
    if (!projector || !(projector->flags & REEL_DERIVE_FROM_RECORDS)) return;
    if (reel_trim(test->reel, reel_cursor(test->reel) + 1, &error) < 0)
        reel_test_fail(test, "%s", error.text);
    test->forgot_events = true;
    reel_test_rebuilt(test, collection, "records");
}

#ifdef __cplusplus
}
#endif
#endif
