/* lines_test.c: lines and server-sent events, however the bytes are cut into pieces. */
#include "unit.h"

#include "client/lines.h"

#include <errno.h>

static int append_line(void *context, struct reel_str line) {
    text_append_lit(context, "<");
    text_append_str(context, line);
    text_append_lit(context, ">");
    return line.len == 4 && memcmp(line.data, "stop", 4) == 0 ? 7 : 0;
}

static void lines_are_the_same_in_all_pieces(void **state) {
    (void)state;
    static const char bytes[] = "one\n\ntwo\r\nthr\ree\nrest";
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        struct text found = {0};
        struct lines lines = {.take = append_line, .context = &found};
        for (size_t at = 0; at < strlen(bytes); at += piece) {
            size_t left = strlen(bytes) - at;
            struct reel_str part = {bytes + at, left < piece ? left : piece};
            assert_int_equal(lines_feed(&lines, part), 0);
        }
        assert_bytes(text_str(&found), STR("<one><><two><thr\ree>"));
        assert_bytes(text_str(&lines.rest), STR("rest"));
        lines_finish(&lines);
        text_finish(&found);
    }
}

static void what_takes_the_lines_can_end_it(void **state) {
    (void)state;
    struct text found = {0};
    struct lines lines = {.take = append_line, .context = &found};
    assert_int_equal(lines_feed(&lines, STR("a\nstop\nb\n")), 7);
    assert_bytes(text_str(&found), STR("<a><stop>"));
    lines_finish(&lines);
    text_finish(&found);
}

static void a_line_has_a_bound(void **state) {
    (void)state;
    struct lines lines = {.take = append_line};
    size_t len = LINE_BYTES_MAX / 4;
    char *bytes = calloc(1, len);
    must(bytes);
    for (int i = 0; i < 4; i++)
        assert_int_equal(lines_feed(&lines, (struct reel_str){bytes, len}), 0);
    assert_int_equal(lines_feed(&lines, STR("x")), -EFBIG);
    free(bytes);
    lines_finish(&lines);
}

/* ---- Server-sent events ---------------------------------------------------------------------- */

struct seen {
    struct sse sse;
    struct text found;
};

static int append_data(void *context, struct reel_str data) {
    struct seen *seen = context;
    text_append_lit(&seen->found, seen->sse.id);
    text_append_lit(&seen->found, "<");
    text_append_str(&seen->found, data);
    text_append_lit(&seen->found, ">");
    return 0;
}

static void assert_events(const char *bytes, const char *wanted, const char *last_id) {
    for (size_t piece = 1; piece <= strlen(bytes); piece++) {
        struct seen seen = {.sse.take = append_data};
        seen.sse.context = &seen;
        for (size_t at = 0; at < strlen(bytes); at += piece) {
            size_t left = strlen(bytes) - at;
            struct reel_str part = {bytes + at, left < piece ? left : piece};
            assert_int_equal(sse_feed(&seen.sse, part), 0);
        }
        assert_bytes(text_str(&seen.found), reel_text(wanted));
        assert_string_equal(seen.sse.id, last_id);
        sse_finish(&seen.sse);
        text_finish(&seen.found);
    }
}

static void events_have_data_and_ids(void **state) {
    (void)state;
    assert_events("data: a\n\nid: 1.0\ndata: b\n\n: comment\n\ndata:c\ndata: d\n\n",
                  "<a>1.0<b>1.0<c d>", "1.0");
    assert_events("event: x\r\nid:2\r\ndata: \r\n\r\n", "2<>", "2");
    assert_events("id: 3\n\ndata: x\n\n", "3<x>", "3");
}

static void an_event_that_is_cut_is_not_seen(void **state) {
    (void)state;
    assert_events("id: 1\ndata: a\n\nid: 2\ndata: b\n", "1<a>", "1");
}

/* The rest of an event, and its id, do not go into the first event of the next connection. */
static void an_event_that_was_cut_is_forgotten(void **state) {
    (void)state;
    struct seen seen = {.sse.take = append_data};
    seen.sse.context = &seen;
    assert_int_equal(sse_feed(&seen.sse, STR("id: 1\ndata: a\n\nid: 2\ndata: b\ndata: c")), 0);
    sse_restart(&seen.sse);
    assert_int_equal(sse_feed(&seen.sse, STR(": comment\n\ndata: d\n\n")), 0);
    assert_bytes(text_str(&seen.found), STR("1<a>1<d>"));
    sse_finish(&seen.sse);
    text_finish(&seen.found);
}

/* It would end up in a header of the next request. */
static void an_id_that_is_no_position_is_none(void **state) {
    (void)state;
    assert_events("id: 1\ndata: a\n\nid: 2\rX: y\ndata: b\n\nid: x\ndata: c\n\n", "1<a>1<b>1<c>",
                  "1");
    assert_events("id: 11111111111111111111111111111111111111111111111111111111111111111\n"
                  "data: a\n\n",
                  "<a>", "");
}

UNIT_TESTS(lines_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_in_all_pieces),
        cmocka_unit_test(what_takes_the_lines_can_end_it),
        cmocka_unit_test(a_line_has_a_bound),
        cmocka_unit_test(events_have_data_and_ids),
        cmocka_unit_test(an_event_that_is_cut_is_not_seen),
        cmocka_unit_test(an_event_that_was_cut_is_forgotten),
        cmocka_unit_test(an_id_that_is_no_position_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
