/* tail_test.c: the log as chunks: shared at its end, bites of one's own further back. */
#include "sinks/stdout/fake_host.h"

#include "follow/tail.h"

#include <errno.h>

struct fixture {
    struct fake_host *fake;
    struct framer framer;
    atomic_uint_fast64_t memory;
    struct tail tail;
    struct reel_epoch epoch;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture && fake_stage_begin((void **)&fixture->fake) == 0);
    tail_init(&fixture->tail, &fixture->fake->host, transports[TRANSPORT_STREAM], &fixture->framer,
              &fixture->memory);
    fixture->epoch = position_of(fixture->fake->reel).epoch;
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    tail_finish(&fixture->tail);
    assert_int_equal(fixture->memory, 0);
    framer_finish(&fixture->framer);
    fake_stage_end((void **)&fixture->fake);
    free(fixture);
    return 0;
}

static void apply_some(struct fixture *fixture, size_t count, const char *type) {
    for (size_t i = 0; i < count; i++) fake_apply(fixture->fake, type);
}

/* An event of about so many bytes. */
static void apply_large(struct fixture *fixture, size_t len) {
    char *event = malloc(len + 64);
    must(event);
    int at = sprintf(event, "{\"type\":\"large\",\"data\":\"");
    memset(event + at, 'x', len);
    memcpy(event + at + len, "\"}", 3);
    apply_text(fixture->fake->reel, event, REEL_IGNORED);
    free(event);
}

static int next_of(struct fixture *fixture, uint64_t seq, const struct event_filter *filter,
                   struct chunk **ret, size_t *ret_frame) {
    static const struct event_filter everything;
    const struct tail_place place = {&fixture->epoch, seq, filter ? filter : &everything};
    return tail_next(&fixture->tail, &place, ret, ret_frame);
}

/* Reads on from `seq` to the end, and expects every seq from then on; how many chunks that took. */
static size_t read_all(struct fixture *fixture, uint64_t seq) {
    struct chunk *chunk;
    size_t frame, chunks = 0;
    int rc;
    for (; (rc = next_of(fixture, seq, NULL, &chunk, &frame)) == 1; chunks++) {
        assert_true(chunk->bytes.len <= CHUNK_BYTES + 256 || chunk->count == 1);
        for (; frame < chunk->count; frame++) assert_int_equal(chunk->frames[frame].seq, ++seq);
        assert_int_equal(chunk->last, seq);
        chunk_unref(chunk);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(seq, position_of(fixture->fake->reel).cursor);
    return chunks;
}

static void all_of_the_log_comes_in_bounded_chunks(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(read_all(fixture, 0), 0);
    apply_some(fixture, 3000, "t");
    assert_true(read_all(fixture, 0) > 2);
    apply_some(fixture, 1, "t");
    assert_int_equal(read_all(fixture, 3000), 1);
    assert_int_equal(read_all(fixture, 2999), 1);
}

static void at_the_end_there_is_one_chunk_for_all_and_it_is_read_once(void **state) {
    struct fixture *fixture = *state;
    struct chunk *one, *other;
    size_t frame;
    apply_some(fixture, 5, "t");
    unsigned views = fixture->fake->views;
    assert_int_equal(next_of(fixture, 0, NULL, &one, &frame), 1);
    assert_int_equal(next_of(fixture, 3, NULL, &other, &frame), 1);
    assert_ptr_equal(one, other);
    assert_int_equal(frame, 3);
    assert_int_equal(fixture->fake->views, views + 1);
    chunk_unref(other);
    apply_some(fixture, 1, "t"); /* and it grows in their hands */
    assert_int_equal(next_of(fixture, 5, NULL, &other, &frame), 1);
    assert_ptr_equal(one, other);
    assert_int_equal(one->count, 6);
    chunk_unref(one);
    chunk_unref(other);
}

static void the_ring_is_bounded_and_a_follower_behind_it_gets_chunks_of_its_own(void **state) {
    struct fixture *fixture = *state;
    struct chunk *chunk;
    size_t frame;
    for (size_t i = 0; i < 100; i++) apply_large(fixture, 100000);
    read_all(fixture, 0);
    assert_true(fixture->tail.ring.bytes <= RING_BYTES_MAX);
    assert_false(tail_has(&fixture->tail, 1));
    assert_int_equal(next_of(fixture, 1, NULL, &chunk, &frame), 1);
    assert_false(chunk->is_shared);
    chunk_unref(chunk);
    assert_true(tail_has(&fixture->tail, 99));
    assert_int_equal(next_of(fixture, 99, NULL, &chunk, &frame), 1);
    assert_true(chunk->is_shared);
    chunk_unref(chunk);
    read_all(fixture, 0);
}

/* One that stands behind small ones, in a chunk that would take more of those. */
static void a_large_event_is_no_obstacle(void **state) {
    struct fixture *fixture = *state;
    apply_some(fixture, 2, "t");
    assert_int_equal(read_all(fixture, 0), 1);
    apply_large(fixture, 500000);
    apply_some(fixture, 2, "t");
    assert_int_equal(read_all(fixture, 2), 2);
    assert_true(read_all(fixture, 0) >= 2);
}

static void a_filter_far_behind_is_asked_before_anything_is_framed(void **state) {
    struct fixture *fixture = *state;
    const struct event_filter filter = {.type = STR("rare")};
    struct chunk *chunk;
    size_t frame, found = 0;
    uint64_t seq = 0;
    int rc;
    for (size_t i = 0; i < 5; i++) {
        apply_some(fixture, 1999, "t");
        apply_some(fixture, 1, "rare");
    }
    while ((rc = next_of(fixture, seq, &filter, &chunk, &frame)) == 1) {
        for (; frame < chunk->count; frame++) {
            struct reel_entry entry = chunk_entry(chunk, frame);
            if (chunk->is_shared && !event_filter_matches(&filter, &entry)) continue;
            assert_int_equal(chunk->frames[frame].seq % 2000, 0);
            found++;
        }
        if (seq < 4000) assert_false(chunk->is_shared);
        assert_true(chunk->last > seq);
        seq = chunk->last;
        chunk_unref(chunk);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(found, 5);
    assert_int_equal(seq, 10000);
}

static void trimmed_events_are_a_range_error(void **state) {
    struct fixture *fixture = *state;
    struct chunk *chunk;
    size_t frame;
    apply_some(fixture, 10, "t");
    assert_int_equal(reel_trim(fixture->fake->reel, 6, NULL), 0);
    assert_int_equal(next_of(fixture, 4, NULL, &chunk, &frame), -ERANGE);
    assert_int_equal(read_all(fixture, 5), 1);
}

/* They have it in hand already. */
static void chunks_in_the_ring_outlive_trimmed_events(void **state) {
    struct fixture *fixture = *state;
    struct chunk *chunk;
    size_t frame;
    apply_some(fixture, 10, "t");
    read_all(fixture, 0);
    assert_int_equal(reel_trim(fixture->fake->reel, 9, NULL), 0);
    assert_int_equal(next_of(fixture, 4, NULL, &chunk, &frame), 1);
    assert_int_equal(chunk->frames[frame].seq, 5);
    chunk_unref(chunk);
}

static void another_log_is_noticed_wherever_one_stands(void **state) {
    struct fixture *fixture = *state;
    struct reel_epoch ours = fixture->epoch, other = fixture->epoch;
    struct chunk *chunk;
    size_t frame;
    other.text[0] = other.text[0] == 'f' ? 'e' : 'f';
    apply_some(fixture, 10, "t");
    read_all(fixture, 0);
    fixture->epoch = other;
    assert_int_equal(next_of(fixture, 0, NULL, &chunk, &frame), -ESTALE);
    assert_int_equal(next_of(fixture, 5, NULL, &chunk, &frame), -ESTALE);
    assert_int_equal(next_of(fixture, 99, NULL, &chunk, &frame), -ESTALE);
    fixture->epoch = ours;
    assert_int_equal(next_of(fixture, 99, NULL, &chunk, &frame), 0);
    read_all(fixture, 0);
}

static void without_a_view_it_is_later(void **state) {
    struct fixture *fixture = *state;
    struct chunk *chunk;
    size_t frame;
    apply_some(fixture, 3, "t");
    fixture->fake->refuse_views = true;
    assert_int_equal(next_of(fixture, 0, NULL, &chunk, &frame), -EAGAIN);
    fixture->fake->refuse_views = false;
    assert_int_equal(read_all(fixture, 0), 1);
}

static void a_view_that_ends_early_gives_a_smaller_bite(void **state) {
    struct fixture *fixture = *state;
    apply_some(fixture, 7, "t");
    fixture->fake->rows_per_view = 2;
    assert_int_equal(read_all(fixture, 0), 4);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_TESTS(tail_test) {
    const struct CMUnitTest tests[] = {
        CASE(all_of_the_log_comes_in_bounded_chunks),
        CASE(at_the_end_there_is_one_chunk_for_all_and_it_is_read_once),
        CASE(the_ring_is_bounded_and_a_follower_behind_it_gets_chunks_of_its_own),
        CASE(a_large_event_is_no_obstacle),
        CASE(a_filter_far_behind_is_asked_before_anything_is_framed),
        CASE(trimmed_events_are_a_range_error),
        CASE(chunks_in_the_ring_outlive_trimmed_events),
        CASE(another_log_is_noticed_wherever_one_stands),
        CASE(without_a_view_it_is_later),
        CASE(a_view_that_ends_early_gives_a_smaller_bite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
