/* origin_test.c: is this the stream that the log mirrors? Each answer, and what becomes of the log.
 * The stream is a few messages that `fetch` gives. */
#include "unit.h"

#include "engine/transaction.h"
#include "feeds/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { MESSAGES_MAX = 600, EVENT_ROOM = 256 };

/* The stream as it is, and the Reel that is to mirror it. */
struct origin {
    struct reel *reel;
    struct feed_stream stream;
    char bytes[MESSAGES_MAX + 1][EVENT_ROOM];
    bool gone[MESSAGES_MAX + 1];
    uint64_t late_ns; /* what is added to their times */
    int fetch_rc;     /* what `fetch` fails with */
    size_t fetches, held;
};

static int fetch(void *session, uint64_t seq, struct feed_message *ret, struct reel_error *error) {
    struct origin *origin = session;
    origin->fetches++;
    if (origin->fetch_rc < 0) return fail(error, origin->fetch_rc, "cannot fetch");
    if (seq < origin->stream.first_seq || seq > origin->stream.last_seq || origin->gone[seq])
        return 0;
    *ret = (struct feed_message){.seq = seq,
                                 .time_ns = seq * 1000 + origin->late_ns,
                                 .bytes = reel_text(origin->bytes[seq]),
                                 .owner = origin};
    origin->held++;
    return 1;
}

static void release(struct feed_message *message) {
    ((struct origin *)message->owner)->held--;
}

static void write_event(struct origin *origin, uint64_t seq, const char *cell) {
    snprintf(origin->bytes[seq], EVENT_ROOM,
             "{\"id\":\"%u\",\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
             "\"data\":{\"cellId\":\"%s-%u\",\"specId\":\"s\"}}",
             (unsigned)seq, cell, (unsigned)seq);
}

static int begin(void **state) {
    struct origin *origin = calloc(1, sizeof *origin);
    must(origin);
    for (uint64_t seq = 1; seq <= MESSAGES_MAX; seq++) write_event(origin, seq, "cell");
    origin->reel = reel_opened(NULL, NULL, CELL_SO, NULL);
    origin->stream = (struct feed_stream){.name = "S",
                                          .filter = "a.>",
                                          .created_ns = 5,
                                          .first_seq = 1,
                                          .last_seq = 10,
                                          .fetch = fetch,
                                          .session = origin};
    *state = origin;
    return 0;
}

static int finish(void **state) {
    struct origin *origin = *state;
    assert_int_equal(origin->held, 0);
    reel_close(origin->reel);
    free(origin);
    return 0;
}

/* Mirrors it up to that message. */
static void mirror(struct origin *origin, uint64_t last) {
    for (uint64_t seq = position_of(origin->reel).head + 1; seq <= last; seq++) {
        struct mirrored event = {
            .seq = seq, .time_ns = seq * 1000, .bytes = reel_text(origin->bytes[seq])};
        struct work work = {.kind = WORK_MIRROR, .mirrored = &event, .count = 1, .reach = seq};
        struct reel_error error;
        if (origin->gone[seq]) work.count = 0;
        must_ok(work_run(origin->reel, &work, &error), error);
    }
}

static int check(struct origin *origin, bool begin_anew, uint64_t *ret_from,
                 struct reel_error *error) {
    *ret_from = 0;
    error->text[0] = '\0';
    return origin_check(origin->reel, &origin->stream, begin_anew, release, ret_from, error);
}

static void assert_from(struct origin *origin, uint64_t expected) {
    struct reel_error error;
    uint64_t from;
    must_ok(check(origin, false, &from, &error), error);
    assert_int_equal(from, expected);
}

static void assert_stale(struct origin *origin, const char *part) {
    struct reel_error error;
    uint64_t from;
    struct reel_position before = position_of(origin->reel), after;
    assert_int_equal(check(origin, false, &from, &error), -ESTALE);
    assert_sentence(&error, part);
    assert_int_equal(from, 0);
    after = position_of(origin->reel);
    assert_memory_equal(&before, &after, sizeof before);
}

/* All of the old is gone, and it begins with `first`. */
static void assert_anew(struct origin *origin, bool begin_anew, uint64_t first, const char *part) {
    struct reel_error error;
    uint64_t from;
    struct reel_epoch before = position_of(origin->reel).epoch;
    assert_int_equal(check(origin, begin_anew, &from, &error), 1);
    assert_sentence(&error, part);
    assert_int_equal(from, first);
    struct reel_position after = position_of(origin->reel);
    assert_memory_not_equal(&before, &after.epoch, sizeof before);
    assert_int_equal(after.head, first - 1);
    assert_int_equal(after.cursor, first - 1);
    assert_int_equal(after.first_seq, first);
    assert_int_equal(reel_cursor(origin->reel), first - 1);
    assert_int_equal(info_of(origin->reel, "cells").records, 0);
    assert_from(origin, first); /* and is the one from now on */
}

/* A log that mirrors the first ten. */
static struct origin *mirrored(void **state) {
    struct origin *origin = *state;
    assert_from(origin, 1);
    mirror(origin, 10);
    return origin;
}

/* ---- The first time -------------------------------------------------------------------------- */

static void an_empty_log_takes_the_stream_from_its_first_message(void **state) {
    struct origin *origin = *state;
    origin->stream.first_seq = 4;
    assert_from(origin, 4);
    assert_int_equal(position_of(origin->reel).head, 3);
    assert_int_equal(info_of(origin->reel, "cells").from_seq, 4);
    mirror(origin, 6);
    assert_from(origin, 7);
}

static void a_stream_that_never_had_any_begins_with_one(void **state) {
    struct origin *origin = *state;
    origin->stream.first_seq = origin->stream.last_seq = 0;
    assert_from(origin, 1);
    assert_from(origin, 1);
}

static void a_log_of_ones_own_is_not_lost(void **state) {
    struct origin *origin = *state;
    struct reel_error error;
    uint64_t from;
    must_ok(feed_check_own(origin->reel, &error), error);
    apply_samples(origin->reel, 1, 3, 3);
    assert_stale(origin, "a log of its own");
    assert_int_equal(check(origin, true, &from, &error), -ESTALE); /* whatever is asked for */
    assert_int_equal(position_of(origin->reel).head, 3);
}

static void a_mirror_is_not_gone_on_with_by_itself(void **state) {
    struct origin *origin = mirrored(state);
    struct reel_error error;
    assert_int_equal(feed_check_own(origin->reel, &error), -ESTALE);
    assert_sentence(&error, "mirrors a stream");
}

static void all_that_mirror_it_alike_have_one_epoch(void **state) {
    struct origin *origin = mirrored(state);
    struct reel_epoch one = position_of(origin->reel).epoch, other;
    reel_close(origin->reel);
    origin->reel = reel_opened(NULL, NULL, CELL_SO, NULL);
    origin->stream.first_seq = 3; /* later */
    assert_from(origin, 3);
    other = position_of(origin->reel).epoch;
    assert_memory_equal(&one, &other, sizeof one);
}

/* ---- The same one ---------------------------------------------------------------------------- */

static void the_same_stream_goes_on(void **state) {
    struct origin *origin = mirrored(state);
    size_t before = origin->fetches;
    assert_from(origin, 11);
    assert_int_equal(origin->fetches, before + 1);
    origin->stream.last_seq = 20;
    assert_from(origin, 11);
}

static void it_is_told_by_the_newest_that_both_have(void **state) {
    struct origin *origin = mirrored(state);
    origin->gone[10] = origin->gone[9] = origin->gone[7] = true;
    assert_from(origin, 11);
    write_event(origin, 7, "other"); /* nobody can see that */
    assert_from(origin, 11);
    write_event(origin, 8, "other");
    assert_stale(origin, "differs from the event in the log");
}

static void messages_that_the_stream_has_removed_are_not_fetched(void **state) {
    struct origin *origin = mirrored(state);
    origin->stream.first_seq = 11;
    origin->stream.last_seq = 40;
    size_t before = origin->fetches;
    assert_from(origin, 11);
    assert_int_equal(origin->fetches, before);
    origin->stream.first_seq = 9;
    origin->gone[9] = origin->gone[10] = true;
    write_event(origin, 8, "other");
    assert_from(origin, 11);
    assert_int_equal(origin->fetches, before + 2);
}

/* It reaches beyond its last message. */
static void a_log_without_the_newest_is_compared_by_what_it_has(void **state) {
    struct origin *origin = *state;
    assert_from(origin, 1);
    origin->gone[9] = origin->gone[10] = true;
    mirror(origin, 10);
    assert_from(origin, 11);
    write_event(origin, 8, "other");
    assert_stale(origin, "differs from the event in the log");
}

static void not_everything_is_asked_for(void **state) {
    struct origin *origin = *state;
    origin->stream.last_seq = MESSAGES_MAX;
    assert_from(origin, 1);
    mirror(origin, MESSAGES_MAX);
    for (uint64_t seq = 1; seq <= MESSAGES_MAX; seq++) origin->gone[seq] = true;
    assert_from(origin, MESSAGES_MAX + 1);
    assert_int_equal(origin->fetches, 256);
}

static void a_fetch_that_fails_is_no_answer(void **state) {
    struct origin *origin = mirrored(state);
    struct reel_error error;
    uint64_t from;
    origin->fetch_rc = -EAGAIN;
    assert_int_equal(check(origin, true, &from, &error), -EAGAIN);
    assert_sentence(&error, "cannot fetch");
    assert_int_equal(position_of(origin->reel).head, 10);
}

/* Nothing is kept of it but its size and time. */
static void one_that_was_too_large_is_compared_by_its_size(void **state) {
    struct origin *origin = *state;
    struct reel_options options = {.event_bytes_max = 50};
    reel_close(origin->reel);
    origin->reel = reel_opened(NULL, &options, CELL_SO, NULL);
    mirrored(state);
    assert_int_equal(position_of(origin->reel).rejected, 10);
    assert_from(origin, 11);
    strcat(origin->bytes[10], " ");
    assert_stale(origin, "differs from the event in the log");
}

/* ---- A stream that was reset ----------------------------------------------------------------- */

static void one_that_ends_before_the_log_was_taken_back(void **state) {
    struct origin *origin = mirrored(state);
    origin->stream.last_seq = 9;
    assert_stale(origin, "it ends at 9, and 10 is in the log; to replace the log");
    assert_anew(origin, true, 1, "was reset");
}

static void one_with_another_event_was_taken_back(void **state) {
    struct origin *origin = mirrored(state);
    write_event(origin, 10, "else");
    assert_stale(origin, "differs from the event in the log");
    assert_anew(origin, true, 1, "was reset");
}

static void one_with_the_same_event_at_another_time_was_taken_back(void **state) {
    struct origin *origin = mirrored(state);
    origin->late_ns = 1;
    assert_stale(origin, "differs from the event in the log");
}

/* Else the same numbers, under one epoch, would name other events. */
static void each_time_it_has_another_epoch(void **state) {
    struct origin *origin = mirrored(state);
    struct reel_epoch epochs[3];
    for (size_t i = 0; i < 3; i++) {
        epochs[i] = position_of(origin->reel).epoch;
        for (size_t before = 0; before < i; before++)
            assert_memory_not_equal(&epochs[before], &epochs[i], sizeof epochs[i]);
        mirror(origin, 10);
        origin->stream.last_seq = 9;
        assert_anew(origin, true, 1, "was reset");
        origin->stream.last_seq = 10;
    }
}

/* ---- Another one ----------------------------------------------------------------------------- */

static void another_stream_replaces_the_log(void **state) {
    struct origin *origin = mirrored(state);
    origin->stream.name = "T";
    assert_anew(origin, false, 1, "mirrors another stream");
}

static void another_filter_replaces_the_log(void **state) {
    struct origin *origin = mirrored(state);
    origin->stream.filter = "a.b.>";
    assert_anew(origin, false, 1, "with another filter");
}

static void a_stream_that_was_created_again_replaces_the_log(void **state) {
    struct origin *origin = mirrored(state);
    origin->stream.created_ns = 6;
    origin->stream.last_seq = 2; /* less than we have: it does not matter */
    assert_anew(origin, false, 1, "the stream was created again");
}

static void events_that_the_stream_no_longer_holds_are_kept_unless_requested(void **state) {
    struct origin *origin = mirrored(state);
    origin->stream.name = "T";
    origin->stream.first_seq = 3;
    assert_stale(origin, "the stream begins at 3");
    assert_anew(origin, true, 3, "mirrors another stream");
}

static void of_nothing_nothing_is_lost(void **state) {
    struct origin *origin = *state;
    assert_from(origin, 1);
    origin->stream.name = "T";
    origin->stream.first_seq = 1;
    assert_anew(origin, false, 1, "mirrors another stream");
}

/* Everything goes: events, names, rejections, records, also of what is not loaded. */
static void nothing_of_the_old_is_left(void **state) {
    struct origin *origin = mirrored(state);
    struct store *store = &origin->reel->dispatcher.store;
    struct reel_error error;
    struct collection_state stray = {.revision = 1};
    origin->stream.last_seq = 20;
    strcpy(origin->bytes[11], "no event");
    mirror(origin, 11);
    must_ok(store_begin(store, &error), error);
    must_ok(meta_put_collection(store, "away", &stray, &error), error);
    must_ok(meta_put_collection(store, "b", &stray, &error), error);
    store_commit(store, origin->reel->dispatcher.committed.cursor);
    origin->stream.name = "T";
    assert_anew(origin, false, 1, "mirrors another stream");
    must_ok(store_begin(store, &error), error);
    assert_int_equal(log_head(origin->reel->dispatcher.home.place.log), 0);
    assert_int_equal(entries_in(store, TABLE_REJECTED), 0);
    assert_int_equal(meta_get_collection(store, &store->writing, "away", &stray), -ENOENT);
    assert_int_equal(meta_get_collection(store, &store->writing, "b", &stray), -ENOENT);
    assert_int_equal(meta_get_collection(store, &store->writing, "cells", &stray), 0);
    store_abort(store);
    struct reel_position position = position_of(origin->reel);
    assert_int_equal(position.applied + position.ignored + position.rejected, 0);
    assert_int_equal(info_of(origin->reel, "cells").cursor, 0);
    mirror(origin, 10); /* and it works */
    assert_int_equal(info_of(origin->reel, "cells").records, 10);
}

UNIT_TESTS(origin_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(an_empty_log_takes_the_stream_from_its_first_message),
        CASE(a_stream_that_never_had_any_begins_with_one),
        CASE(a_log_of_ones_own_is_not_lost),
        CASE(a_mirror_is_not_gone_on_with_by_itself),
        CASE(all_that_mirror_it_alike_have_one_epoch),
        CASE(the_same_stream_goes_on),
        CASE(it_is_told_by_the_newest_that_both_have),
        CASE(messages_that_the_stream_has_removed_are_not_fetched),
        CASE(a_log_without_the_newest_is_compared_by_what_it_has),
        CASE(not_everything_is_asked_for),
        CASE(a_fetch_that_fails_is_no_answer),
        CASE(one_that_was_too_large_is_compared_by_its_size),
        CASE(one_that_ends_before_the_log_was_taken_back),
        CASE(one_with_another_event_was_taken_back),
        CASE(one_with_the_same_event_at_another_time_was_taken_back),
        CASE(each_time_it_has_another_epoch),
        CASE(another_stream_replaces_the_log),
        CASE(another_filter_replaces_the_log),
        CASE(a_stream_that_was_created_again_replaces_the_log),
        CASE(events_that_the_stream_no_longer_holds_are_kept_unless_requested),
        CASE(of_nothing_nothing_is_lost),
        CASE(nothing_of_the_old_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
