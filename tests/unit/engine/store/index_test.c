/* index_test.c: the order of changes: what stands in it, what leaves it, and what trimming takes;
 * at last against a model, with random batches.
 */
#include "unit.h"

#include "engine/store/index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

struct fixture {
    struct store *store;
    size_t records, dbi;
    struct arena arena;
    uint64_t random;
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    void *store;
    must(fixture);
    open_store(&store);
    fixture->store = store;
    open_things(store, "things", &fixture->records, &fixture->dbi);
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    void *store = fixture->store;
    arena_finish(&fixture->arena);
    close_store(&store);
    free(fixture);
    return 0;
}

static void write_all(struct fixture *fixture, const struct index_move *moves, size_t count) {
    struct reel_error error;
    must_ok(index_write(fixture->store, fixture->dbi, moves, count, &fixture->arena, &error),
            error);
    arena_reset(&fixture->arena);
}

/* A batch: key, seq that it stood under, seq of its change, and whether that deleted it. */
#define WRITE(fixture, ...)                                                                        \
    write_all(fixture, (const struct index_move[]){__VA_ARGS__},                                   \
              LENGTH(((const struct index_move[]){__VA_ARGS__})))

static uint64_t trimmed_to; /* the newest tombstone that went */

static size_t trim(struct fixture *fixture, uint64_t first_seq, size_t max) {
    struct reel_error error;
    size_t count;
    must_ok(index_trim(fixture->store, fixture->dbi, first_seq, max, &count, &trimmed_to, &error),
            error);
    return count;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* The walk as text: "5 a, 7 -b": at 5 `a` was changed, at 7 `b` was deleted. */
static void assert_walk_after(struct fixture *fixture, uint64_t since, struct reel_str after,
                              const char *expected) {
    struct index_walk walk;
    struct index_entry entry;
    struct reel_error error;
    struct support_text found = {0};
    int rc;
    must_ok(index_walk_start(&walk, fixture->store, &fixture->store->writing, fixture->dbi, since,
                             after, &error),
            error);
    text_format(&found, "%s", "");
    while ((rc = index_next(&walk, &entry)) > 0) {
        text_format(&found, "%s%" PRIu64 " %s", found.len ? ", " : "", entry.seq,
                    entry.deleted ? "-" : "");
        text_add(&found, entry.key.data, entry.key.len);
    }
    must_ok(rc, error);
    must(index_next(&walk, &entry) == 0);
    index_walk_finish(&walk);
    assert_string_equal(found.data, expected);
    free(found.data);
}

static void assert_walk(struct fixture *fixture, uint64_t since, const char *expected) {
    assert_walk_after(fixture, since, (struct reel_str){NULL, 0}, expected);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void changes_come_in_the_order_of_events(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 255, false}, {STR("b"), 0, 3, false}, {STR("c"), 0, 65536, false});
    WRITE(fixture, {STR("d"), 0, 1 << 20, false});
    assert_walk(fixture, 0, "3 b, 255 a, 65536 c, 1048576 d");
}

static void changes_of_one_event_are_in_key_order(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR(""), 0, 4, false}, {STR("a"), 0, 4, false}, {STR("aa"), 0, 4, false},
          {STR("b"), 0, 4, true}, {STR("c"), 0, 4, false}, {STR("d"), 0, 4, true});
    assert_walk(fixture, 0, "4 , 4 a, 4 aa, 4 -b, 4 c, 4 -d");
}

static void a_walk_begins_behind_its_seq(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 1, false}, {STR("b"), 0, 2, true}, {STR("c"), 0, 3, false},
          {STR("d"), 0, 4, true});
    assert_walk(fixture, 1, "2 -b, 3 c, 4 -d");
    assert_walk(fixture, 2, "3 c, 4 -d");
    assert_walk(fixture, 3, "4 -d");
    assert_walk(fixture, 4, "");
    assert_walk(fixture, UINT64_MAX - 1, "");
    assert_walk(fixture, UINT64_MAX, "");
}

static void a_walk_may_begin_within_an_event(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR(""), 0, 4, false}, {STR("a"), 0, 4, true}, {STR("b"), 0, 4, false},
          {STR("c"), 0, 4, true});
    WRITE(fixture, {STR("aa"), 0, 5, false});
    assert_walk_after(fixture, 3, STR("z"), "4 , 4 -a, 4 b, 4 -c, 5 aa");
    assert_walk_after(fixture, 4, STR(""), "4 -a, 4 b, 4 -c, 5 aa");
    assert_walk_after(fixture, 4, STR("a"), "4 b, 4 -c, 5 aa");
    assert_walk_after(fixture, 4, STR("aa"), "4 b, 4 -c, 5 aa");
    assert_walk_after(fixture, 4, STR("c"), "5 aa");
    assert_walk_after(fixture, 5, STR("aa"), "");
}

static void an_index_may_be_empty(void **state) {
    struct fixture *fixture = *state;
    assert_walk(fixture, 0, "");
    assert_int_equal(trim(fixture, UINT64_MAX, 10), 0);
}

static void a_record_stands_under_its_last_change_only(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 1, false}, {STR("b"), 0, 2, false});
    WRITE(fixture, {STR("a"), 1, 3, false});
    WRITE(fixture, {STR("a"), 3, 5, false}, {STR("b"), 2, 4, false});
    assert_walk(fixture, 0, "4 b, 5 a");
    assert_int_equal(entries_in(fixture->store, fixture->dbi), 2);
}

static void a_deleted_record_leaves_a_tombstone(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 1, false}, {STR("b"), 0, 2, false});
    WRITE(fixture, {STR("a"), 1, 3, true});
    assert_walk(fixture, 0, "2 b, 3 -a");
}

static void a_record_made_and_deleted_in_one_batch_does_too(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 2, true});
    assert_walk(fixture, 0, "2 -a");
    WRITE(fixture, {STR("a"), 0, 4, true}); /* and again: the last time counts */
    assert_walk(fixture, 0, "4 -a");
}

static void a_record_made_again_has_no_tombstone(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 1, true}, {STR("b"), 0, 2, true});
    WRITE(fixture, {STR("a"), 0, 3, false});
    assert_walk(fixture, 0, "2 -b, 3 a");
    WRITE(fixture, {STR("a"), 3, 4, true});
    assert_walk(fixture, 0, "2 -b, 4 -a");
    WRITE(fixture, {STR("a"), 0, 5, false}, {STR("b"), 0, 6, false});
    assert_walk(fixture, 0, "5 a, 6 b");
    assert_int_equal(entries_in(fixture->store, fixture->dbi), 2);
}

/* An entry is seq and key, so it may need several of LMDB's keys where the key alone needs one. */
static void keys_may_be_long(void **state) {
    struct fixture *fixture = *state;
    static const size_t lens[] = {KEY_CHUNK - 10, KEY_CHUNK - 9, KEY_CHUNK - 8,
                                  KEY_CHUNK,      KEY_CHUNK + 1, 5 * KEY_CHUNK};
    char space[3 + 5 * KEY_CHUNK + 1]; /* "6 k…", and with one more before it "7 -k…" */
    for (size_t i = 0; i < LENGTH(lens); i++) {
        char *found = space + 1;
        memset(space, 'k', sizeof space);
        space[3 + lens[i]] = '\0';
        struct reel_str key = {space + 3, lens[i]};
        memcpy(found, "6 ", 2);
        WRITE(fixture, {key, 0, 6, false});
        assert_walk(fixture, 5, found);
        memcpy(space, "7 -", 3);
        WRITE(fixture, {key, 6, 7, true});
        assert_walk(fixture, 0, space);
        assert_int_equal(trim(fixture, 8, 10), 1);
        assert_walk(fixture, 0, "");
    }
}

/* ---- Trimming -------------------------------------------------------------------------------- */

static void trimming_takes_the_oldest_tombstones_and_no_record(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 1, false}, {STR("b"), 0, 5, true}, {STR("c"), 0, 2, true},
          {STR("d"), 0, 3, true}, {STR("e"), 0, 4, true});
    assert_int_equal(trim(fixture, 2, 10), 0);
    assert_int_equal(trimmed_to, 0);
    assert_int_equal(trim(fixture, 5, 2), 2);
    assert_walk(fixture, 0, "1 a, 4 -e, 5 -b");
    assert_int_equal(trim(fixture, 5, 2), 1);
    assert_int_equal(trim(fixture, 5, 2), 0);
    assert_walk(fixture, 0, "1 a, 5 -b");
    assert_int_equal(trim(fixture, UINT64_MAX, 2), 1);
    assert_walk(fixture, 0, "1 a");
    assert_int_equal(entries_in(fixture->store, fixture->dbi), 1);
}

static void a_record_made_again_after_a_trim_is_as_any_other(void **state) {
    struct fixture *fixture = *state;
    WRITE(fixture, {STR("a"), 0, 1, true}, {STR("b"), 0, 2, true});
    assert_int_equal(trim(fixture, 2, 10), 1);
    WRITE(fixture, {STR("a"), 0, 3, false});
    assert_walk(fixture, 0, "2 -b, 3 a");
}

/* ---- Against a model ------------------------------------------------------------------------- */

enum { KEYS = 120, BATCHES = 400, CHANGES_MAX = 60 };

struct model_key {
    char *bytes;
    size_t len;
    uint64_t seq; /* of its last change; 0: none is known */
    bool exists;
};

/* In key order: those of one letter are longer and longer. */
static void make_model(struct model_key model[KEYS]) {
    for (size_t i = 0; i < KEYS; i++) {
        size_t n = i % 40, len = n * n * 2 / 3 + n + 1; /* up to three chunks */
        model[i] = (struct model_key){.bytes = malloc(len + 1), .len = len};
        must(model[i].bytes);
        memset(model[i].bytes, 'a' + (int)(i / 40), len);
        model[i].bytes[len] = '\0';
    }
}

static void change_some(struct fixture *fixture, struct model_key model[KEYS], uint64_t *seq) {
    struct index_move moves[KEYS];
    size_t changes = random_below(&fixture->random, CHANGES_MAX) + 1, count = 0;
    uint64_t before[KEYS], to[KEYS] = {0};
    for (size_t i = 0; i < KEYS; i++) before[i] = model[i].exists ? model[i].seq : 0;
    for (size_t i = 0; i < changes; i++) {
        size_t key = random_below(&fixture->random, KEYS);
        if (i == 0 || random_below(&fixture->random, 3)) ++*seq; /* else by the same event */
        model[key].exists = random_below(&fixture->random, 3) > 0;
        model[key].seq = to[key] = *seq;
    }
    for (size_t i = 0; i < KEYS; i++)
        if (to[i])
            moves[count++] = (struct index_move){
                {model[i].bytes, model[i].len}, before[i], to[i], !model[i].exists};
    write_all(fixture, moves, count);
}

static void trim_some(struct fixture *fixture, struct model_key model[KEYS], uint64_t seq) {
    uint64_t first_seq = random_below(&fixture->random, seq + 1);
    while (trim(fixture, first_seq, 7) == 7) continue;
    for (size_t i = 0; i < KEYS; i++)
        if (!model[i].exists && model[i].seq < first_seq) model[i].seq = 0;
}

static void compare(struct fixture *fixture, struct model_key model[KEYS], uint64_t since,
                    uint64_t last) {
    struct support_text expected = {0};
    text_format(&expected, "%s", "");
    for (uint64_t seq = since + 1; seq <= last; seq++)
        for (size_t i = 0; i < KEYS; i++)
            if (model[i].seq == seq)
                text_format(&expected, "%s%" PRIu64 " %s%s", expected.len ? ", " : "", seq,
                            model[i].exists ? "" : "-", model[i].bytes);
    assert_walk(fixture, since, expected.data);
    free(expected.data);
}

static void it_is_the_order_of_last_changes(void **state) {
    struct fixture *fixture = *state;
    struct model_key model[KEYS];
    uint64_t seq = 0;
    make_model(model);
    for (size_t batch = 0; batch < BATCHES; batch++) {
        test_context("batch %zu", batch);
        change_some(fixture, model, &seq);
        if (batch % 16 == 15) trim_some(fixture, model, seq);
        if (batch % 8 == 7) compare(fixture, model, random_below(&fixture->random, seq), seq);
        if (batch % 100 == 99) commit_and_begin(fixture->store);
    }
    compare(fixture, model, 0, seq);
    size_t records = 0;
    for (size_t i = 0; i < KEYS; i++) {
        records += model[i].exists;
        free(model[i].bytes);
    }
    assert_true(records > KEYS / 3 && records < KEYS);
}

UNIT_TESTS(index_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(changes_come_in_the_order_of_events),
        CASE(changes_of_one_event_are_in_key_order),
        CASE(a_walk_begins_behind_its_seq),
        CASE(a_walk_may_begin_within_an_event),
        CASE(an_index_may_be_empty),
        CASE(a_record_stands_under_its_last_change_only),
        CASE(a_deleted_record_leaves_a_tombstone),
        CASE(a_record_made_and_deleted_in_one_batch_does_too),
        CASE(a_record_made_again_has_no_tombstone),
        CASE(keys_may_be_long),
        CASE(trimming_takes_the_oldest_tombstones_and_no_record),
        CASE(a_record_made_again_after_a_trim_is_as_any_other),
        CASE(it_is_the_order_of_last_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
