/* views_model_test.c: views at any cursor against a slow model: an array of all states that there
 * have been. One writer freezes, has checkpoints written, undoes groups, rebuilds, trims and
 * restarts, with a checkpoint at its end or without; readers hold views of several cursors
 * meanwhile, and compare all that these show. */
#include <reel/reel.h>

/* The core has these names, too (unit.h). */
#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/store/digest.h"
#include "engine/transaction.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYED_SO build_path("tests/integration/plugins/keyed.so")

enum { KEYS = 40, READERS = 3, VIEWS_EACH = 5, GROUP_MAX = 16, SEQS_MAX = 60000, SPACE = 200 };

/* ---- The model ------------------------------------------------------------------------------- */

struct modelled {
    uint32_t value, times; /* times 0: there is no such record */
    uint32_t changed;      /* also: by its deletion; 0: it never was */
};

/* By seq, the state after that event. A state is written before its event is applied, and read by
 * who has a view of it. */
static struct modelled (*states)[KEYS];

enum kind { UPSERT, DELETE, SPOIL, KINDS };

struct change_made {
    enum kind kind;
    size_t key;
    uint32_t value;
};

static struct change_made any_change(uint64_t *random) {
    uint64_t kind = random_next(random) % 10;
    return (struct change_made){
        .kind = kind < 6   ? UPSERT
                : kind < 9 ? DELETE
                           : SPOIL,
        .key = random_next(random) % KEYS,
        .value = (uint32_t)random_next(random),
    };
}

static void model_change(uint64_t seq, const struct change_made *change) {
    must(seq < SEQS_MAX);
    memcpy(states[seq], states[seq - 1], sizeof states[seq]);
    struct modelled *record = &states[seq][change->key];
    if (change->kind == UPSERT)
        *record = (struct modelled){change->value, record->times + 1, (uint32_t)seq};
    if (change->kind == DELETE && record->times > 0)
        *record = (struct modelled){.changed = (uint32_t)seq};
}

static size_t write_event(const struct change_made *change, char event[SPACE]) {
    static const char *const names[KINDS] = {"upsert", "delete", "spoil"};
    return (size_t)snprintf(event, SPACE,
                            "{\"type\":\"test.keyed.v1.%s\",\"subject\":\"key-%02zu\","
                            "\"data\":{\"value\":%" PRIu32 "}}",
                            names[change->kind], change->key, change->value);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

/* A walk over a view's records, or its changes. */
struct comparing {
    const struct modelled *state;
    size_t next; /* key */
    struct digest digest;
    uint64_t since, last;
    bool seen[KEYS];
};

static void check_row(const struct modelled *record, size_t key, const struct reel_row *row) {
    char expected[SPACE];
    snprintf(expected, sizeof expected, "key-%02zu", key);
    must(reel_str_is(row->key, expected));
    snprintf(expected, sizeof expected, "{\"value\":%" PRIu32 ",\"times\":%" PRIu32 "}",
             record->value, record->times);
    if (!reel_str_is(row->json, expected) || row->changed != record->changed)
        support_failed(__FILE__, __LINE__, "key %zu: %.*s of %" PRIu64 ", not %s of %" PRIu32, key,
                       REEL_FMT(row->json), row->changed, expected, record->changed);
}

static int compare_record(void *context, const struct reel_row *row) {
    struct comparing *comparing = context;
    while (comparing->next < KEYS && comparing->state[comparing->next].times == 0)
        comparing->next++;
    must(comparing->next < KEYS);
    check_row(&comparing->state[comparing->next], comparing->next, row);
    digest_add(&comparing->digest, digest_hash(row->key, row->json));
    comparing->next++;
    return 0;
}

static int compare_change(void *context, const struct reel_changed_row *changed) {
    struct comparing *comparing = context;
    const struct reel_row *row = changed->row;
    must(row->changed > comparing->since && row->changed >= comparing->last);
    comparing->last = row->changed;
    size_t key = (size_t)(row->key.data[4] - '0') * 10 + (size_t)(row->key.data[5] - '0');
    must(row->key.len == 6 && key < KEYS && !comparing->seen[key]);
    comparing->seen[key] = true;
    const struct modelled *record = &comparing->state[key];
    if (row->json.data)
        check_row(record, key, row);
    else
        must(record->times == 0 && record->changed == row->changed);
    return 0;
}

/* False: the collection is being rebuilt. */
static bool compare_records(struct reel_view *view, const struct modelled *state) {
    const struct reel_str start = {NULL, 0};
    struct comparing comparing = {.state = state};
    struct reel_collection_info info;
    char digest[DIGEST_TEXT_SIZE];
    int rc = reel_view_list(view, "keyed", start, false, compare_record, &comparing);
    if (rc == -EAGAIN) return false;
    must(rc == 0);
    for (; comparing.next < KEYS; comparing.next++) must(state[comparing.next].times == 0);
    must(reel_view_collection(view, "keyed", &info) == 0);
    digest_write(&comparing.digest, digest);
    must(strcmp(digest, info.digest) == 0);
    return true;
}

/* All that changed since then, but deletions that were trimmed. */
static void compare_changes(struct reel_view *view, const struct modelled *state,
                            const struct reel_position *position, uint64_t since) {
    struct comparing comparing = {.state = state, .since = since};
    must(reel_view_changed(view, since, compare_change, &comparing) == 0);
    for (size_t key = 0; key < KEYS; key++) {
        const struct modelled *record = &state[key];
        bool is_kept = record->times > 0 || record->changed >= position->first_deletion;
        if (record->changed > since && is_kept) must(comparing.seen[key]);
    }
}

static int compare_one(void *context, const struct reel_row *row) {
    const struct comparing *comparing = context;
    check_row(&comparing->state[comparing->next], comparing->next, row);
    return 0;
}

static void compare_get(struct reel_view *view, const struct modelled *state, size_t key) {
    struct comparing comparing = {.state = state, .next = key};
    char name[16];
    snprintf(name, sizeof name, "key-%02zu", key);
    int rc = reel_view_get(view, "keyed", reel_text(name), compare_one, &comparing);
    must(rc == (state[key].times > 0 ? 0 : -ENOENT));
}

static void compare(struct reel_view *view, uint64_t *random) {
    struct reel_position position;
    must(reel_view_position(view, &position) == 0);
    const struct modelled *state = states[position.cursor];
    if (!compare_records(view, state)) return;
    compare_get(view, state, random_next(random) % KEYS);
    compare_changes(view, state, &position, random_next(random) % (position.cursor + 1));
}

/* ---- Readers --------------------------------------------------------------------------------- */

struct reader {
    pthread_t thread;
    struct reel *reel;
    uint64_t random;
    atomic_bool *stop;
    atomic_uint_fast64_t compared;
};

static void *read_on(void *context) {
    struct reader *reader = context;
    struct reel_view *views[VIEWS_EACH] = {NULL};
    do {
        struct reel_view **view = &views[random_next(&reader->random) % VIEWS_EACH];
        if (!*view) *view = view_opened(reader->reel);
        compare(*view, &reader->random);
        atomic_fetch_add(&reader->compared, 1);
        if (random_next(&reader->random) % 4) continue;
        reel_view_close(*view);
        *view = NULL;
    } while (!atomic_load(reader->stop));
    for (size_t i = 0; i < VIEWS_EACH; i++) {
        if (views[i]) compare(views[i], &reader->random);
        reel_view_close(views[i]);
    }
    return NULL;
}

/* ---- The writer ------------------------------------------------------------------------------ */

static void apply_group(struct reel *reel, uint64_t *head, uint64_t *random) {
    struct batch batch = {0};
    struct reel_error error;
    size_t count = 1 + random_next(random) % GROUP_MAX;
    while (batch.count < count) {
        struct change_made change = any_change(random);
        char event[SPACE];
        model_change(++*head, &change);
        batch_add(&batch, event, write_event(&change, event));
    }
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), count, NULL, &error), error);
    batch_free(&batch);
}

/* Nothing of it may be seen. */
static void undo_group(struct reel *reel, uint64_t *random) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    must_ok(dispatcher_begin(dispatcher, &error), error);
    for (uint64_t count = 1 + random_next(random) % GROUP_MAX; count > 0; count--) {
        struct change_made change = any_change(random);
        struct appended appended;
        char event[SPACE];
        struct reel_str bytes = {event, write_event(&change, event)};
        must_ok(dispatcher_append(dispatcher, &(struct arrival){.bytes = bytes, .fold = true},
                                  &appended, &error),
                error);
        must_ok(registry_flush(&dispatcher->registry, &dispatcher->fold.arena, &error), error);
    }
    dispatcher_abort(dispatcher);
}

static void ask_for_checkpoint(struct reel *reel) {
    HOLD_LOCK(&reel->writer);
    checkpoint_ask(&reel->dispatcher.store);
}

/* What was trimmed cannot be rebuilt: not before there was a rebuild. */
static void rebuild_or_trim(struct reel *reel, uint64_t head, bool may_trim, uint64_t *random) {
    struct reel_error error;
    if (position_of(reel).first_seq == 1 && (!may_trim || random_next(random) % 2))
        must_ok(reel_rebuild(reel, "keyed", &error), error);
    else if (may_trim)
        must_ok(reel_trim(reel, 1 + random_next(random) % head, &error), error);
}

static void write_steps(struct reel *reel, uint64_t *head, bool may_trim, uint64_t *random) {
    for (size_t steps = 20 + random_next(random) % 100; steps > 0; steps--) {
        uint64_t what = random_next(random) % 40;
        if (what == 0)
            rebuild_or_trim(reel, *head, may_trim, random);
        else if (what < 8)
            ask_for_checkpoint(reel);
        else if (what < 14)
            undo_group(reel, random);
        else if (what < 18)
            engine_tick(reel);
        else
            apply_group(reel, head, random);
    }
}

/* Without a checkpoint at its end, as after a kill: what is not in LMDB is folded again. */
static void close_it(struct reel *reel, uint64_t *random) {
    if (random_next(random) % 2) atomic_store(&reel->dispatcher.store.broken, true);
    reel_close(reel);
}

/* From opening to closing. */
static uint64_t live(const char *directory, uint64_t *head, bool may_trim, uint64_t *random) {
    struct reel_options options = {.view_ms_max = 600000, .segment_bytes = 64 << 10};
    struct reel *reel = reel_opened(directory, &options, KEYED_SO, NULL);
    struct reader readers[READERS];
    atomic_bool stop = false;
    uint64_t compared = 0;
    must(position_of(reel).cursor == *head);
    if (*head == 0) apply_group(reel, head, random);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.reel = reel, .random = random_next(random), .stop = &stop};
        must(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]) == 0);
    }
    write_steps(reel, head, may_trim, random);
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        must(pthread_join(readers[i].thread, NULL) == 0);
        compared += atomic_load(&readers[i].compared);
    }
    struct reel_view *view = view_opened(reel);
    compare(view, random);
    reel_view_close(view);
    close_it(reel, random);
    return compared;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void views_show_what_a_slow_model_has(void **state) {
    (void)state;
    uint64_t random = 1, compared = 0;
    states = calloc(SEQS_MAX, sizeof *states);
    must(states);
    for (size_t store = 0; store < scaled(40); store++) {
        const char *directory = scratch_directory();
        uint64_t head = 0;
        test_context("store %zu", store);
        for (size_t lives = 8; lives > 0; lives--)
            compared += live(directory, &head, lives <= 3, &random);
    }
    assert_true(compared > 0);
    free(states);
}

/* In memory nothing is written, except for a backup. */
static void views_in_memory_show_what_a_slow_model_has(void **state) {
    (void)state;
    uint64_t random = 2, compared = 0;
    states = calloc(SEQS_MAX, sizeof *states);
    must(states);
    for (size_t store = 0; store < scaled(40); store++) {
        uint64_t head = 0;
        compared += live(NULL, &head, false, &random);
    }
    assert_true(compared > 0);
    free(states);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_show_what_a_slow_model_has),
        cmocka_unit_test(views_in_memory_show_what_a_slow_model_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
