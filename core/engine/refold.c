/* refold.c: see refold.h. */
#include "engine/refold.h"

#include "base/cleanup.h"
#include "base/invariant.h"

#include <errno.h>
#include <string.h>

/* ---- What can be compared -------------------------------------------------------------------- */

/* Why a derived collection cannot be compared, although its own state can be. */
static const char *why_not_derived(const struct collection *derived, const struct refolded *all,
                                   size_t count) {
    const struct refolded *own = NULL, *source = NULL;
    for (size_t i = 0; i < count; i++) {
        if (all[i].collection == derived) own = &all[i];
        if (all[i].collection == derived->source) source = &all[i];
    }
    if (!source) return "its source is not compared";
    if (own->stored->state.cursor != source->stored->state.cursor)
        return "it does not stand where its source does";
    return NULL;
}

static const char *why_not(const struct collection *collection,
                           const struct collection_state *state,
                           const struct store_state *checkpoint, uint64_t first_seq) {
    if (!state->has_digest) return "its digest is not known, an earlier version has written it";
    if (!collection) return "no given plugin has it";
    const char *why = registry_other_fold(collection, state);
    if (!why) why = registry_tries_again(collection, state);
    if (why) return why;
    if (state->from_records) return "it was not yet made from all records of its source";
    if (state->waits) return "it is being made";
    if (state->cursor > checkpoint->cursor) return "its cursor is above that of the checkpoint";
    if (first_seq > state->from_seq && state->from_seq <= state->cursor)
        return "the log does not have all events any more that it was made from";
    return NULL;
}

/* What cannot be compared takes with it what derives from it: as often as there may be sources one
 * behind another. */
static void settle_derived(const struct registry *registry, struct refolded *all, size_t count) {
    for (size_t round = 0; round < registry->count; round++)
        for (size_t i = 0; i < count; i++) {
            if (!all[i].collection || !all[i].collection->source) continue;
            all[i].why = why_not_derived(all[i].collection, all, count);
            if (all[i].why) all[i].collection = NULL;
        }
}

/* Collections begin where those of the checkpoint began. What is not compared is not folded. */
static void choose_collections(struct reel *reel, const struct store_state *checkpoint,
                               struct refolded *all, size_t count) {
    const struct dispatcher *dispatcher = &reel->dispatcher;
    const struct registry *registry = &dispatcher->registry;
    for (size_t i = 0; i < count; i++) {
        struct collection *collection = registry_find(registry, reel_text(all[i].stored->name));
        all[i].why =
            why_not(collection, &all[i].stored->state, checkpoint, dispatcher->state.first_seq);
        all[i].collection = all[i].why ? NULL : collection;
    }
    settle_derived(registry, all, count);
    for (size_t i = 0; i < count; i++) {
        if (all[i].why) continue;
        const struct collection_state *state = &all[i].stored->state;
        struct collection *collection = registry_find(registry, reel_text(all[i].stored->name));
        uint64_t before = state->from_seq > 0 ? state->from_seq - 1 : 0;
        refold_from(collection, before < state->cursor ? before : state->cursor);
    }
}

/* ---- Folding --------------------------------------------------------------------------------- */

/* The store learns of the log, of which nothing is folded. */
static int settle_state(struct dispatcher *dispatcher, struct log *log, uint64_t head,
                        struct reel_error *error) {
    const struct log_facts *facts = log_facts(log);
    struct store_state *state = &dispatcher->state;
    int rc = store_begin(&dispatcher->store, error);
    if (rc < 0) return rc;
    memcpy(state->epoch, facts->epoch, sizeof state->epoch);
    state->first_seq = facts->first_seq;
    state->first_deletion = facts->first_deletion;
    state->cursor = facts->first_seq - 1;
    state->head = head > state->cursor ? head : state->cursor;
    rc = meta_put_state(&dispatcher->store, state, error);
    if (rc < 0) {
        store_abort(&dispatcher->store);
        return rc;
    }
    dispatcher->committed = *state;
    store_commit(&dispatcher->store, state->cursor);
    return 0;
}

void refold_from(struct collection *collection, uint64_t cursor) {
    collection->state.cursor = collection->committed.cursor = cursor;
}

int refold_begin(struct reel *reel, struct log *log, uint64_t head, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    INVARIANT(!reel->started && !dispatcher->home.directory);
    HOLD_LOCK(&reel->writer);
    reel->started = true;
    dispatcher->home.only_reads = true;
    log_close(log_place_swap(&dispatcher->home.place, log));
    int rc = settle_state(dispatcher, log, head, error);
    if (rc == 0) rc = dispatcher_open_collections(dispatcher, error);
    if (rc == 0) rc = dispatcher_start(dispatcher, error);
    for (size_t i = 0; rc == 0 && i < dispatcher->registry.count; i++)
        refold_from(dispatcher->registry.collections[i], dispatcher->state.head);
    return rc;
}

int refold_some(struct reel *reel, uint64_t seq, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    HOLD_LOCK(&reel->writer);
    INVARIANT(dispatcher->home.only_reads);
    if (seq < dispatcher->state.cursor) return 0; /* nothing to fold: the log begins later */
    dispatcher->state.head = dispatcher->committed.head = seq;
    return transaction_catch_up_some(reel, error);
}

int refold_to(struct reel *reel, uint64_t seq, struct reel_error *error) {
    int rc;
    do rc = refold_some(reel, seq, error);
    while (rc > 0);
    return rc;
}

/* The lowest cursor of those that are not reached yet. */
static bool find_stop(const struct refolded *all, size_t count, uint64_t at, uint64_t *ret) {
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        uint64_t cursor = all[i].stored->state.cursor;
        if (!all[i].collection || cursor <= at || (found && cursor >= *ret)) continue;
        *ret = cursor;
        found = true;
    }
    return found;
}

static void read_digests(struct refolded *all, size_t count, uint64_t at) {
    for (size_t i = 0; i < count; i++)
        if (all[i].collection && all[i].stored->state.cursor <= at &&
            all[i].collection->committed.cursor <= all[i].stored->state.cursor)
            all[i].digest = all[i].collection->committed.digest;
}

/* Of a collection and of its shadow. */
static bool is_reached(const struct refolded *all, size_t count,
                       const struct collection *collection, uint64_t at) {
    for (size_t i = 0; i < count; i++)
        if (all[i].collection == collection && all[i].stored->state.cursor > at) return false;
    return true;
}

/* Those that are reached fold no more: one may be stopped because it does not survive more. */
static void leave_reached(struct refolded *all, size_t count, uint64_t at, uint64_t head) {
    for (size_t i = 0; i < count && at < head; i++)
        if (all[i].collection && is_reached(all, count, all[i].collection, at))
            refold_from(all[i].collection, head);
}

int refold_take(struct reel *reel, struct log *log, const struct store_state *checkpoint,
                struct refolded *all, size_t count, struct reel_error *error) {
    uint64_t at = 0, stop = 0;
    int rc = refold_begin(reel, log, checkpoint->cursor, error);
    if (rc == 0) choose_collections(reel, checkpoint, all, count);
    while (rc == 0 && find_stop(all, count, at, &stop)) {
        at = stop;
        bool is_before = stop < reel->dispatcher.state.cursor;
        rc = refold_to(reel, stop, error);
        if (rc == 0 && !is_before) read_digests(all, count, stop);
        if (rc == 0) leave_reached(all, count, stop, checkpoint->cursor);
    }
    return rc;
}
