/* shadow_support.c: see shadow_support.h. In this order: the plugin; a slow model, which counts all
 * events again for each view; what a view shows; the fixture; looking while a rebuild goes on. */
#include "shadow_support.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/store/digest.h"
#include "engine/transaction.h"

#include <reel/projector.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int64_t adds = OLD_ADDS;

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

PLUGIN_OF_ONE(tally, "tally", .fields = fields, .revision = 1, .type_prefixes = prefixes,
              .evolve = tally_evolve);
PLUGIN_OF_ONE(tally_2, "tally", .fields = fields, .revision = 2, .type_prefixes = prefixes,
              .evolve = tally_evolve);
PLUGIN_OF_ONE(sums, "sums", .fields = fields, .revision = 1, .derives_from = "tally",
              .derive = sums_derive, .flags = REEL_DERIVE_FROM_RECORDS);
PLUGIN_OF_ONE(sums_2, "sums", .fields = fields, .revision = 2, .derives_from = "tally",
              .derive = sums_derive, .flags = REEL_DERIVE_FROM_RECORDS);

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
            text_append_format(&model->rejected, "%" PRIu64 " tally no subject, adds %" PRId64 "\n",
                               seq, is_new ? (int64_t)NEW_ADDS : events[seq].adds);
}

static void write_rows(struct text *to, const char *collection, char first, size_t count,
                       const struct counted *rows) {
    bool is_group = first == 'g';
    for (size_t i = 0; i < count; i++)
        if (rows[i].changed)
            text_append_format(to, "%s %c%c {\"count\":%" PRId64 "} @%" PRIu64 "\n", collection,
                               first, (char)((is_group ? '0' : 'a') + (int)i), rows[i].count,
                               rows[i].changed);
}

/* As `see` does. */
static void write_changes(struct text *to, const struct model *model, uint64_t cursor) {
    for (uint64_t seq = 1; seq <= cursor; seq++) {
        for (int group = 0; group < GROUPS; group++)
            if (model->sums[group].changed == seq)
                text_append_format(to, "sums g%d @%" PRIu64 "\n", group, seq);
        for (int key = 0; key < KEYS; key++)
            if (model->tally[key].changed == seq)
                text_append_format(to, "tally k%c @%" PRIu64 "\n", 'a' + key, seq);
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
        text_append_format(to, "by count k%c\n", 'a' + next);
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
    text_append_format(seeing->to, "%s %.*s %.*s @%" PRIu64 "\n", seeing->collection,
                       REEL_FMT(row->key), REEL_FMT(row->json), row->changed);
    digest_add(&seeing->digest, digest_hash(row->key, row->json));
    return 0;
}

static int see_change(void *context, const struct reel_changed_row *changed) {
    text_append_format(context, "%s %.*s @%" PRIu64 "\n", changed->collection,
                       REEL_FMT(changed->row->key), changed->row->changed);
    return 0;
}

static int see_rejection(void *context, const struct reel_rejection *rejection) {
    text_append_format(context, "%" PRIu64 " %.*s %.*s\n", rejection->seq,
                       REEL_FMT(rejection->collection), REEL_FMT(rejection->reason));
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
    text_append_format(context, "by count %.*s\n", REEL_FMT(row->key));
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
struct reel_collection_info check_view(struct reel_view *view, uint64_t old_generation) {
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
struct reel_collection_info check(struct reel *reel, uint64_t old_generation) {
    struct reel_view *view = view_opened(reel);
    struct reel_collection_info info = check_view(view, old_generation);
    reel_view_close(view);
    return info;
}

/* ---- Fixture --------------------------------------------------------------------------------- */

struct reel *opened_with(const char *directory, const struct reel_options *given,
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

struct reel *opened(const char *directory, uint32_t flags) {
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
void apply_some(struct reel *reel, size_t count) {
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
const char *made(size_t count) {
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

void begin_rebuild(struct reel *reel, const char *name) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    struct collection *collection = registry_find(&reel->dispatcher.registry, reel_text(name));
    must_ok(dispatcher_reset(&reel->dispatcher, collection, &error), error);
}

int build_some(struct reel *reel, uint64_t events_max) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    int rc = transaction_build_some(reel, events_max, &error);
    if (rc < 0) must_ok(rc, error);
    return rc;
}

void write_checkpoint(struct reel *reel) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    must_ok(checkpoint_all(&reel->dispatcher.store, &error), error);
}

/* ---- Looking while it is rebuilt from records ------------------------------------------------ */

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

size_t looks_at_old_sums(struct reel *reel) {
    struct reel_error error;
    looked_at = reel;
    looks = 0;
    while_deriving = look_at_old_sums;
    must_ok(reel_rebuild(reel, "sums", &error), error);
    while_deriving = NULL;
    return looks;
}
