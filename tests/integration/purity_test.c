/* purity_test.c: rule 3. The same events give the same bytes: in any load order, in any batching,
 * and when a projector was away for a while.
 *
 * Compared are whole dumps, `changed` seqs included: keys, bytes and the event that made them. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_SO build_path("tests/integration/plugins/audit.so")
enum { EVENTS = 6000 };

/* ---- Fixture --------------------------------------------------------------------------------- */

/* What everything is compared with: one load order, one event at a time. */
static struct reel *reference(void) {
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, AUDIT_SO, NULL);
    apply_samples(reel, 1, EVENTS, 1);
    return reel;
}

static int set_up(void **state) {
    *state = reference();
    return 0;
}

static int tear_down(void **state) {
    reel_close(*state);
    return 0;
}

static void apply_in_random_batches(struct reel *reel, uint64_t seed) {
    for (size_t done = 0; done < EVENTS;) {
        size_t part = random_next(&seed) % 400 + 1;
        if (part > EVENTS - done) part = EVENTS - done;
        apply_samples(reel, done + 1, part, part);
        done += part;
    }
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_order_of_loading_does_not_matter(void **state) {
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const char *const files[] = {FORMATION_SO, CELL_SO, AUDIT_SO};
    for (size_t at = 0; at < 6; at++) {
        const char *const plugins[] = {files[orders[at][0]], files[orders[at][1]],
                                       files[orders[at][2]], NULL};
        test_context("order %zu", at);
        struct reel *reel = reel_opened_list(NULL, NULL, plugins);
        apply_samples(reel, 1, EVENTS, 256);
        assert_same_state(reel, *state);
        reel_close(reel);
    }
    test_context("%s", "");
}

static void the_batching_does_not_matter(void **state) {
    static const size_t sizes[] = {2, 7, 256, 4096};
    for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
        test_context("batches of %zu", sizes[at]);
        struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, AUDIT_SO, NULL);
        apply_samples(reel, 1, EVENTS, sizes[at]);
        assert_same_state(reel, *state);
        reel_close(reel);
    }
    for (uint64_t seed = 1; seed <= 5; seed++) {
        test_context("random batches, seed %d", (int)seed);
        struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, AUDIT_SO, NULL);
        apply_in_random_batches(reel, seed);
        assert_same_state(reel, *state);
        reel_close(reel);
    }
    test_context("%s", "");
}

static void assert_same_collection(struct reel *a, struct reel *b, const char *name) {
    size_t a_len, b_len;
    char *a_text = collection_dump(a, name, &a_len);
    char *b_text = collection_dump(b, name, &b_len);
    assert_int_equal(a_len, b_len);
    assert_memory_equal(a_text, b_text, a_len);
    free(a_text);
    free(b_text);
}

static void a_projector_alone_makes_the_records_that_it_makes_in_company(void **state) {
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, NULL);
    apply_samples(reel, 1, EVENTS, 256);
    assert_same_collection(reel, *state, "cells");
    reel_close(reel);
    reel = reel_opened(NULL, NULL, FORMATION_SO, NULL);
    apply_samples(reel, 1, EVENTS, 256);
    assert_same_collection(reel, *state, "formations");
    reel_close(reel);
}

static void a_projector_may_be_away_for_a_while(void **state) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, AUDIT_SO, NULL);
    apply_samples(reel, 1, 2000, 256);
    reel_close(reel);
    reel = reel_opened(directory, NULL, AUDIT_SO, FORMATION_SO, NULL);
    apply_samples(reel, 2001, 2000, 256);
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, NULL); /* back, and the others away */
    apply_samples(reel, 4001, 1000, 256);
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, AUDIT_SO, NULL);
    apply_samples(reel, 5001, 1000, 256);
    assert_same_state(reel, *state);
    reel_close(reel);
}

static void a_log_folded_by_nobody_is_folded_when_somebody_comes(void **state) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, NULL);
    apply_samples(reel, 1, EVENTS, 256);
    assert_int_equal(position_of(reel).cursor, EVENTS);
    reel_close(reel);
    reel = reel_opened(directory, NULL, AUDIT_SO, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, *state);
    reel_close(reel);
}

static void a_projector_that_is_away_is_not_shown(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    apply_samples(reel, 1, 100, 100);
    reel_close(reel);
    reel = reel_opened(directory, NULL, FORMATION_SO, NULL);
    struct reel_view *view = view_opened(reel);
    struct text text = {0};
    assert_int_equal(view_dump(view, "cells", &text), -ESRCH);
    free(text.data);
    reel_view_close(view);
    assert_string_equal(reel_collection_name(reel, 0), "formations");
    assert_null(reel_collection_name(reel, 1));
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_loading_does_not_matter),
        cmocka_unit_test(the_batching_does_not_matter),
        cmocka_unit_test(a_projector_alone_makes_the_records_that_it_makes_in_company),
        cmocka_unit_test(a_projector_may_be_away_for_a_while),
        cmocka_unit_test(a_log_folded_by_nobody_is_folded_when_somebody_comes),
        cmocka_unit_test(a_projector_that_is_away_is_not_shown),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
