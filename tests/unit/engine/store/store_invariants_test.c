/* store_invariants_test.c: what the store must keep true by itself is held up by invariants:
 * transactions, positions, sizes. What a file holds that contradicts itself is an error. */
#include "unit.h"

#include "engine/store/index.h"
#include "engine/store/record.h"
#include "engine/store/rejected.h"

/* ---- Transactions ---------------------------------------------------------------------------- */

static void begin_again(void *context) {
    (void)store_begin(context, NULL);
}

static void there_is_one_write_transaction_at_a_time(void **state) {
    assert_violates(begin_again, *state, "!store_is_writing(store)");
}

static void close_it(void *context) {
    store_close(context);
}

static void a_store_is_not_closed_within_a_transaction(void **state) {
    assert_violates(close_it, *state, "!store_is_writing(store)");
}

static void commit_nothing(void *context) {
    struct store *store = context;
    store_abort(store);
    store_commit(store, 0);
}

static void only_a_transaction_is_committed(void **state) {
    assert_violates(commit_nothing, *state, "store_is_writing(store)");
}

static void put_outside(void *context) {
    const struct collection_state collection = {0};
    struct store *store = context;
    store_abort(store);
    (void)meta_put_collection(store, "cells", &collection, NULL);
}

static void writing_needs_a_transaction(void **state) {
    assert_violates(put_outside, *state, "is_open");
}

/* ---- Positions ------------------------------------------------------------------------------- */

static void put_state(void *context) {
    const struct store_state position = {.format = STORE_FORMAT, .cursor = 2, .head = 1};
    (void)meta_put_state(context, &position, NULL);
}

static void the_cursor_is_not_beyond_the_head(void **state) {
    assert_violates(put_state, *state, "state->cursor <= state->head");
}

/* Not by our hand: it is in a file. */
static void a_file_that_contradicts_itself_is_refused(void **state) {
    const char *directory = scratch_directory();
    struct store_options options = {.directory = directory, .map_bytes = 1 << 20, .readers_max = 2};
    struct store_state position;
    struct store store;
    struct reel_error error;
    (void)state;
    must_ok(store_open(&store, &options, &error), error);
    must_ok(store_begin(&store, &error), error);
    must(meta_get_state(&store, &store.writing, &position) == 0);
    position.cursor = position.head + 1;
    must(table_put(&store, TABLE_META, STR("store"),
                   (struct reel_str){(const char *)&position, sizeof position}, NULL) == 0);
    store_commit(&store, 0);
    store_close(&store);
    assert_int_equal(store_open(&store, &options, &error), -EBADMSG);
    assert_sentence(&error, "its state is damaged: cursor 1");
}

static void move_back(void *context) {
    const struct index_move move = {.key = STR("k"), .from = 5, .to = 5};
    struct arena arena = {0};
    struct store *store = context;
    size_t records, index;
    struct reel_error error;
    open_things(store, "cells", &records, &index);
    (void)index_write(store, index, &move, 1, &arena, &error);
}

static void each_change_of_a_record_is_newer_than_the_one_before(void **state) {
    assert_violates(move_back, *state, "moves[i].from < moves[i].to");
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static void name_too_long(void *context) {
    char name[STORE_NAME_MAX + 2] = "";
    struct collection_state collection;
    struct store *store = context;
    memset(name, 'n', STORE_NAME_MAX + 1);
    (void)meta_get_collection(store, &store->writing, name, &collection);
}

static void reject_with_too_long_a_name(void *context) {
    char name[STORE_NAME_MAX + 2] = "";
    memset(name, 'n', STORE_NAME_MAX + 1);
    (void)rejected_put(context, 1, name, 0, "why", NULL);
}

static void a_name_that_is_too_long_is_not_cut(void **state) {
    assert_violates(name_too_long, *state, "STORE_NAME_MAX");
    assert_violates(reject_with_too_long_a_name, *state, "STORE_NAME_MAX");
}

static void write_more_than_was_measured(void *context) {
    static const char *const names[] = {"a"};
    const struct reel_str values[] = {STR("\"value\"")};
    struct record_shape shape;
    char space[64];
    (void)context;
    must(record_shape_init(&shape, names, 1) == 0);
    size_t size = record_json_len(&shape, values); /* without what stands before it */
    record_write(&shape, values, 1, space, size);
}

static void a_record_takes_what_was_measured(void **state) {
    assert_violates(write_more_than_was_measured, *state, "to <= end");
}

static void remove_more_than_there_is(void *context) {
    struct rejection_list *list = context;
    list->bytes = 0;
    rejection_list_remove(list, 1);
}

static void the_bytes_of_a_list_are_those_of_what_is_in_it(void **state) {
    struct rejection_list list = {0};
    struct store *store = *state;
    struct reel_error error;
    must_ok(rejected_put(store, 1, "cells", 0, "why", &error), error);
    must_ok(rejected_copy(store, &store->writing, 1, &list, &error), error);
    assert_violates(remove_more_than_there_is, &list, "list->bytes >= bytes");
    rejection_list_remove(&list, 1);
    assert_int_equal(list.bytes, 0);
    rejection_list_finish(&list);
}

UNIT_TESTS(store_invariants_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
    const struct CMUnitTest tests[] = {
        CASE(there_is_one_write_transaction_at_a_time),
        CASE(a_store_is_not_closed_within_a_transaction),
        CASE(only_a_transaction_is_committed),
        CASE(writing_needs_a_transaction),
        CASE(the_cursor_is_not_beyond_the_head),
        CASE(a_file_that_contradicts_itself_is_refused),
        CASE(each_change_of_a_record_is_newer_than_the_one_before),
        CASE(a_name_that_is_too_long_is_not_cut),
        CASE(a_record_takes_what_was_measured),
        CASE(the_bytes_of_a_list_are_those_of_what_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
