/* fields_test.c: the indexes of fields are what the records say, after any changes, and while they
 * are being built. */
#include "unit.h"

#include "engine/fold/changes.h"
#include "engine/store/field_index.h"
#include "engine/store/memtable/version.h"
#include "engine/store/table.h"
#include "faults.h"
#include "fold_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 300, KEYS = 60, MANY = 2500 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    (void)tx;
    (void)event;
    return REEL_IGNORED;
}

static const char *const states[] = {"new", "Old", "odd\n", NULL};
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "plain", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "name", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_IS_NAME),
    REEL_FIELD(.name = "any", .kind = REEL_FIELD_STRING,
               .flags = REEL_FIELD_ANY_CASE | REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "n", .kind = REEL_FIELD_INTEGER, .flags = REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "on", .kind = REEL_FIELD_BOOL),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_ONE_OF, .values = states,
               .flags = REEL_FIELD_ANY_CASE | REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "x", .kind = REEL_FIELD_NUMBER, .flags = REEL_FIELD_INDEXED),
    NULL};
enum { FIELDS = 7 };
static const char *const prefixes[] = {"t", NULL};
static const struct reel_projector things = {
    .struct_size = sizeof things,
    .revision = 1,
    .collection = "things",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&things, NULL};
static const struct reel_plugin plugin = {
    .header = REEL_PLUGIN_HEADER, .name = "fields", .version = "1", .projectors = projectors};

static int begin(void **state) {
    struct folding *folding = calloc(1, sizeof *folding);
    must(folding);
    folding_open(folding, &plugin);
    *state = folding;
    return 0;
}

static const char *const texts[FIELDS][4] = {
    {"\"a\"", "\"b\"", "null", "\"\""},  {"\"a\"", "\"A\"", "null", "\"b\\u0000c\""},
    {"\"x\"", "\"X\"", "null", "\"y\""}, {"1", "-1", "null", "300"},
    {"true", "false", "null", "true"},   {"\"new\"", "\"Old\"", "null", "\"odd\\n\""},
    {"0.5", "-2", "null", "1e+21"},
};

static void change_one(struct folding *folding, uint64_t *random, size_t key_count, uint64_t seq) {
    struct arena *arena = &folding->fold.arena;
    struct reel_error error;
    struct change *change;
    char key[600] = "";
    size_t n = random_below(random, key_count);
    snprintf(key, sizeof key, n % 10 == 0 ? "%0520zu" : "key-%06zu", n);
    must_ok(changes_find(folding->things, reel_text(key), arena, &change, &error), error);
    must(change_values(change, arena));
    bool is_new = !change->exists;
    change->dirty = true;
    change->changed = seq;
    change->exists = is_new || random_below(random, 4) > 0;
    for (size_t i = 0; i < FIELDS; i++)
        if (is_new || random_below(random, 3) == 0)
            change->values[i] = reel_text(texts[i][random_below(random, 4)]);
}

static void flush(struct folding *folding) {
    struct reel_error error;
    must_ok(changes_flush(folding->things, &folding->fold.arena, &error), error);
    arena_reset(&folding->fold.arena);
}

static void commit(struct folding *folding) {
    flush(folding);
    commit_and_begin(folding->store);
    registry_committed(&folding->registry);
}

static void undo(struct folding *folding) {
    struct reel_error error;
    flush(folding);
    store_abort(folding->store);
    registry_aborted(&folding->registry);
    must_ok(store_begin(folding->store, &error), error);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

struct expected {
    uint64_t entries;
    struct {
        uint8_t at;
        char json[32];
        uint64_t count;
    } tallies[32];
    size_t tally_count;
};

static bool has_entry(struct folding *folding, const struct tracked_field *field,
                      struct reel_str key, struct reel_str json, struct arena *arena) {
    struct text place = {0};
    struct reel_str value;
    char encoded[FIELD_ENCODED_MAX];
    struct store *store = folding->store;
    must(field_value_of_json(tracked_form(field), json, arena, &value) == 0);
    field_key_begin(&place, FIELD_ENTRIES, field->at);
    text_append(&place, encoded, field_value_encode(tracked_form(field), value, encoded));
    text_append_str(&place, key);
    int rc = table_get(store, &store->writing, collection_tables(folding->things)->fields,
                       text_str(&place), &value, NULL);
    text_finish(&place);
    return rc == 0;
}

static void expect_tally(struct expected *expected, uint8_t at, struct reel_str json) {
    size_t i = 0;
    while (i < expected->tally_count &&
           (expected->tallies[i].at != at || !reel_str_is(json, expected->tallies[i].json)))
        i++;
    must(i < LENGTH(expected->tallies));
    if (i == expected->tally_count) {
        expected->tally_count++;
        expected->tallies[i].at = at;
        snprintf(expected->tallies[i].json, sizeof expected->tallies[i].json, "%.*s",
                 REEL_FMT(json));
    }
    expected->tallies[i].count++;
}

static void expect_record(struct folding *folding, struct expected *expected, struct reel_str key,
                          struct reel_str stored) {
    const struct collection *collection = folding->things;
    struct reel_str values[FIELDS], again[FIELDS];
    struct arena arena = {0};
    uint64_t changed;
    if (!field_progress_has(&collection->progress, key)) return;
    must(record_read(&collection->shape, stored, &changed, values) == 0);
    must(record_values(FIELDS, stored, again) == 0);
    assert_memory_equal(values, again, sizeof values);
    for (uint32_t i = 0; i < collection->tracked.count; i++) {
        const struct tracked_field *field = &collection->tracked.list[i];
        if (field->flags & FIELD_COUNTED) expect_tally(expected, field->at, values[field->at]);
        if (!(field->flags & FIELD_INDEXED)) continue;
        assert_true(has_entry(folding, field, key, values[field->at], &arena));
        expected->entries++;
    }
    arena_finish(&arena);
}

static void assert_tally(const struct expected *expected, struct reel_str key,
                         struct reel_str value) {
    uint64_t count;
    must(value.len == sizeof count);
    memcpy(&count, value.data, sizeof count);
    struct reel_str json = {key.data + 2, key.len - 2};
    size_t i = 0;
    while (i < expected->tally_count && (expected->tallies[i].at != (uint8_t)key.data[1] ||
                                         !reel_str_is(json, expected->tallies[i].json)))
        i++;
    assert_int_equal(count, i < expected->tally_count ? expected->tallies[i].count : 0);
}

/* The entries are exactly those of the records that the table has, and so are the counts. */
static void assert_fields(struct folding *folding) {
    struct store *store = folding->store;
    struct expected expected = {0};
    struct table_walk walk;
    struct overlay_row row;
    uint64_t entries = 0;
    size_t tallies = 0;
    table_walk_start(&walk, store, &store->writing, collection_tables(folding->things)->records,
                     NULL);
    int rc = table_seek(&walk, STR(""), SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0; rc = table_next(&walk, &row))
        expect_record(folding, &expected, row.key, row.value);
    table_walk_finish(&walk);
    table_walk_start(&walk, store, &store->writing, collection_tables(folding->things)->fields,
                     NULL);
    rc = table_seek(&walk, STR(""), SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0; rc = table_next(&walk, &row)) {
        entries += row.key.data[0] == FIELD_ENTRIES;
        if (row.key.data[0] != FIELD_TALLIES) continue;
        tallies++;
        assert_tally(&expected, row.key, row.value);
    }
    table_walk_finish(&walk);
    assert_int_equal(entries, expected.entries);
    assert_true(tallies >= expected.tally_count);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void declared_flags_say_what_is_tracked(void **state) {
    const struct folding *folding = *state;
    const struct tracked_fields *tracked = &folding->things->tracked;
    static const struct tracked_field expected[] = {
        {1, FIELD_INDEXED, REEL_FIELD_STRING, false},
        {2, FIELD_INDEXED, REEL_FIELD_STRING, true},
        {3, FIELD_INDEXED, REEL_FIELD_INTEGER, false},
        {4, FIELD_COUNTED, REEL_FIELD_BOOL, false},
        {5, FIELD_INDEXED | FIELD_COUNTED, REEL_FIELD_ONE_OF, true},
        {6, FIELD_INDEXED, REEL_FIELD_NUMBER, false},
    };
    assert_int_equal(tracked->count, LENGTH(expected));
    assert_memory_equal(tracked->list, expected, sizeof expected);
    assert_true(folding->things->progress.is_built);
}

static void indexes_are_what_the_records_say(void **state) {
    struct folding *folding = *state;
    uint64_t random = 0, seq = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t changes = random_below(&random, 30);
        for (size_t i = 0; i < changes; i++) change_one(folding, &random, KEYS, ++seq);
        switch (random_below(&random, 4)) {
        case 0:
            undo(folding);
            break;
        case 1:
            flush(folding); /* a spill */
            break;
        default:
            commit(folding);
        }
        assert_fields(folding);
    }
}

/* Only what has changed is written. */
static void a_value_that_stays_is_not_written(void **state) {
    struct folding *folding = *state;
    uint64_t random = 3;
    struct reel_error error;
    struct change *change;
    change_one(folding, &random, 1, 1);
    commit(folding);
    size_t before = memtable_bytes(folding->store->versions);
    struct reel_str key;
    char space[600];
    snprintf(space, sizeof space, "%0520d", 0);
    key = reel_text(space);
    must_ok(changes_find(folding->things, key, &folding->fold.arena, &change, &error), error);
    must(change->exists);
    change->values[0] = STR("\"c\"");
    change->dirty = true;
    change->changed = 2;
    must_ok(changes_flush(folding->things, &folding->fold.arena, &error), error);
    /* the record, and its two entries in the order of changes: not five more of 500 bytes each */
    assert_true(memtable_bytes(folding->store->versions) < before + 4000);
    assert_fields(folding);
}

static void begin_again(struct folding *folding) {
    struct collection *collection = folding->things;
    table_clear(folding->store, collection_tables(collection)->fields);
    collection->progress.is_built = collection->progress.has_key = false;
    commit(folding);
}

static void build_slice(struct folding *folding) {
    struct collection *collection = folding->things;
    struct field_progress progress = {0}, before = collection->progress;
    struct reel_error error;
    assert_ptr_equal(registry_unbuilt(&folding->registry), collection);
    must_ok(registry_build(collection, &folding->fold.arena, &progress, &error), error);
    commit(folding);
    collection->progress = progress;
    collection->was_built = progress.is_built;
    field_progress_finish(&before);
}

static void an_index_is_built_while_records_change(void **state) {
    struct folding *folding = *state;
    uint64_t random = 0, seq = 0;
    size_t slices = 0;
    for (size_t i = 0; i < 2 * MANY; i++) change_one(folding, &random, MANY, ++seq);
    commit(folding);
    begin_again(folding);
    assert_fields(folding);
    for (; !folding->things->progress.is_built; slices++) {
        build_slice(folding);
        assert_fields(folding);
        for (size_t i = 0; i < 200; i++) change_one(folding, &random, MANY, ++seq);
        if (slices % 2 == 0)
            commit(folding);
        else
            undo(folding);
        assert_fields(folding);
    }
    assert_true(slices > 1);
    assert_null(registry_unbuilt(&folding->registry));
}

/* How far it is stands in `meta`, and is found at the next start. */
static void how_far_it_is_built_is_kept(void **state) {
    struct folding *folding = *state;
    struct store *store = folding->store;
    struct tracked_fields tracked;
    struct field_progress progress = {0};
    uint64_t random = 0, seq = 0;
    for (size_t i = 0; i < 2 * MANY; i++) change_one(folding, &random, MANY, ++seq);
    commit(folding);
    begin_again(folding);
    build_slice(folding);
    assert_int_equal(field_index_get(store, &store->writing, "things", 0, &tracked, &progress), 0);
    assert_true(tracked_fields_are_same(&tracked, &folding->things->tracked));
    assert_false(progress.is_built);
    assert_true(progress.has_key);
    assert_bytes(text_str(&progress.key), text_str(&folding->things->progress.key));
    field_progress_finish(&progress);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static int flush_again(void *context) {
    struct folding *folding = context;
    struct reel_error error;
    return changes_flush(folding->things, &folding->fold.arena, &error);
}

static void make_again(void *context) {
    struct folding *folding = context;
    struct reel_error error;
    uint64_t random = 7;
    store_abort(folding->store);
    registry_aborted(&folding->registry);
    arena_finish(&folding->fold.arena);
    folding->fold.arena = (struct arena){0};
    must_ok(store_begin(folding->store, &error), error);
    for (uint64_t seq = 1; seq < 40; seq++) change_one(folding, &random, KEYS, seq);
}

static void flushing_survives_each_failed_allocation(void **state) {
    struct folding *folding = *state;
    commit(folding);
    make_again(folding);
    assert_true(faults_each(flush_again, make_again, folding, false) > 0);
    assert_fields(folding);
}

UNIT_TESTS(fields_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, folding_finish)
    const struct CMUnitTest tests[] = {
        CASE(declared_flags_say_what_is_tracked), CASE(indexes_are_what_the_records_say),
        CASE(a_value_that_stays_is_not_written),  CASE(an_index_is_built_while_records_change),
        CASE(how_far_it_is_built_is_kept),        CASE(flushing_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
