/* reader_test.c: what is read ahead is what would have been read at once, whoever reads it.
 *
 * How the two threads share the work is nobody's to say, and differs from run to run. So that both
 * do, there are many payloads, and now and then the writer lets the helper get ahead.
 */
#include "unit.h"

#include "engine/decoder.h"
#include "engine/fold/host.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOADS = 20000 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct fixture {
    struct decoder *ahead, *at_once;
    uint64_t random;
    struct log_entry entries[PAYLOADS]; /* each has memory of exactly its size */
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture) return -1;
    fixture->ahead = decoder_create(&host_table);
    fixture->at_once = decoder_create(&host_table);
    fixture->random = 7;
    *state = fixture;
    return fixture->ahead && fixture->at_once ? 0 : -1;
}

static void drop_payload(struct log_entry *entry) {
    free((char *)entry->bytes.data);
    entry->bytes = (struct reel_str){0};
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    decoder_destroy(fixture->ahead);
    decoder_destroy(fixture->at_once);
    for (size_t i = 0; i < PAYLOADS; i++) drop_payload(&fixture->entries[i]);
    free(fixture);
    return 0;
}

/* An event, mostly; now and then a long one, no event, no JSON, or nothing at all. */
static void make_payload(struct fixture *fixture, uint64_t number) {
    char text[3 * DECODER_HELP_BYTES];
    size_t padding = random_below(&fixture->random, 600);
    switch (random_below(&fixture->random, 16)) {
    case 0:
        padding = DECODER_HELP_BYTES + random_below(&fixture->random, DECODER_HELP_BYTES);
        break;
    case 1:
        snprintf(text, sizeof text, "[%zu]", padding);
        goto made;
    case 2:
        snprintf(text, sizeof text, "{\"type\":%zu", padding);
        goto made;
    case 3:
        text[0] = 0;
        goto made;
    }
    snprintf(text, sizeof text, "{\"type\":\"a.b\",\"id\":\"%llu\",\"data\":{\"x\":\"%*s\"}}",
             (unsigned long long)number, (int)padding, "y");
made:;
    struct reel_str made = {text, strlen(text)};
    fixture->entries[number] = (struct log_entry){
        .seq = number + 1, .bytes = {exact_copy(made), made.len}, .size = (uint32_t)made.len};
}

static void make_payloads(struct fixture *fixture) {
    for (uint64_t i = 0; i < PAYLOADS; i++) make_payload(fixture, i);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_same_str(struct reel_str found, struct reel_str expected) {
    assert_int_equal(!found.data, !expected.data);
    assert_bytes(found, expected);
}

static void assert_same_reading(const struct decoded *found, const struct decoded *expected) {
    assert_int_equal(found->entry.seq, expected->entry.seq);
    assert_int_equal(found->rc, expected->rc);
    if (found->rc != 0) {
        assert_string_equal(found->why, expected->why);
        return;
    }
    assert_same_str(found->event.type, expected->event.type);
    assert_same_str(found->event.id, expected->event.id);
    assert_same_str(reel_member_str(found->event.data, "x"),
                    reel_member_str(expected->event.data, "x"));
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void all_come_in_order_and_read_right(void **state) {
    struct fixture *fixture = *state;
    size_t put = 0;
    make_payloads(fixture);
    for (size_t taken = 0; taken < PAYLOADS; taken++) {
        while (put < PAYLOADS && decoder_put(fixture->ahead, &fixture->entries[put], true)) put++;
        if (taken % 50 == 0) sched_yield();
        const struct log_entry *entry = &fixture->entries[taken];
        assert_true(decoder_is_first(fixture->ahead, entry->bytes));
        assert_same_reading(decoder_next(fixture->ahead), decoder_decode(fixture->at_once, entry));
    }
    assert_false(decoder_is_first(fixture->ahead, fixture->entries[PAYLOADS - 1].bytes));
    assert_null(decoder_next(fixture->ahead));
}

static void the_ring_has_a_bound_and_keeps_what_was_taken_last(void **state) {
    struct fixture *fixture = *state;
    struct log_entry *entries = fixture->entries;
    size_t put = 0;
    make_payloads(fixture);
    for (size_t round = 0; round < 500; round++) {
        while (decoder_put(fixture->ahead, &entries[put], true)) put++;
        assert_int_equal(put, round + DECODER_AHEAD_MAX - 1);
        const struct decoded *reading = decoder_next(fixture->ahead);
        while (decoder_put(fixture->ahead, &entries[put], true)) put++;
        assert_same_reading(reading, decoder_decode(fixture->at_once, &entries[round]));
    }
}

static void the_first_is_known_by_place_and_length(void **state) {
    struct fixture *fixture = *state;
    struct log_entry entries[] = {{.bytes = STR("{}")}, {.bytes = {NULL, 0}}};
    assert_false(decoder_is_first(fixture->ahead, entries[1].bytes));
    for (size_t i = 0; i < LENGTH(entries); i++)
        assert_true(decoder_put(fixture->ahead, &entries[i], true));
    assert_false(decoder_is_first(fixture->ahead, (struct reel_str){entries[0].bytes.data, 1}));
    assert_false(decoder_is_first(fixture->ahead, entries[1].bytes));
    assert_true(decoder_is_first(fixture->ahead, entries[0].bytes));
    assert_int_equal(decoder_next(fixture->ahead)->rc, 0);
    assert_true(decoder_is_first(fixture->ahead, entries[1].bytes));
    assert_int_equal(decoder_next(fixture->ahead)->rc, -EBADMSG);
}

static void unwanted_payloads_are_not_parsed(void **state) {
    struct fixture *fixture = *state;
    make_payloads(fixture);
    for (size_t i = 0; i < DECODER_AHEAD_MAX - 1; i++)
        assert_true(decoder_put(fixture->ahead, &fixture->entries[i], i % 2 == 0));
    for (size_t i = 0; i < DECODER_AHEAD_MAX - 1; i++) {
        const struct decoded *reading = decoder_next(fixture->ahead);
        assert_int_equal(reading->entry.seq, i + 1);
        if (i % 2 == 0) continue;
        assert_int_equal(reading->rc, 0);
        assert_null(reading->event.type.data);
    }
}

/* The sanitizer sees it if a text is looked at when it is gone. */
static void cleared_payloads_are_not_read(void **state) {
    struct fixture *fixture = *state;
    for (size_t round = 0; round < PAYLOADS / DECODER_AHEAD_MAX; round++) {
        struct log_entry *entries = &fixture->entries[round * DECODER_AHEAD_MAX];
        size_t put = 0;
        for (size_t i = 0; i < DECODER_AHEAD_MAX; i++)
            make_payload(fixture, round * DECODER_AHEAD_MAX + i);
        while (decoder_put(fixture->ahead, &entries[put], true)) put++;
        for (size_t i = 0; i < round; i++) assert_non_null(decoder_next(fixture->ahead));
        decoder_clear(fixture->ahead);
        for (size_t i = 0; i < DECODER_AHEAD_MAX; i++) drop_payload(&entries[i]);
        assert_null(decoder_next(fixture->ahead));
    }
}

static void reading_one_at_once_leaves_the_others(void **state) {
    struct fixture *fixture = *state;
    struct log_entry *entries = fixture->entries;
    make_payloads(fixture);
    for (size_t i = 0; i < 200; i++) assert_true(decoder_put(fixture->ahead, &entries[i], true));
    for (size_t i = 0; i < 200; i++) {
        assert_same_reading(decoder_decode(fixture->ahead, &entries[1000 + i]),
                            decoder_decode(fixture->at_once, &entries[1000 + i]));
        assert_same_reading(decoder_next(fixture->ahead),
                            decoder_decode(fixture->at_once, &entries[i]));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)

UNIT_TESTS(decoder_test) {
    const struct CMUnitTest tests[] = {
        CASE(all_come_in_order_and_read_right),
        CASE(the_ring_has_a_bound_and_keeps_what_was_taken_last),
        CASE(the_first_is_known_by_place_and_length),
        CASE(unwanted_payloads_are_not_parsed),
        CASE(cleared_payloads_are_not_read),
        CASE(reading_one_at_once_leaves_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
