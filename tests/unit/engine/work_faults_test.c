/* work_faults_test.c: works that are done together. A fault concerns its own work only, and costs
 * the others no transaction each. */
#include "unit.h"

#include "engine/transaction.h"
#include "engine/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE_BYTES = 100 << 10 };

/* ---- Fixture --------------------------------------------------------------------------------- */

/* A work of one submitted event. */
struct single {
    struct work work;
    struct reel_str payload;
    struct reel_result result;
};

static struct single *event_work(const char *id, size_t bytes) {
    struct single *single = calloc(1, sizeof *single);
    char *json = malloc(bytes + 256);
    must(single && json);
    int len = sprintf(json,
                      "{\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                      "\"source\":\"/s\",\"id\":\"%s\",\"data\":{\"cellId\":\"%s\",\"specId\":\"",
                      id, id);
    memset(json + len, 'x', bytes); /* a record of that size */
    strcpy(json + len + bytes, "\"}}");
    single->payload = reel_text(json);
    single->work = (struct work){
        .payloads = &single->payload, .count = 1, .submitted = true, .results = &single->result};
    return single;
}

static void single_free(struct single *single) {
    free((void *)single->payload.data);
    free(single);
}

/* One that has to be undone: there is no such collection. */
static const struct reel_command_request stray_order = {
    .struct_size = sizeof stray_order, .collection = {"nowhere", 7}, .verb = {"create", 6}};

static void assert_done(const struct single *single, uint64_t seq) {
    assert_int_equal(single->work.rc, 0);
    assert_int_equal(single->result.seq, seq);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_work_that_is_undone_costs_the_others_no_transaction_each(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, NULL);
    struct single *events[6];
    const char *ids[] = {"a", "b", "c", "d", "e", "b"};
    for (size_t i = 0; i < 6; i++) events[i] = event_work(ids[i], 0);
    struct work stray = {.kind = WORK_COMMAND, .request = &stray_order};
    struct work *group[] = {&events[0]->work, &events[1]->work, &events[2]->work, &stray,
                            &events[3]->work, &events[4]->work, &events[5]->work};
    assert_int_equal(works_run(reel, group, 7), 2);
    assert_int_equal(stray.rc, -ESRCH);
    assert_non_null(strstr(stray.error.text, "nowhere"));
    for (size_t i = 0; i < 5; i++) assert_done(events[i], i + 1);
    assert_done(events[5], 2);
    assert_true(events[5]->result.repeated);
    assert_int_equal(reel_cursor(reel), 5);
    for (size_t i = 0; i < 6; i++) single_free(events[i]);
    reel_close(reel);
}

/* What does not fit together may fit in parts; what is behind the one that does not fit is told so.
 */
static void work_that_exceeds_one_transaction_is_done_in_several(void **state) {
    (void)state;
    struct reel_options options = {.map_bytes = 2 << 20};
    struct reel *reel = reel_opened(NULL, &options, CELL_SO, NULL);
    struct single *events[32];
    struct work *group[32];
    for (size_t i = 0; i < 32; i++) {
        char id[8];
        sprintf(id, "%zu", i);
        events[i] = event_work(id, LARGE_BYTES);
        group[i] = &events[i]->work;
    }
    assert_true(works_run(reel, group, 32) > 0);
    size_t done = 0;
    while (done < 32 && events[done]->work.rc == 0) done++;
    assert_in_range(done, 4, 31);
    for (size_t i = 0; i < done; i++) assert_done(events[i], i + 1);
    for (size_t i = done; i < 32; i++) assert_int_equal(events[i]->work.rc, -ENOSPC);
    assert_int_equal(reel_cursor(reel), done);
    for (size_t i = 0; i < 32; i++) single_free(events[i]);
    reel_close(reel);
}

/* Nor may anybody go on showing what it once showed. */
static void a_store_that_has_failed_shows_nothing(void **state) {
    (void)state;
    struct reel_error error;
    struct reel_view *view;
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, NULL);
    assert_int_not_equal(reel_newest_commit(reel), 0);
    atomic_store(&reel->dispatcher.store.broken, true);
    assert_int_equal(reel_view_open(reel, &view, &error), -EIO);
    assert_int_equal(reel_newest_commit(reel), 0);
    reel_close(reel);
}

UNIT_TESTS(work_faults_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_work_that_is_undone_costs_the_others_no_transaction_each),
        cmocka_unit_test(a_store_that_has_failed_shows_nothing),
        cmocka_unit_test(work_that_exceeds_one_transaction_is_done_in_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
