/* chunk_test.c: frames in a chunk are found again, by seq and by byte, and their meta with them. */
#include "unit.h"

#include "follow/chunk.h"

#include <errno.h>

static atomic_uint_fast64_t total;

static struct chunk *made(void) {
    struct chunk *chunk = chunk_create(10, true, &total);
    struct reel_entry first = {.type = STR("a.b"), .subject = STR("")};
    struct reel_entry second = {.nats_subject = STR("x.y.z")};
    text_append_lit(&chunk->bytes, "eleven");
    assert_int_equal(chunk_end_frame(chunk, 11, &first), 0);
    text_append_lit(&chunk->bytes, "15");
    assert_int_equal(chunk_end_frame(chunk, 15, &second), 0);
    assert_int_equal(chunk_add(chunk, 16, STR("sixteen")), 0);
    return chunk;
}

static void frames_lie_one_behind_the_other(void **state) {
    (void)state;
    struct chunk *chunk = made();
    assert_bytes(text_str(&chunk->bytes), STR("eleven15sixteen"));
    assert_int_equal(chunk_begin(chunk, 0), 0);
    assert_int_equal(chunk_begin(chunk, 2), 8);
    assert_int_equal(chunk_begin(chunk, 3), 15);
    chunk_unref(chunk);
}

static void a_frame_that_is_dropped_leaves_the_chunk_as_it_was(void **state) {
    (void)state;
    struct chunk *chunk = made();
    text_append_lit(&chunk->bytes, "begun");
    chunk_drop_frame(chunk);
    assert_bytes(text_str(&chunk->bytes), STR("eleven15sixteen"));
    chunk->bytes.failed = true; /* no memory while it was made */
    assert_int_equal(chunk_end_frame(chunk, 17, NULL), -ENOMEM);
    assert_int_equal(chunk_add(chunk, 17, STR("next")), 0);
    assert_bytes(text_str(&chunk->bytes), STR("eleven15sixteennext"));
    assert_int_equal(chunk_begin(chunk, 4), 19);
    chunk_unref(chunk);
}

static void a_frame_is_found_by_seq_and_by_byte(void **state) {
    (void)state;
    struct chunk *chunk = made();
    static const size_t by_seq[][2] = {{0, 0}, {10, 0}, {11, 1}, {12, 1}, {15, 2}, {16, 3}};
    static const size_t by_byte[][2] = {{0, 0}, {5, 0}, {6, 1}, {7, 1}, {8, 2}, {14, 2}, {15, 3}};
    for (size_t i = 0; i < LENGTH(by_seq); i++)
        assert_int_equal(chunk_find_seq(chunk, by_seq[i][0]), by_seq[i][1]);
    for (size_t i = 0; i < LENGTH(by_byte); i++)
        assert_int_equal(chunk_find_byte(chunk, by_byte[i][0]), by_byte[i][1]);
    chunk_unref(chunk);
}

static void a_chunk_keeps_the_texts_for_filters_and_absent_texts_stay_absent(void **state) {
    (void)state;
    struct chunk *chunk = made();
    struct reel_entry first = chunk_entry(chunk, 0), second = chunk_entry(chunk, 1);
    assert_bytes(first.type, STR("a.b"));
    assert_non_null(first.subject.data);
    assert_int_equal(first.subject.len, 0);
    assert_null(first.nats_subject.data);
    assert_null(second.type.data);
    assert_bytes(second.nats_subject, STR("x.y.z"));
    chunk_unref(chunk);
}

static void it_goes_with_its_last_reference(void **state) {
    (void)state;
    struct chunk *chunk = made();
    chunk_unref(chunk_ref(chunk));
    assert_int_equal(chunk->count, 3);
    chunk_unref(chunk);
    chunk_unref(NULL);
}

static void memory_is_counted_until_the_last_reference_is_released(void **state) {
    (void)state;
    char bytes[5000] = {0};
    total = 0;
    struct chunk *chunk = made();
    assert_int_equal(chunk_add(chunk, 17, (struct reel_str){bytes, sizeof bytes}), 0);
    assert_in_range(total, 5000, 20000);
    chunk_unref(chunk_ref(chunk));
    assert_in_range(total, 5000, 20000);
    chunk_unref(chunk);
    assert_int_equal(total, 0);
}

UNIT_TESTS(chunk_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_lie_one_behind_the_other),
        cmocka_unit_test(a_frame_that_is_dropped_leaves_the_chunk_as_it_was),
        cmocka_unit_test(a_frame_is_found_by_seq_and_by_byte),
        cmocka_unit_test(a_chunk_keeps_the_texts_for_filters_and_absent_texts_stay_absent),
        cmocka_unit_test(memory_is_counted_until_the_last_reference_is_released),
        cmocka_unit_test(it_goes_with_its_last_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
