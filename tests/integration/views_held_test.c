/* views_held_test.c: the memory that views hold is bounded: beyond it the oldest of them end, and
 * the others go on. And memory that nobody needs is freed, also while nothing is written. */
#include <reel/reel.h>

/* The core has these names, too (unit.h). */
#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/store/memtable/version.h"
#include "engine/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYED_SO build_path("tests/integration/plugins/keyed.so")

#define HELD_BYTES_MAX ((size_t)96 << 20)

enum { KEYS = 120, VALUE_BYTES = 900 << 10, WAIT_MS = 60000 };

/* ---- Large records --------------------------------------------------------------------------- */

/* Each key gets a value of this letter. */
static void write_large(struct reel *reel, size_t from, size_t to, char letter) {
    char *event = malloc(VALUE_BYTES + 200), *value = malloc(VALUE_BYTES + 1);
    must(event && value);
    memset(value, letter, VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
    for (size_t key = from; key < to; key++) {
        sprintf(event,
                "{\"type\":\"test.keyed.v1.upsert\",\"subject\":\"key-%03zu\","
                "\"data\":{\"value\":\"%s\"}}",
                key, value);
        apply_text(reel, event, REEL_APPLIED);
    }
    free(event);
    free(value);
}

struct letters {
    char of[KEYS];
    size_t count;
};

/* `{"value":"aaaa…` */
static int note_letter(void *context, const struct reel_row *row) {
    struct letters *letters = context;
    must(letters->count < KEYS && row->json.len > VALUE_BYTES);
    letters->of[letters->count++] = row->json.data[strlen("{\"value\":\"")];
    return 0;
}

/* The view shows `b` for the first keys, and `a` for the others. */
static void check_shows(struct reel_view *view, size_t overwritten) {
    const struct reel_str start = {NULL, 0};
    struct letters letters = {.count = 0};
    must(reel_view_list(view, "keyed", start, false, note_letter, &letters) == 0);
    must(letters.count == KEYS);
    for (size_t key = 0; key < KEYS; key++)
        must(letters.of[key] == (key < overwritten ? 'b' : 'a'));
}

static bool is_over(struct reel_view *view) {
    struct reel_position position;
    int rc = reel_view_position(view, &position);
    must(rc == 0 || rc == -ETIME);
    return rc == -ETIME;
}

static const struct versions *versions_of(struct reel *reel) {
    return reel->dispatcher.store.versions;
}

/* Nothing is written meanwhile. */
static void wait_until_freed(struct reel *reel) {
    for (int waited = 0; versions_of(reel)->held_bytes > 0; waited++) {
        must(waited < WAIT_MS);
        engine_tick(reel);
        usleep(1000);
    }
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_oldest_view_ends_when_views_hold_too_much(void **state) {
    (void)state;
    struct reel_options options = {.view_ms_max = 600000};
    struct reel *reel = reel_opened(NULL, &options, KEYED_SO, NULL);
    struct reel_position position;
    reel->dispatcher.store.held_bytes_max = HELD_BYTES_MAX;
    write_large(reel, 0, KEYS, 'a');
    struct reel_view *oldest = view_opened(reel);
    write_large(reel, 0, KEYS / 2, 'b');
    struct reel_view *younger = view_opened(reel);
    assert_false(is_over(oldest));
    check_shows(oldest, 0);
    write_large(reel, KEYS / 2, KEYS, 'b');
    struct reel_view *newest = view_opened(reel);
    engine_tick(reel);
    engine_tick(reel); /* finds that it was enough */
    assert_true(is_over(oldest));
    assert_int_equal(reel_view_get(oldest, "keyed", reel_text("key-000"), note_letter, NULL),
                     -ETIME);
    check_shows(younger, KEYS / 2);
    check_shows(newest, KEYS);
    assert_int_equal(reel_view_position(newest, &position), 0);
    assert_true(versions_of(reel)->held_bytes <= HELD_BYTES_MAX);
    reel_view_close(oldest);
    reel_view_close(younger);
    reel_view_close(newest);
    wait_until_freed(reel);
    reel_close(reel);
}

/* As the writer may find it: it has its place, and no version yet. */
static void a_view_that_is_being_opened_keeps_its_place(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, KEYED_SO, NULL);
    struct reel_view *view = view_opened(reel);
    snapshot_end(&view->at);
    atomic_store(&view->deadline_ms, 0); /* memory is short */
    engine_tick(reel);
    assert_true(view->has_place);
    assert_int_equal(reel->views.open_count, 1);
    reel_view_close(view);
    assert_int_equal(reel->views.open_count, 0);
    reel_close(reel);
}

static void a_written_memtable_is_freed_while_nothing_is_written(void **state) {
    (void)state;
    struct reel *reel = reel_opened(scratch_directory(), NULL, FORMATION_SO, CELL_SO, NULL);
    apply_samples(reel, 1, 20000, 512);
    struct reel_view *view = view_opened(reel);
    {
        HOLD_LOCK(&reel->writer);
        checkpoint_ask(&reel->dispatcher.store);
    }
    for (int waited = 0; versions_of(reel)->frozen_bytes > 0; waited++) {
        must(waited < WAIT_MS);
        engine_tick(reel);
        usleep(1000);
    }
    assert_int_equal(memtable_bytes(versions_of(reel)), 0);
    assert_true(versions_of(reel)->held_bytes > 0); /* for the view */
    reel_view_close(view);
    wait_until_freed(reel);
    struct reel *fresh = fresh_fold(reel, FORMATION_SO, CELL_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_view_ends_when_views_hold_too_much),
        cmocka_unit_test(a_view_that_is_being_opened_keeps_its_place),
        cmocka_unit_test(a_written_memtable_is_freed_while_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
