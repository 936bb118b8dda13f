/* handover.c: see handover.h. In this order: the beginning; copying; the end; all of it. */
#include "engine/handover.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "engine/fold/shadow.h"
#include "engine/store/keys.h"
#include "engine/store/rejected.h"
#include "engine/store/stored.h"
#include "engine/store/table.h"
#include "engine/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of a slice: rows, and bytes of their values. */
#define SLICE_ROWS  4096
#define SLICE_BYTES ((size_t)1 << 20)

/* How long others may go first between two slices, and how often it is looked whether they do. */
#define WAIT_MS 20
#define LOOK_NS 1000000

/* A checkpoint takes about a second. */
#define CHECKPOINT_MS 60000

enum table_part { PART_RECORDS, PART_INDEX, PART_FIELDS, PARTS };

struct handed {
    const struct stored_collection *from;
    struct table_set sets[STORE_SETS];
    unsigned set;         /* which of them it goes to */
    struct digest digest; /* of the records that were copied */
    uint64_t records;
};

struct handover {
    struct reel *reel;
    const struct handover_options *options;
    struct stored from;
    struct handed *list;
    size_t count;
    uint64_t cursor; /* of all of them */

    /* Where the copy is. */
    size_t at;
    enum table_part part;
    bool walks;
    struct keys_walk walk;
    MDB_cursor *rejections; /* behind all parts of all collections */
};

static struct store *store_of(const struct handover *handover) {
    return &handover->reel->dispatcher.store;
}

static struct collection *loaded(const struct handover *handover, const struct handed *handed) {
    return registry_find(&handover->reel->dispatcher.registry, reel_text(handed->from->name));
}

/* ---- The beginning --------------------------------------------------------------------------- */

static int list_one(struct handover *handover, const char *name, struct reel_error *error) {
    const struct stored_collection *from = stored_find(&handover->from, name);
    if (!from || !from->has_state || !from->has_fields || from->shadow)
        return fail(error, -EBADMSG, "the builder has not made `%s`", name);
    if (handover->count > 0 && from->state.cursor != handover->cursor)
        return fail(error, -EBADMSG, "the builder has made `%s` up to another event", name);
    handover->cursor = from->state.cursor;
    handover->list[handover->count++].from = from;
    return 0;
}

static int list_all(struct handover *handover, struct reel_error *error) {
    const char *const *names = handover->options->names;
    size_t count = 0;
    while (names[count]) count++;
    handover->list = calloc(count + 1, sizeof *handover->list);
    int rc = handover->list ? 0 : fail_memory(error);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = list_one(handover, names[i], error);
    return rc;
}

/* Between groups. A collection may be one that no plugin has that runs now. */
static int open_tables(struct handover *handover, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < handover->count; i++) {
        struct handed *handed = &handover->list[i];
        const struct collection *own = loaded(handover, handed);
        if (own)
            memcpy(handed->sets, own->sets, sizeof handed->sets);
        else
            rc = store_open_collection(store_of(handover), handed->from->name, handed->sets, error);
    }
    return rc;
}

/* The set that the collection does not use. */
static int settle_set(struct handover *handover, struct handed *handed, struct reel_error *error) {
    struct store *store = store_of(handover);
    const struct collection *own = loaded(handover, handed);
    struct collection_state state = {0};
    int rc = meta_get_collection(store, &store->writing, handed->from->name, &state);
    if (rc < 0 && rc != -ENOENT) return fail(error, rc, "cannot read the collection's state");
    if (state.has_shadow || (own && own->shadow))
        return fail(error, -EBUSY, "`%s` is being rebuilt", handed->from->name);
    handed->set = state.set == 0;
    return 0;
}

static struct collection_state state_of(const struct handed *handed, bool is_complete) {
    struct collection_state state = handed->from->state;
    state.set = (uint8_t)handed->set;
    state.waits = !is_complete;
    state.has_shadow = state.finish_first = 0;
    return state;
}

static int begin_one(struct handover *handover, struct handed *handed, struct reel_error *error) {
    struct store *store = store_of(handover);
    int rc = settle_set(handover, handed, error);
    if (rc < 0) return rc;
    const struct collection_state state = state_of(handed, false);
    rc = registry_clear_handover(store, handed->from->name, handed->set, &handed->sets[handed->set],
                                 error);
    return rc < 0 ? rc : meta_put_handover(store, handed->from->name, &state, error);
}

static int check_position(const struct handover *handover, struct reel_error *error) {
    const struct store_state *state = &handover->reel->dispatcher.state;
    if (memcmp(state->epoch, handover->from.state.epoch, sizeof state->epoch) != 0)
        return fail(error, -EAGAIN, "another log has taken its place");
    if (handover->cursor + 1 < state->first_seq)
        return fail(error, -ESTALE, "the log was trimmed meanwhile");
    return 0;
}

/* From now on the log is kept, and the tables are not used by others. */
static int begin(struct handover *handover, struct reel_error *error) {
    struct dispatcher *dispatcher = &handover->reel->dispatcher;
    struct registry *registry = &dispatcher->registry;
    HOLD_LOCK(&handover->reel->writer);
    if (registry->hands_over) return fail(error, -EBUSY, "something is handed over already");
    int rc = open_tables(handover, error);
    if (rc == 0) rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    rc = check_position(handover, error);
    for (size_t i = 0; rc == 0 && i < handover->count; i++)
        rc = begin_one(handover, &handover->list[i], error);
    registry->hands_over = true;
    registry->handed_after = handover->cursor;
    rc = transaction_end(handover->reel, rc, error);
    if (rc < 0) registry->hands_over = false;
    return rc;
}

/* ---- Copying --------------------------------------------------------------------------------- */

static int add_to_digest(struct handed *handed, struct reel_str key, struct reel_str value,
                         struct reel_error *error) {
    struct reel_str json;
    uint64_t changed;
    if (record_json(handed->from->state.field_count, value, &changed, &json) < 0)
        return fail(error, -EBADMSG, "a record is damaged");
    digest_add(&handed->digest, digest_hash(key, json));
    handed->records++;
    return 0;
}

static size_t table_of(const struct handed *handed, enum table_part part) {
    const struct table_set *to = &handed->sets[handed->set];
    return part == PART_RECORDS ? to->records : part == PART_INDEX ? to->index : to->fields;
}

static int start_walk(struct handover *handover, struct reel_error *error) {
    static int (*const open[])(struct stored * stored, const struct stored_collection *collection,
                               MDB_dbi *ret, struct reel_error *error) = {
        [PART_RECORDS] = stored_open_records,
        [PART_INDEX] = stored_open_order,
        [PART_FIELDS] = stored_open_fields,
    };
    struct stored *from = &handover->from;
    MDB_dbi dbi;
    int rc = open[handover->part](from, handover->list[handover->at].from, &dbi, error);
    if (rc < 0) return rc;
    handover->walks = true;
    return keys_walk_start(&handover->walk, &from->store, from->txn, dbi, (struct reel_str){"", 0},
                           false, error);
}

static void end_walk(struct handover *handover) {
    if (handover->walks) keys_walk_finish(&handover->walk);
    handover->walks = false;
}

/* 0: there are no more parts. */
static int copy_row(struct handover *handover, size_t *bytes, struct reel_error *error) {
    struct reel_str key, value;
    if (handover->at == handover->count) return 0;
    struct handed *handed = &handover->list[handover->at];
    int rc = handover->walks ? 0 : start_walk(handover, error);
    if (rc == 0) rc = keys_next(&handover->walk, &key, &value, error);
    if (rc < 0) return rc;
    if (rc == 0) {
        end_walk(handover);
        handover->part = (handover->part + 1) % PARTS;
        if (handover->part == PART_RECORDS) handover->at++;
        return 1;
    }
    rc = table_put(store_of(handover), table_of(handed, handover->part), key, value, error);
    if (rc == 0 && handover->part == PART_RECORDS) rc = add_to_digest(handed, key, value, error);
    *bytes += key.len + value.len;
    return rc < 0 ? rc : 1;
}

static const struct handed *find_handed(const struct handover *handover, struct reel_str name) {
    for (size_t i = 0; i < handover->count; i++)
        if (reel_str_is(name, handover->list[i].from->name)) return &handover->list[i];
    return NULL;
}

/* A scratch has only the first set (rejected.h). */
static int put_rejection(struct handover *handover, const MDB_val *key, const MDB_val *value,
                         struct reel_error *error) {
    CLEANUP(text_finish) struct text reason = {0};
    struct reel_rejection rejection;
    unsigned set;
    int rc = rejected_read((struct reel_str){key->mv_data, key->mv_size},
                           (struct reel_str){value->mv_data, value->mv_size}, &rejection, &set);
    if (rc < 0) return fail(error, rc, "a rejection is damaged");
    const struct handed *handed = find_handed(handover, rejection.collection);
    if (!handed) return 0;
    text_append_str(&reason, rejection.reason);
    text_append(&reason, "", 1);
    if (reason.failed) return fail_memory(error);
    return rejected_put(store_of(handover), rejection.seq, handed->from->name, handed->set,
                        reason.data, error);
}

static int copy_rejection(struct handover *handover, size_t *bytes, struct reel_error *error) {
    struct stored *from = &handover->from;
    MDB_val key, value;
    int rc = handover->rejections ? 0 : stored_open_rejections(from, &handover->rejections, error);
    if (rc < 0) return rc;
    rc = mdb_cursor_get(handover->rejections, &key, &value, MDB_NEXT);
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0) return store_fail(&from->store, rc, "cannot read rejections", error);
    *bytes += key.mv_size + value.mv_size;
    rc = put_rejection(handover, &key, &value, error);
    return rc < 0 ? rc : 1;
}

/* 1: there may be more. */
static int copy_rows(struct handover *handover, struct reel_error *error) {
    size_t bytes = 0;
    int more = 1;
    for (size_t n = 0; more > 0 && n < SLICE_ROWS && bytes < SLICE_BYTES; n++) {
        more = copy_row(handover, &bytes, error);
        if (more == 0) more = copy_rejection(handover, &bytes, error);
    }
    return more;
}

/* ---- The end --------------------------------------------------------------------------------- */

static int complete_one(struct handover *handover, const struct handed *handed,
                        struct reel_error *error) {
    const struct collection_state state = state_of(handed, true);
    struct store *store = store_of(handover);
    const char *name = handed->from->name;
    if (handed->records != state.records || !digest_is_same(&handed->digest, &state.digest))
        return fail(error, -EBADMSG, "the records of `%s` are not those of its digest", name);
    if (!handed->from->progress.is_built)
        return fail(error, -EBADMSG, "the indexes of `%s` are not complete", name);
    int rc = field_index_put(store, name, handed->set, &handed->from->tracked,
                             &handed->from->progress, error);
    return rc < 0 ? rc : meta_put_handover(store, name, &state, error);
}

static int complete(struct handover *handover, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < handover->count; i++)
        rc = complete_one(handover, &handover->list[i], error);
    return rc;
}

static void drop(struct handover *handover) {
    struct dispatcher *dispatcher = &handover->reel->dispatcher;
    struct store *store = store_of(handover);
    struct reel_error error;
    HOLD_LOCK(&handover->reel->writer);
    dispatcher->registry.hands_over = false;
    int rc = dispatcher_begin(dispatcher, &error);
    for (size_t i = 0; rc == 0 && i < handover->count; i++) {
        const struct handed *handed = &handover->list[i];
        rc = registry_clear_handover(store, handed->from->name, handed->set,
                                     &handed->sets[handed->set], &error);
    }
    /* If this fails, the next start removes it, or the next handover. */
    (void)transaction_end(handover->reel, rc, &error);
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* 1: there is more; 2: the same, but the disk comes first; 0: it is complete. */
static int copy_slice(struct handover *handover, struct reel_error *error) {
    struct dispatcher *dispatcher = &handover->reel->dispatcher;
    HOLD_LOCK(&handover->reel->writer);
    int rc = checkpoint_last_failure(&dispatcher->store, error);
    if (rc == 0 && checkpoint_is_busy(&dispatcher->store)) return 2;
    if (rc == 0) rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    int more = check_position(handover, error);
    if (more == 0) more = copy_rows(handover, error);
    if (more == 0) more = complete(handover, error);
    rc = transaction_end(handover->reel, more < 0 ? more : 0, error);
    return rc < 0 ? rc : more;
}

/* A lock goes to whoever takes it first, which is not who has waited longest. */
static void let_others(struct reel *reel, bool must_wait) {
    uint64_t until_ms = clock_ms() + WAIT_MS;
    while ((must_wait || atomic_load(&reel->waiting) > 0) && clock_left_ms(until_ms) > 0)
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
}

static int copy_all(struct handover *handover, struct reel_error *error) {
    const struct handover_options *options = handover->options;
    int rc;
    do {
        if (options->is_cancelled(options->context))
            return fail(error, -ECANCELED, "it was cancelled");
        rc = copy_slice(handover, error);
        if (rc > 0) let_others(handover->reel, rc == 2);
    } while (rc > 0);
    return rc;
}

static void finish(struct handover *handover) {
    end_walk(handover);
    if (handover->rejections) mdb_cursor_close(handover->rejections);
    stored_close(&handover->from);
    free(handover->list);
}

int handover_run(struct reel *reel, const struct handover_options *options,
                 struct reel_error *error) {
    CLEANUP(finish) struct handover handover = {.reel = reel, .options = options};
    int rc = stored_open(&handover.from, options->directory, error);
    if (rc == 0) rc = list_all(&handover, error);
    if (rc == 0) rc = begin(&handover, error);
    if (rc < 0) return rc;
    rc = copy_all(&handover, error);
    if (rc == 0) rc = handover_settle(reel, options->is_cancelled, options->context, error);
    if (rc < 0) drop(&handover);
    return rc;
}

/* 1: a checkpoint is under way. With `asks`, one is begun. */
static int look_at_checkpoint(struct reel *reel, bool asks, struct reel_error *error) {
    struct store *store = &reel->dispatcher.store;
    HOLD_LOCK(&reel->writer);
    int rc = checkpoint_last_failure(store, error);
    if (rc < 0 || checkpoint_is_waiting(store)) return rc < 0 ? rc : 1;
    if (asks) checkpoint_ask(store);
    return 0;
}

/* The one that is under way does not have all of it. */
int handover_settle(struct reel *reel, bool (*is_cancelled)(const void *context),
                    const void *context, struct reel_error *error) {
    uint64_t until_ms = clock_ms() + CHECKPOINT_MS;
    int rc = 0;
    for (int round = 0; rc == 0 && round < 2; round++)
        while ((rc = look_at_checkpoint(reel, round == 0, error)) > 0) {
            if (is_cancelled(context)) return fail(error, -ECANCELED, "it was cancelled");
            if (clock_left_ms(until_ms) == 0)
                return fail(error, -EAGAIN, "a checkpoint takes too long");
            let_others(reel, true);
        }
    return rc;
}
