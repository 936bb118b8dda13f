/* shadow_test.c: a rebuild beside the records that are served: each view has all of the old records
 * or all of the new ones, whatever happens meanwhile.
 *
 * The fixture counts subjects, and adds to each the number `adds`, which is no part of the store:
 * so old records that were made with another number differ from those of a rebuild, as those of a
 * plugin with a fault that was corrected do. A slow model counts all events again for each view.
 */
#include "unit.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/store/digest.h"
#include "engine/transaction.h"
#include "engine/verify.h"

#include <reel/projector.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 11, GROUPS = 3, EVENTS_MAX = 20000, OLD_ADDS = 1, NEW_ADDS = 5 };

static int64_t adds = OLD_ADDS;

/* ---- The plugin ------------------------------------------------------------------------------ */

static void add(struct reel_record *record, int64_t by) {
    int64_t count = 0;
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + by);
}

static reel_outcome tally_evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (!event->subject.data) return reel_reject(tx, "no subject, adds %" PRId64, adds);
    add(reel_upsert(tx, event->subject), adds);
    return REEL_APPLIED;
}

/* Of each group of keys. While it runs, another thread may look. */
static void (*while_deriving)(void);

static reel_outcome sums_derive(struct reel_tx *tx, const struct reel_change *change) {
    int64_t before = 0, after = 0;
    char group[] = "g0";
    group[1] = (char)('0' + (change->key.data[1] - 'a') % GROUPS);
    if (change->before) reel_field_int(change->before, "count", &before);
    if (change->after) reel_field_int(change->after, "count", &after);
    add(reel_upsert(tx, reel_text(group)), after - before);
    if (while_deriving) while_deriving();
    return REEL_APPLIED;
}

static const char *const prefixes[] = {"tally.", NULL};
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER, .flags = REEL_FIELD_INDEXED), NULL};

#define PLUGIN(symbol, title, ...)                                                                 \
    static const struct reel_plugin symbol = {                                                     \
        .header = REEL_PLUGIN_HEADER,                                                              \
        .name = title,                                                                             \
        .version = "1",                                                                            \
        .projectors =                                                                              \
            (const struct reel_projector *const[]){                                                \
                &(const struct reel_projector){.struct_size = sizeof(struct reel_projector),       \
                                               .collection = title,                                \
                                               .fields = fields,                                   \
                                               __VA_ARGS__},                                       \
                NULL},                                                                             \
    }
PLUGIN(tally, "tally", .revision = 1, .type_prefixes = prefixes, .evolve = tally_evolve);
PLUGIN(tally_2, "tally", .revision = 2, .type_prefixes = prefixes, .evolve = tally_evolve);
PLUGIN(sums, "sums", .revision = 1, .derives_from = "tally", .derive = sums_derive,
       .flags = REEL_DERIVE_FROM_RECORDS);
PLUGIN(sums_2, "sums", .revision = 2, .derives_from = "tally", .derive = sums_derive,
       .flags = REEL_DERIVE_FROM_RECORDS);

REEL_PRINTF(2, 3)
static void say(struct text *to, const char *format, ...) {
    char one[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(one, sizeof one, format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof one);
    text_append(to, one, (size_t)len);
}

/* ---- The model ------------------------------------------------------------------------------- */

/* Of each event, what it was when it came. */
static struct happened {
    int key; /* -1: it has none */
    int64_t adds;
} events[EVENTS_MAX + 1];
static uint64_t random_state;

struct counted {
    int64_t count;
    uint64_t changed;
};

struct model {
    struct counted tally[KEYS], sums[GROUPS];
    struct text rejected;
};

static void count(struct counted *counted, int64_t by, uint64_t seq) {
    counted->count += by;
    counted->changed = seq;
}

/* `is_new`: as a rebuild makes it. */
static void recompute(struct model *model, uint64_t cursor, bool is_new) {
    for (uint64_t seq = 1; seq <= cursor; seq++) {
        int64_t by = is_new ? NEW_ADDS : events[seq].adds;
        if (events[seq].key < 0) continue;
        count(&model->tally[events[seq].key], by, seq);
        count(&model->sums[events[seq].key % GROUPS], by, seq);
    }
    for (uint64_t seq = cursor; seq > 0; seq--)
        if (events[seq].key < 0)
            say(&model->rejected, "%" PRIu64 " tally no subject, adds %" PRId64 "\n", seq,
                is_new ? (int64_t)NEW_ADDS : events[seq].adds);
}

static void write_rows(struct text *to, const char *collection, char first, size_t count,
                       const struct counted *rows) {
    bool is_group = first == 'g';
    for (size_t i = 0; i < count; i++)
        if (rows[i].changed)
            say(to, "%s %c%c {\"count\":%" PRId64 "} @%" PRIu64 "\n", collection, first,
                (char)((is_group ? '0' : 'a') + (int)i), rows[i].count, rows[i].changed);
}

/* As `see` does. */
static void write_changes(struct text *to, const struct model *model, uint64_t cursor) {
    for (uint64_t seq = 1; seq <= cursor; seq++) {
        for (int group = 0; group < GROUPS; group++)
            if (model->sums[group].changed == seq) say(to, "sums g%d @%" PRIu64 "\n", group, seq);
        for (int key = 0; key < KEYS; key++)
            if (model->tally[key].changed == seq)
                say(to, "tally k%c @%" PRIu64 "\n", 'a' + key, seq);
    }
}

/* By the index: records in the order of their counts. */
static void write_order(struct text *to, const struct model *model) {
    bool given[KEYS] = {false};
    for (int n = 0; n < KEYS; n++) {
        int next = -1;
        for (int key = 0; key < KEYS; key++)
            if (!given[key] && model->tally[key].changed &&
                (next < 0 || model->tally[key].count < model->tally[next].count))
                next = key;
        if (next < 0) return;
        given[next] = true;
        say(to, "by count k%c\n", 'a' + next);
    }
}

static void write_model(struct text *to, uint64_t cursor, bool is_new) {
    struct model model = {0};
    recompute(&model, cursor, is_new);
    write_rows(to, "sums", 'g', GROUPS, model.sums);
    write_rows(to, "tally", 'k', KEYS, model.tally);
    write_changes(to, &model, cursor);
    write_order(to, &model);
    text_append_str(to, text_str(&model.rejected));
    text_finish(&model.rejected);
}

/* ---- What a view shows ----------------------------------------------------------------------- */

struct seeing {
    struct text *to;
    const char *collection;
    struct digest digest;
};

static int see_row(void *context, const struct reel_row *row) {
    struct seeing *seeing = context;
    say(seeing->to, "%s %.*s %.*s @%" PRIu64 "\n", seeing->collection, REEL_FMT(row->key),
        REEL_FMT(row->json), row->changed);
    digest_add(&seeing->digest, digest_hash(row->key, row->json));
    return 0;
}

static int see_change(void *context, const struct reel_changed_row *changed) {
    say(context, "%s %.*s @%" PRIu64 "\n", changed->collection, REEL_FMT(changed->row->key),
        changed->row->changed);
    return 0;
}

static int see_rejection(void *context, const struct reel_rejection *rejection) {
    say(context, "%" PRIu64 " %.*s %.*s\n", rejection->seq, REEL_FMT(rejection->collection),
        REEL_FMT(rejection->reason));
    return 0;
}

static struct reel_collection_info see_collection(struct text *to, struct reel_view *view,
                                                  const char *collection) {
    struct seeing seeing = {.to = to, .collection = collection};
    struct reel_collection_info info;
    char digest[DIGEST_TEXT_SIZE];
    must(reel_view_collection(view, collection, &info) == 0 && info.served);
    must(reel_view_list(view, collection, (struct reel_str){0}, false, see_row, &seeing) == 0);
    digest_write(&seeing.digest, digest);
    assert_string_equal(digest, info.digest);
    return info;
}

static int see_ordered(void *context, const struct reel_row *row) {
    say(context, "by count %.*s\n", REEL_FMT(row->key));
    return 0;
}

/* An index is built in slices when the flag appears; these are there from the beginning. */
static void see_order(struct text *to, struct reel_view *view) {
    const struct reel_query query = {
        .struct_size = sizeof query, .collection = "tally", .order = "count"};
    struct reel_error error;
    must_ok(reel_view_query(view, &query, see_ordered, to, NULL, &error), error);
}

/* All of a view is of one generation. */
static struct reel_collection_info check_view(struct reel_view *view, uint64_t old_generation) {
    CLEANUP(text_finish) struct text seen = {0}, expected = {0};
    struct reel_position position;
    must(reel_view_position(view, &position) == 0);
    struct reel_collection_info derived = see_collection(&seen, view, "sums");
    struct reel_collection_info info = see_collection(&seen, view, "tally");
    must(reel_view_changed(view, 0, see_change, &seen) == 0);
    see_order(&seen, view);
    must(reel_view_rejected(view, UINT64_MAX, see_rejection, &seen) == 0);
    write_model(&expected, position.cursor, info.generation > old_generation);
    assert_bytes(text_str(&seen), text_str(&expected));
    assert_int_equal(info.cursor, position.cursor);
    assert_int_equal(derived.cursor, position.cursor);
    assert_int_equal(info.applied + info.rejected, position.cursor);
    assert_int_equal(info.rebuilding, derived.rebuilding);
    if (info.rebuilding) assert_true(info.rebuild_cursor <= info.cursor);
    return info;
}

/* `old_generation`: that of the old records. */
static struct reel_collection_info check(struct reel *reel, uint64_t old_generation) {
    struct reel_view *view = view_opened(reel);
    struct reel_collection_info info = check_view(view, old_generation);
    reel_view_close(view);
    return info;
}

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *opened_with(const char *directory, const struct reel_options *given,
                                const struct reel_plugin *first, const struct reel_plugin *second,
                                const char *rebuilt) {
    struct reel_options options = test_options(directory, given);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, first, &error), error);
    if (second) must_ok(reel_add_plugin(reel, second, &error), error);
    if (rebuilt) must_ok(reel_rebuild(reel, rebuilt, &error), error);
    must_ok(reel_start(reel, &error), error);
    return reel;
}

static struct reel *opened(const char *directory, uint32_t flags) {
    struct reel_options options = {.flags = flags};
    return opened_with(directory, &options, &tally, &sums, NULL);
}

static void note_event(uint64_t seq) {
    must(seq <= EVENTS_MAX);
    uint64_t drawn = random_next(&random_state);
    events[seq] = (struct happened){drawn % 13 == 0 ? -1 : (int)(drawn / 16 % KEYS), adds};
}

static size_t write_event(uint64_t seq, char *to, size_t size) {
    int key = events[seq].key;
    if (key < 0) return (size_t)snprintf(to, size, "{\"type\":\"tally.one\"}");
    return (size_t)snprintf(to, size, "{\"type\":\"tally.one\",\"subject\":\"k%c\"}", 'a' + key);
}

/* The only writer. */
static void apply_some(struct reel *reel, size_t count) {
    struct batch batch = {0};
    struct reel_error error;
    char event[64];
    uint64_t head = reel_cursor(reel);
    for (size_t i = 1; i <= count; i++) {
        note_event(head + i);
        batch_add(&batch, event, write_event(head + i, event, sizeof event));
    }
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), count, NULL, &error), error);
    batch_free(&batch);
}

/* Records that were made with the old number, of a store that is closed. */
static const char *made(size_t count) {
    const char *directory = scratch_directory();
    random_state = count;
    adds = OLD_ADDS;
    struct reel *reel = opened(directory, 0);
    for (size_t left = count; left > 0;) {
        size_t some = left < 1000 ? left : 1000;
        apply_some(reel, some);
        left -= some;
    }
    check(reel, 0);
    reel_close(reel);
    adds = NEW_ADDS;
    return directory;
}

static void begin_rebuild(struct reel *reel, const char *name) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    struct collection *collection = registry_find(&reel->dispatcher.registry, reel_text(name));
    must_ok(dispatcher_reset(&reel->dispatcher, collection, &error), error);
}

static int build_some(struct reel *reel, uint64_t events_max) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    int rc = transaction_build_some(reel, events_max, &error);
    if (rc < 0) must_ok(rc, error);
    return rc;
}

static void write_checkpoint(struct reel *reel) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    must_ok(checkpoint_all(&reel->dispatcher.store, &error), error);
}

/* ---- Cases: one rebuild ---------------------------------------------------------------------- */

static void old_records_are_served_and_folded_until_the_switch(void **state) {
    (void)state;
    struct reel *reel = opened(made(400), 0);
    size_t old_views = 0, slices = 0;
    begin_rebuild(reel, "tally");
    struct reel_view *held = view_opened(reel);
    while (build_some(reel, 7) > 0) {
        struct reel_collection_info info = check(reel, 0);
        assert_int_equal(info.generation, info.rebuilding ? 0 : 1);
        old_views += info.rebuilding;
        slices++;
        if (info.rebuilding) apply_some(reel, slices % 3);
    }
    assert_true(old_views > 50 && old_views == slices - 1);
    assert_true(reel_cursor(reel) > 400);
    write_checkpoint(reel); /* LMDB has the old tables empty */
    check_view(held, 0);
    reel_view_close(held);
    assert_int_equal(check(reel, 0).generation, 1);
    apply_some(reel, 50);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

static void what_is_new_is_kept_by_a_restart(void **state) {
    (void)state;
    const char *directory = made(300);
    struct reel_error error;
    struct reel *reel = opened(directory, 0);
    for (uint64_t generation = 1; generation <= 3; generation++) {
        must_ok(reel_rebuild(reel, "sums", &error), error);
        assert_int_equal(check(reel, 0).generation, generation);
        apply_some(reel, 20);
        reel_close(reel);
        reel = opened(directory, 0);
        assert_int_equal(check(reel, 0).generation, generation);
    }
    reel_close(reel);
}

static void a_rebuild_that_is_asked_for_again_begins_again(void **state) {
    (void)state;
    struct reel *reel = opened(made(300), 0);
    begin_rebuild(reel, "tally");
    for (int i = 0; i < 10; i++) build_some(reel, 7);
    assert_true(check(reel, 0).rebuild_cursor >= 70);
    begin_rebuild(reel, "sums");
    assert_int_equal(check(reel, 0).rebuild_cursor, 0);
    while (build_some(reel, 100) > 0) check(reel, 0);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

static void an_empty_log_is_rebuilt(void **state) {
    (void)state;
    struct reel_error error;
    adds = NEW_ADDS;
    struct reel *reel = opened(NULL, 0);
    must_ok(reel_rebuild(reel, "tally", &error), error);
    assert_int_equal(info_of(reel, "tally").generation, 1);
    apply_some(reel, 30);
    must_ok(reel_rebuild(reel, "tally", &error), error);
    assert_int_equal(check(reel, 0).generation, 2);
    reel_close(reel);
}

static void what_it_needs_is_not_trimmed(void **state) {
    (void)state;
    struct reel_error error;
    struct reel *reel = opened(made(400), 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    uint64_t kept = check(reel, 0).rebuild_cursor + 1;
    must_ok(reel_trim(reel, 300, &error), error);
    assert_in_range(position_of(reel).first_seq, 2, kept);
    while (build_some(reel, 7) > 0) continue;
    assert_int_equal(info_of(reel, "tally").applied + info_of(reel, "tally").rejected, 400);
    must_ok(reel_trim(reel, 300, &error), error);
    assert_int_equal(position_of(reel).first_seq, 300);
    reel_close(reel);
}

static void another_log_ends_it(void **state) {
    (void)state;
    static const uint8_t epoch[16] = {7};
    static const struct store_origin origin = {.created_ns = 7, .stream_hash = {1}};
    const char *directory = made(200);
    struct reel_error error;
    struct reel *reel = opened(directory, 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    must_ok(engine_adopt(reel, epoch, 1000, &origin, &error), error);
    for (int i = 0; i < 2; i++) {
        struct reel_collection_info info = info_of(reel, "tally");
        assert_true(info.served && !info.rebuilding && info.records == 0);
        assert_int_equal(info.cursor, 999);
        assert_int_equal(build_some(reel, 7), 0);
        reel_close(reel);
        if (i == 0) reel = opened(directory, 0);
    }
}

/* ---- Cases: verifying ------------------------------------------------------------------------ */

struct compared {
    size_t served, shadows, wrong_shadows;
};

static void note_compared(void *context, const struct verify_compared *compared) {
    struct compared *counts = context;
    bool is_wrong = compared->why || !compared->is_same;
    if (is_wrong && !compared->is_shadow)
        fail_msg("%s: %s", compared->collection, compared->why ? compared->why : "not the same");
    counts->served += !compared->is_shadow;
    counts->shadows += compared->is_shadow;
    counts->wrong_shadows += is_wrong;
}

static void note_finding(void *context, const char *file, uint64_t offset, const char *what) {
    (void)context;
    fail_msg("%s: %zu: %s", file, (size_t)offset, what);
}

static void note_sentence(void *context, const char *sentence) {
    (void)context;
    fail_msg("%s", sentence);
}

static void note_beginning(void *context, const char *what) {
    (void)context, (void)what;
}

/* Both collections, by their records and by a fold. */
static struct compared verified(const char *directory) {
    struct compared compared = {0};
    const struct verifier verifier = {note_finding, note_sentence, note_compared, note_beginning,
                                      &compared};
    struct reel_options options = test_options(NULL, NULL);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, &tally, &error), error);
    must_ok(reel_add_plugin(reel, &sums, &error), error);
    int found = verify_directory(directory, reel, &verifier, &error);
    assert_int_equal(found, compared.wrong_shadows);
    reel_close(reel);
    assert_int_equal(compared.served, 4);
    return compared;
}

/* The shadow is said to have folded what it has not. */
static void spoil_shadow(struct reel *reel) {
    HOLD_LOCK(&reel->writer);
    struct reel_error error;
    must_ok(dispatcher_begin(&reel->dispatcher, &error), error);
    registry_find(&reel->dispatcher.registry, STR("tally"))->shadow->state.digest.low++;
    must_ok(dispatcher_end(&reel->dispatcher, 0, &error), error);
}

/* With the second set of tables, and with one that has a shadow. */
static void verify_reads_the_records_that_are_served_and_those_of_a_rebuild(void **state) {
    (void)state;
    const char *directory = made(100);
    struct reel_error error;
    struct reel *reel = opened(directory, 0);
    must_ok(reel_rebuild(reel, "tally", &error), error);
    apply_some(reel, 20);
    reel_close(reel);
    assert_int_equal(verified(directory).shadows, 0);
    reel = opened(directory, 0);
    begin_rebuild(reel, "tally");
    build_some(reel, 50);
    assert_true(info_of(reel, "tally").rebuilding);
    reel_close(reel);
    struct compared compared = verified(directory);
    assert_int_equal(compared.shadows, 2);
    assert_int_equal(compared.wrong_shadows, 0);
    reel = opened(directory, REEL_START_BEHIND);
    assert_true(info_of(reel, "tally").rebuilding);
    spoil_shadow(reel);
    reel_close(reel);
    assert_int_equal(verified(directory).wrong_shadows, 1);
}

static void a_backup_has_both(void **state) {
    (void)state;
    const char *copy = path_in(scratch_directory(), "copy");
    struct reel_error error;
    struct reel *reel = opened(made(200), 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    write_checkpoint(reel);
    must_ok(reel_backup(reel, copy, &error), error);
    reel_close(reel);
    adds = OLD_ADDS; /* as those that are served were made */
    struct compared compared = verified(copy);
    adds = NEW_ADDS;
    assert_int_equal(compared.shadows, 2);
    assert_int_equal(compared.wrong_shadows, 0);
    reel = opened(copy, REEL_START_BEHIND | REEL_NEW_EPOCH);
    struct reel_collection_info info = check(reel, 0);
    assert_true(info.rebuilding && info.generation == 0 && info.rebuild_cursor >= 100);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

/* ---- Cases: crashes -------------------------------------------------------------------------- */

/* The copy shows what was visible, or what was there before and is told apart; then it is finished.
 * `seen`: what the views before had. */
static void check_copy(const char *directory, const struct reel_collection_info *seen) {
    struct reel *reel = opened(copy_of_directory(directory), REEL_START_BEHIND);
    struct reel_error error;
    struct reel_collection_info info = check(reel, 0);
    assert_int_equal(info.cursor, seen->cursor);
    assert_int_equal(info.generation, seen->generation);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    apply_some(reel, 3);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

/* At each point between two groups, with and without a checkpoint there. */
static void killed_at_any_point(uint64_t checkpoints) {
    const char *directory = made(60);
    struct reel *reel = opened(directory, 0);
    uint64_t random = checkpoints;
    begin_rebuild(reel, "tally");
    struct reel_collection_info info = check(reel, 0);
    while (info.rebuilding) {
        check_copy(directory, &info);
        apply_some(reel, 1);
        build_some(reel, 9);
        if (random_next(&random) % 4 < checkpoints) write_checkpoint(reel);
        info = check(reel, 0);
    }
    assert_int_equal(info.generation, 1);
    check_copy(directory, &info);
    apply_some(reel, 2);
    info = check(reel, 0);
    check_copy(directory, &info);
    reel_close(reel);
}

static void a_kill_at_any_point_leaves_old_or_new_records(void **state) {
    (void)state;
    for (uint64_t checkpoints = 0; checkpoints <= 4; checkpoints++)
        killed_at_any_point(checkpoints);
}

static void a_restart_goes_on_where_the_checkpoint_was(void **state) {
    (void)state;
    const char *directory = made(200);
    struct reel *reel = opened(directory, 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    write_checkpoint(reel);
    uint64_t reached = check(reel, 0).rebuild_cursor;
    build_some(reel, 7);
    const char *copy = copy_of_directory(directory);
    reel_close(reel);
    reel = opened(copy, REEL_START_BEHIND);
    assert_int_equal(check(reel, 0).rebuild_cursor, reached);
    reel_close(reel);
}

/* ---- Cases: the start ------------------------------------------------------------------------ */

static void a_rebuild_at_the_start_serves_the_old_records(void **state) {
    (void)state;
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel *reel = opened_with(made(200), &options, &tally, &sums, "tally");
    struct reel_collection_info info = check(reel, 0);
    assert_true(info.rebuilding && info.generation == 0);
    apply_some(reel, 5);
    check(reel, 0);
    while (build_some(reel, 50) > 0) check(reel, 0);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

/* Of its source there is what to serve, of itself there is not. */
static void assert_source_is_served(const char *directory, const struct reel_plugin *derived) {
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel_error error;
    struct reel *reel = opened_with(directory, &options, &tally, derived, NULL);
    struct reel_collection_info info = info_of(reel, "tally");
    assert_true(info.served && info.rebuilding && info.generation == 0);
    assert_int_equal(info.cursor, 200);
    assert_false(info_of(reel, "sums").served);
    apply_some(reel, 5);
    assert_false(info_of(reel, "sums").served);
    write_checkpoint(reel);
    const char *copy = copy_of_directory(directory);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);

    reel = opened_with(copy, &options, &tally, derived, NULL);
    assert_true(info_of(reel, "tally").served && !info_of(reel, "sums").served);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

static void the_source_of_a_new_collection_is_served(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    adds = OLD_ADDS;
    struct reel *reel = opened_with(directory, NULL, &tally, NULL, NULL);
    apply_some(reel, 200);
    reel_close(reel);
    adds = NEW_ADDS;
    assert_source_is_served(directory, &sums);
}

static void the_source_of_one_with_another_fold_is_served(void **state) {
    (void)state;
    assert_source_is_served(made(200), &sums_2);
}

/* Its old records cannot be folded on. */
static void another_fold_is_not_served_before_it_is_complete(void **state) {
    (void)state;
    const char *directory = made(200);
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel_error error;
    struct reel *reel = opened_with(directory, &options, &tally, &sums, "tally");
    build_some(reel, 50);
    reel_close(reel);
    reel = opened_with(directory, &options, &tally_2, &sums, NULL);
    assert_false(info_of(reel, "tally").served || info_of(reel, "tally").rebuilding);
    must_ok(reel_catch_up(reel, &error), error);
    check(reel, 0);
    reel_close(reel);
}

/* ---- Cases: from records --------------------------------------------------------------------- */

static struct reel *looked_at;
static size_t looks;

static void look_at_old_sums(void) {
    CLEANUP(text_finish) struct text seen = {0}, expected = {0};
    struct model model = {0};
    struct reel_view *view = view_opened(looked_at);
    struct reel_collection_info info = see_collection(&seen, view, "sums");
    reel_view_close(view);
    assert_int_equal(info.generation, 0);
    recompute(&model, info.cursor, false);
    write_rows(&expected, "sums", 'g', GROUPS, model.sums);
    assert_bytes(text_str(&seen), text_str(&expected));
    text_finish(&model.rejected);
    looks++;
}

static void a_rebuild_from_records_serves_the_old_ones(void **state) {
    (void)state;
    struct reel_error error;
    struct reel *reel = opened(made(200), 0);
    must_ok(reel_trim(reel, 100, &error), error);
    looked_at = reel;
    looks = 0;
    while_deriving = look_at_old_sums;
    must_ok(reel_rebuild(reel, "sums", &error), error);
    while_deriving = NULL;
    assert_int_equal(looks, KEYS);
    assert_int_equal(info_of(reel, "sums").generation, 1);
    assert_int_equal(info_of(reel, "tally").generation, 0);
    apply_some(reel, 10);
    reel_close(reel);
}

/* ---- Cases: a full disk ---------------------------------------------------------------------- */

/* The new records do not fit beside the old ones. */
enum { RECORDS = 8000 };

static void a_full_disk_leaves_the_old_records(void **state) {
    (void)state;
    char subject[101] = "";
    struct batch batch = {0};
    const char *directory = scratch_directory();
    struct reel_options small = {.map_bytes = 4 << 20}, large = {.map_bytes = 64 << 20};
    struct reel_error error;
    memset(subject, 'x', sizeof subject - 1);
    adds = OLD_ADDS;
    struct reel *reel = opened_with(directory, &small, &tally, NULL, NULL);
    for (int n = 0; n < RECORDS; n++) {
        char event[256];
        int len = snprintf(event, sizeof event, "{\"type\":\"tally.one\",\"subject\":\"k%05d%s\"}",
                           n, subject);
        batch_add(&batch, event, (size_t)len);
        if (batch.count < 200 && n + 1 < RECORDS) continue;
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
        batch_clear(&batch);
    }
    batch_free(&batch);
    reel_close(reel);

    adds = NEW_ADDS;
    reel = opened_with(directory, &small, &tally, NULL, NULL);
    struct reel_collection_info before = info_of(reel, "tally");
    int rc;
    for (int i = 0; (rc = reel_rebuild(reel, "tally", &error)) == 0 && i < 10; i++) continue;
    if (rc != -ENOSPC) fail_msg("%d: %s", rc, error.text);
    struct reel_collection_info after = info_of(reel, "tally");
    assert_true(after.served);
    assert_int_equal(after.records, RECORDS);
    before = after;
    reel_close(reel);

    reel = opened_with(directory, &large, &tally, NULL, NULL);
    after = info_of(reel, "tally");
    assert_true(after.served && !after.rebuilding);
    assert_int_equal(after.generation, before.generation + before.rebuilding);
    assert_int_equal(after.records, RECORDS);
    reel_close(reel);
}

/* ---- Cases: under load ----------------------------------------------------------------------- */

enum { READERS = 2 };

struct load {
    struct reel *reel;
    atomic_bool ends;
    atomic_uint old_views, new_views;
};

/* The generation never goes back. */
static void *read_on(void *context) {
    struct load *load = context;
    uint64_t generation = 0;
    while (!atomic_load(&load->ends)) {
        struct reel_view *view = view_opened(load->reel);
        struct reel_collection_info info = check_view(view, 0);
        reel_view_close(view);
        must(info.generation >= generation);
        generation = info.generation;
        if (info.rebuilding) atomic_fetch_add(&load->old_views, 1);
        if (info.generation > 0) atomic_fetch_add(&load->new_views, 1);
    }
    return NULL;
}

static void *write_on(void *context) {
    struct load *load = context;
    while (!atomic_load(&load->ends) && reel_cursor(load->reel) < EVENTS_MAX - 10) {
        apply_some(load->reel, 3);
        usleep(500);
    }
    return NULL;
}

static void no_reader_sees_a_mixture_while_others_write(void **state) {
    (void)state;
    struct load load = {.reel = opened(made(EVENTS_MAX * 3 / 4), 0)};
    struct reel_error error;
    pthread_t readers[READERS], writer;
    for (size_t i = 0; i < READERS; i++)
        must(pthread_create(&readers[i], NULL, read_on, &load) == 0);
    must(pthread_create(&writer, NULL, write_on, &load) == 0);
    must_ok(reel_rebuild(load.reel, "sums", &error), error);
    while (atomic_load(&load.new_views) < 3) usleep(1000);
    atomic_store(&load.ends, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    pthread_join(writer, NULL);
    assert_int_equal(check(load.reel, 0).generation, 1);
    reel_close(load.reel);
}

UNIT_TESTS(shadow_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_records_are_served_and_folded_until_the_switch),
        cmocka_unit_test(what_is_new_is_kept_by_a_restart),
        cmocka_unit_test(a_rebuild_that_is_asked_for_again_begins_again),
        cmocka_unit_test(an_empty_log_is_rebuilt),
        cmocka_unit_test(what_it_needs_is_not_trimmed),
        cmocka_unit_test(another_log_ends_it),
        cmocka_unit_test(verify_reads_the_records_that_are_served_and_those_of_a_rebuild),
        cmocka_unit_test(a_backup_has_both),
        cmocka_unit_test(a_kill_at_any_point_leaves_old_or_new_records),
        cmocka_unit_test(a_restart_goes_on_where_the_checkpoint_was),
        cmocka_unit_test(a_rebuild_at_the_start_serves_the_old_records),
        cmocka_unit_test(the_source_of_a_new_collection_is_served),
        cmocka_unit_test(the_source_of_one_with_another_fold_is_served),
        cmocka_unit_test(another_fold_is_not_served_before_it_is_complete),
        cmocka_unit_test(a_rebuild_from_records_serves_the_old_ones),
        cmocka_unit_test(a_full_disk_leaves_the_old_records),
        cmocka_unit_test(no_reader_sees_a_mixture_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
