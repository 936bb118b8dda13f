/* build_derived_test.c: looking back (build.h) at derived collections: with their unit, or alone.
 */
#include "unit.h"

#include "base/cleanup.h"
#include "derived_support.h"
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 60, GROUPS = 4 };
static const char *const collections[] = {"items", "totals", "strict", "sizes"};
enum { COLLECTIONS = LENGTH(collections) };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct past {
    const char *directory;
    struct reel *reel;
    char digests[EVENTS + 1][COLLECTIONS][40];
    char *totals[EVENTS + 1][GROUPS]; /* NULL: there was no such record */
};

static void note(struct past *past, int seq) {
    for (int i = 0; i < (int)COLLECTIONS; i++)
        snprintf(past->digests[seq][i], sizeof past->digests[seq][i], "%s",
                 info_of(past->reel, collections[i]).digest);
    for (int group = 0; group < GROUPS; group++) {
        char key[8];
        snprintf(key, sizeof key, "g%d", group);
        past->totals[seq][group] = record_text(past->reel, "totals", key);
    }
}

/* Values of 13 are rejected by `strict`; some events delete, some change nothing in the end. */
static void past_begin(struct past *past) {
    uint64_t random = 5;
    *past = (struct past){.directory = scratch_directory()};
    past->reel = derived_opened(past->directory, DERIVED_ALL);
    note(past, 0);
    for (int seq = 1; seq <= EVENTS; seq++) {
        char ops[128];
        size_t key = random_below(&random, 8), group = random_below(&random, GROUPS);
        size_t value = random_below(&random, 15);
        if (random_below(&random, 4) == 0)
            snprintf(ops, sizeof ops, "[['k%zu']]", key);
        else
            snprintf(ops, sizeof ops, "[['k%zu','g%zu',%zu]]", key, group, value);
        struct reel_error error;
        struct text event = {0};
        text_append_lit(&event, "{\"type\":\"item.ops\",\"data\":{\"ops\":");
        for (char *at = ops; *at; at++)
            if (*at == '\'') *at = '"';
        text_append_lit(&event, ops);
        text_append_lit(&event, "}}");
        must_ok(reel_apply(past->reel, text_str(&event), NULL, &error), error);
        text_finish(&event);
        note(past, seq);
    }
}

static void past_end(struct past *past) {
    reel_close(past->reel);
    for (int seq = 0; seq <= EVENTS; seq++)
        for (int group = 0; group < GROUPS; group++) free(past->totals[seq][group]);
}

static struct reel *built(const struct past *past, struct build_options *options, int first,
                          int count) {
    struct build_collection chosen[COLLECTIONS];
    struct reel *reel = derived_loaded(NULL, DERIVED_ALL);
    struct reel_error error;
    uint64_t seq;
    for (int i = 0; i < count; i++)
        chosen[i] = (struct build_collection){.name = collections[first + i], .from_seq = 1};
    options->directory = past->directory;
    options->collections = chosen;
    options->count = (size_t)count;
    must_ok(build_run(reel, options, &seq, &error), error);
    return reel;
}

static void compare(const struct past *past, uint64_t seq, int first, int count) {
    struct build_options options = {.seq = seq};
    struct reel *reel = built(past, &options, first, count);
    for (int i = 0; i < (int)COLLECTIONS; i++) {
        struct reel_collection_info info = info_of(reel, collections[i]);
        bool is_chosen = i >= first && i < first + count;
        assert_int_equal(info.served, is_chosen);
        if (is_chosen) assert_string_equal(info.digest, past->digests[seq][i]);
    }
    reel_close(reel);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_unit_is_what_it_was(void **state) {
    struct past past;
    (void)state;
    past_begin(&past);
    for (uint64_t seq = 1; seq <= EVENTS; seq += 7) compare(&past, seq, 0, COLLECTIONS);
    compare(&past, EVENTS, 0, COLLECTIONS);
    past_end(&past);
}

/* `sizes` derives from `totals`, and that from `items`: both are folded for it, and not shown. */
static void a_derived_collection_alone_brings_its_sources(void **state) {
    struct past past;
    (void)state;
    past_begin(&past);
    for (uint64_t seq = 3; seq <= EVENTS; seq += 19)
        for (int i = 0; i < (int)COLLECTIONS; i++) compare(&past, seq, i, 1);
    past_end(&past);
}

struct history {
    const struct past *past;
    int group;
    uint64_t at; /* the last seq that it has */
};

static bool differs(const struct past *past, uint64_t seq, int group) {
    const char *before = past->totals[seq - 1][group], *after = past->totals[seq][group];
    return before && after ? strcmp(before, after) != 0 : before != after;
}

/* What comes in between has not changed it. */
static int check_change(void *context, const struct build_change *change) {
    struct history *history = context;
    CLEANUP(text_finish) struct text line = {0};
    for (uint64_t seq = history->at + 1; seq < change->seq; seq++)
        must(!differs(history->past, seq, history->group));
    build_change_write(change, &line);
    const char *now = history->past->totals[change->seq][history->group];
    must(!line.failed && !now == !change->after);
    if (now) must(memmem(line.data, line.len, now, strlen(now)) != NULL);
    history->at = change->seq;
    return 0;
}

static void a_derived_record_has_a_history(void **state) {
    struct past past;
    (void)state;
    past_begin(&past);
    for (int group = 0; group < GROUPS; group++) {
        char key[8];
        snprintf(key, sizeof key, "g%d", group);
        struct history history = {.past = &past, .group = group};
        struct build_options options = {
            .seq = EVENTS, .key = reel_text(key), .changed = check_change, .context = &history};
        reel_close(built(&past, &options, 1, 1));
        must(history.at > 0);
        for (uint64_t seq = history.at + 1; seq <= EVENTS; seq++) must(!differs(&past, seq, group));
    }
    past_end(&past);
}

UNIT_TESTS(build_derived_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_is_what_it_was),
        cmocka_unit_test(a_derived_collection_alone_brings_its_sources),
        cmocka_unit_test(a_derived_record_has_a_history),
    };
    return cmocka_run_group_tests_name("build_derived_test", tests, NULL, NULL);
}
