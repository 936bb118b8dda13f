/* frame_test.c: frames, byte for byte. */
#include "unit.h"

#include "events/frame.h"

static void assert_text(struct text *text, const char *expected) {
    assert_bytes(text_str(text), reel_text(expected));
    assert_false(text->failed);
    text_finish(text);
}

static void an_event_stands_as_it_was_published(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_entry entry = {.seq = 7, .bytes = STR(" {\"a\" : [1e2,\"x\\n\"]}")};
    frame_event(&text, &entry);
    assert_text(&text, "{\"seq\":7,\"event\": {\"a\" : [1e2,\"x\\n\"]}}");
}

static void a_frame_is_one_line(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_entry entry = {.seq = UINT64_MAX, .bytes = STR("\r\n{\n}\n")};
    frame_event(&text, &entry);
    assert_text(&text, "{\"seq\":18446744073709551615,\"event\":  { } }");
}

static void a_payload_that_is_not_json_has_no_event(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_entry entry = {.seq = 1, .flags = REEL_LOG_NOT_JSON, .bytes = STR("\n\"}")};
    frame_event(&text, &entry);
    assert_text(&text, "{\"seq\":1,\"event\":null,\"error\":\"event payload not JSON\"}");
}

static void an_event_that_was_too_large_has_its_size(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_entry entry = {
        .seq = 1, .flags = REEL_LOG_OVERSIZE, .size = UINT32_MAX, .bytes = STR("")};
    frame_event(&text, &entry);
    assert_text(&text, "{\"seq\":1,\"event\":null,\"error\":\"event payload too large: 4294967295 "
                       "bytes\"}");
}

static void a_gap_is_told_by_its_last_message(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_entry entry = {.seq = 9, .flags = REEL_LOG_GAP, .size = 4, .bytes = STR("")};
    frame_event(&text, &entry);
    assert_text(&text, "{\"seq\":9,\"gap\":true}");
}

static void a_position_is_a_seq_alone(void **state) {
    (void)state;
    struct text text = {0};
    frame_position(&text, 12);
    assert_text(&text, "{\"seq\":12}");
}

static void a_record_has_its_key_as_a_string(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_row row = {.key = STR("a\"\0\n"), .json = STR("{\"id\":1}"), .changed = 3};
    struct reel_changed_row changed = {.collection = "cells", .row = &row};
    frame_record(&text, &changed);
    assert_text(&text, "{\"seq\":3,\"collection\":\"cells\",\"key\":\"a\\\"\\u0000\\n\",\"record\":"
                       "{\"id\":1}}");
}

static void a_deleted_record_is_null(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_row row = {.key = STR(""), .changed = 3};
    struct reel_changed_row changed = {.collection = "cells", .row = &row};
    frame_record(&text, &changed);
    assert_text(&text, "{\"seq\":3,\"collection\":\"cells\",\"key\":\"\",\"record\":null}");
}

static void a_change_of_one_collection_does_not_name_it(void **state) {
    (void)state;
    struct text text = {0};
    struct reel_row row = {.key = STR("a\"\0\n"), .json = STR("{\"id\":1}"), .changed = 3};
    frame_change(&text, &row);
    assert_text(&text, "{\"seq\":3,\"key\":\"a\\\"\\u0000\\n\",\"record\":{\"id\":1}}");
    row.json = (struct reel_str){NULL, 0};
    struct text deleted = {0};
    frame_change(&deleted, &row);
    assert_text(&deleted, "{\"seq\":3,\"key\":\"a\\\"\\u0000\\n\",\"record\":null}");
}

static void a_position_of_records_has_a_generation(void **state) {
    (void)state;
    struct text bare = {0}, full = {0};
    frame_point(&bare, &(struct frame_point){.seq = 7, .generation = 2});
    assert_text(&bare, "{\"seq\":7,\"generation\":2}");
    frame_point(&full, &(struct frame_point){7, 2, true, "0af"});
    assert_text(&full, "{\"seq\":7,\"generation\":2,\"snapshot\":true,\"digest\":\"0af\"}");
}

UNIT_TESTS(frame_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_stands_as_it_was_published),
        cmocka_unit_test(a_frame_is_one_line),
        cmocka_unit_test(a_payload_that_is_not_json_has_no_event),
        cmocka_unit_test(an_event_that_was_too_large_has_its_size),
        cmocka_unit_test(a_gap_is_told_by_its_last_message),
        cmocka_unit_test(a_position_is_a_seq_alone),
        cmocka_unit_test(a_record_has_its_key_as_a_string),
        cmocka_unit_test(a_deleted_record_is_null),
        cmocka_unit_test(a_change_of_one_collection_does_not_name_it),
        cmocka_unit_test(a_position_of_records_has_a_generation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
