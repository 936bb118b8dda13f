/* stored_test.c: what LMDB has of a store, read without memtables. */
#include "unit.h"

#include "engine/store/record.h"
#include "engine/store/stored.h"
#include "engine/store/table.h"

#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { RECORDS = 300, JSON_LEN = 7 };

static void put_record(struct store *store, size_t records, unsigned n, uint8_t varint) {
    char key[16], value[8 + 1 + 16] = {0};
    int len = snprintf(key, sizeof key, "k%03u", n);
    value[8] = (char)varint;
    snprintf(value + 9, sizeof value - 9, "{\"n\":%u}", n % 10);
    struct reel_str stored = {value, 8 + 1 + JSON_LEN + 4}; /* and zeros */
    must(table_put(store, records, (struct reel_str){key, (size_t)len}, stored, NULL) == 0);
}

static void put_meta(struct store *store, struct digest digest) {
    struct store_state state = {.format = STORE_FORMAT, .first_seq = 1, .cursor = 7, .head = 7};
    struct collection_state things = {.revision = 2,
                                      .has_digest = 1,
                                      .records = RECORDS,
                                      .cursor = 7,
                                      .field_count = 1,
                                      .digest = digest};
    struct collection_control paused = {.paused = 1}, raised = {.generation = 4};
    struct lineage_entry epoch = {.epoch = {5}, .from_seq = 1};
    must(meta_put_state(store, &state, NULL) == 0);
    must(meta_put_collection(store, "things", &things, NULL) == 0);
    must(meta_put_control(store, "things", &raised, NULL) == 0);
    must(meta_put_control(store, "absent", &paused, NULL) == 0);
    must(meta_put_lineage(store, &epoch, 1, NULL) == 0);
    must(table_put(store, TABLE_META, STR("c/\033[2J"), STR("x"), NULL) == 0);
}

static struct digest digest_of_records(void) {
    struct digest digest = {0};
    for (unsigned n = 0; n < RECORDS; n++) {
        char key[16], json[16];
        int len = snprintf(key, sizeof key, "k%03u", n);
        snprintf(json, sizeof json, "{\"n\":%u}", n % 10);
        digest_add(&digest, digest_hash((struct reel_str){key, (size_t)len}, reel_text(json)));
    }
    return digest;
}

/* `damaged`: the length of one record's field goes on beyond the record. */
static const char *made(bool damaged) {
    const char *directory = scratch_directory();
    struct store_options options = {
        .directory = directory, .map_bytes = 64 << 20, .readers_max = 8};
    struct store store;
    struct reel_error error;
    struct table_set sets[STORE_SETS];
    must_ok(store_open(&store, &options, &error), error);
    must_ok(store_open_collection(&store, "things", sets, &error), error);
    must_ok(store_begin(&store, &error), error);
    for (unsigned n = 0; n < RECORDS; n++) put_record(&store, sets[0].records, n, 1);
    if (damaged) must(table_put(&store, sets[0].records, STR("k007"), STR("short"), NULL) == 0);
    put_meta(&store, digest_of_records());
    store_commit(&store, 7);
    store_close(&store);
    return directory;
}

static const struct stored_collection *find(const struct stored *stored, const char *name) {
    for (size_t i = 0; i < stored->count; i++)
        if (strcmp(stored->collections[i].name, name) == 0) return &stored->collections[i];
    return NULL;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void all_that_meta_says_is_read(void **state) {
    (void)state;
    struct stored stored;
    struct reel_error error;
    must_ok(stored_open(&stored, made(false), &error), error);
    assert_int_equal(stored.state.cursor, 7);
    assert_int_equal(stored.lineage_count, 1);
    assert_int_equal(stored.lineage[0].epoch[0], 5);
    assert_int_equal(stored.count, 2); /* a name that is none is left out */
    const struct stored_collection *things = find(&stored, "things"),
                                   *absent = find(&stored, "absent");
    assert_true(things && things->has_state && absent && !absent->has_state);
    assert_int_equal(things->state.revision, 2);
    assert_int_equal(things->control.generation, 4);
    assert_int_equal(absent->control.paused, 1);
    stored_end(&stored);
    assert_int_equal(things->state.revision, 2);
    stored_close(&stored);
}

static void records_add_up_to_their_digest(void **state) {
    (void)state;
    struct stored stored;
    struct stored_sums sums;
    struct reel_error error;
    must_ok(stored_open(&stored, made(false), &error), error);
    const struct stored_collection *things = find(&stored, "things");
    must_ok(stored_add_up(&stored, things, &sums, &error), error);
    assert_int_equal(sums.records, RECORDS);
    assert_int_equal(sums.json_bytes, RECORDS * JSON_LEN);
    assert_true(digest_is_same(&sums.digest, &things->state.digest));
    assert_int_equal(stored_add_up(&stored, find(&stored, "absent"), &sums, &error), -ENOENT);
    stored_close(&stored);
}

/* All records, by a store that is opened again. */
static void rewrite_all(const char *directory) {
    struct store_options options = {
        .directory = directory, .map_bytes = 64 << 20, .readers_max = 8};
    struct store store;
    struct reel_error error;
    struct checkpoint_metrics metrics;
    struct table_set sets[STORE_SETS];
    must_ok(store_open(&store, &options, &error), error);
    must_ok(store_open_collection(&store, "things", sets, &error), error);
    store.rewrite_leaves_min = 1;
    must_ok(store_begin(&store, &error), error);
    for (unsigned n = 0; n < RECORDS; n++) put_record(&store, sets[0].records, n, 1);
    store_commit(&store, 7);
    must_ok(checkpoint_all(&store, &error), error);
    checkpoint_measure(&store, &metrics);
    must(metrics.tables_rewritten == 1);
    store_close(&store);
}

static void records_of_either_side_add_up(void **state) {
    (void)state;
    const char *directory = made(false);
    for (size_t time = 0; time < 3; time++) {
        struct stored stored;
        struct stored_sums sums;
        struct reel_error error;
        rewrite_all(directory);
        must_ok(stored_open(&stored, directory, &error), error);
        const struct stored_collection *things = find(&stored, "things");
        must_ok(stored_add_up(&stored, things, &sums, &error), error);
        assert_int_equal(sums.records, RECORDS);
        assert_true(digest_is_same(&sums.digest, &things->state.digest));
        stored_close(&stored);
    }
}

static void a_record_that_is_too_short_is_damage(void **state) {
    (void)state;
    struct stored stored;
    struct stored_sums sums;
    struct reel_error error;
    must_ok(stored_open(&stored, made(true), &error), error);
    assert_int_equal(stored_add_up(&stored, find(&stored, "things"), &sums, &error), -EBADMSG);
    assert_sentence(&error, "a record is damaged");
    stored_close(&stored);
}

static void sizes_are_those_of_the_file(void **state) {
    (void)state;
    const char *directory = made(false);
    struct stored stored;
    struct stored_sizes sizes;
    struct reel_error error;
    must_ok(stored_open(&stored, directory, &error), error);
    must_ok(stored_measure(&stored, &sizes, &error), error);
    assert_true(sizes.pages > 2 && sizes.free_pages < sizes.pages);
    assert_true(sizes.file_bytes > 0 && sizes.file_bytes % sizes.page_bytes == 0);
    assert_int_equal(sizes.rejections, 0);
    assert_true(sizes.checkpoint > 0);
    stored_close(&stored);
}

static void a_directory_without_a_store_is_refused(void **state) {
    (void)state;
    struct stored stored;
    struct reel_error error;
    assert_true(stored_open(&stored, scratch_directory(), &error) < 0);
    assert_true(error.text[0] != '\0');
    stored_close(&stored);
}

UNIT_TESTS(stored_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_meta_says_is_read),
        cmocka_unit_test(records_add_up_to_their_digest),
        cmocka_unit_test(records_of_either_side_add_up),
        cmocka_unit_test(a_record_that_is_too_short_is_damage),
        cmocka_unit_test(sizes_are_those_of_the_file),
        cmocka_unit_test(a_directory_without_a_store_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
