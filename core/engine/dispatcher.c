/* dispatcher.c: see dispatcher.h. Top down: the way of a payload, then transactions. */
#include "engine/dispatcher.h"

#include "base/clock.h"
#include "base/invariant.h"
#include "engine/fold/host.h"
#include "engine/store/rejected.h"
#include "event/event.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* What records may take in memory before they are written within a transaction: about what a
 * processor's second cache holds, beyond which every record met is a wait. */
#define SPILL_BYTES ((size_t)1 << 20)

/* A catch-up's commits are larger than a feed's: nobody waits for one of them, and a record that
 * several of them touch is written as often. */
#define CATCH_UP_EVENTS_FACTOR 128
#define CATCH_UP_BYTES_FACTOR  4

/* ---- One event ------------------------------------------------------------------------------- */

static int put_rejection(struct dispatcher *dispatcher, uint64_t seq, const char *collection,
                         const char *reason, bool is_new, struct reel_error *error) {
    struct rejection_notes *notes = &dispatcher->notes;
    if (is_new && notes->count++ < NOTES_MAX) {
        size_t n = notes->count - 1;
        notes->list[n].seq = seq;
        snprintf(notes->list[n].collection, sizeof notes->list[n].collection, "%s", collection);
        snprintf(notes->list[n].reason, sizeof notes->list[n].reason, "%s", reason);
    }
    return rejected_put(&dispatcher->store, seq, collection, reason, error);
}

/* Gives the event to one projector, if its collection has not folded it before. */
static int fold_match(struct dispatcher *dispatcher, const struct route_match *stop,
                      struct reel_event *event, uint64_t seq, reel_outcome *ret,
                      struct reel_error *error) {
    struct collection *collection = dispatcher->registry.collections[stop->projector];
    bool is_new = seq > dispatcher->state.cursor;
    if (collection->state.cursor >= seq) return 0;
    event->prefix = stop->prefix;
    event->suffix =
        (struct reel_str){event->type.data + stop->prefix_len, event->type.len - stop->prefix_len};
    int outcome = fold_evolve(&dispatcher->fold, collection, event, seq, error);
    switch (outcome) {
    case REEL_APPLIED:
        collection->state.applied++;
        break;
    case REEL_IGNORED:
        collection->state.ignored++;
        break;
    case REEL_REJECTED:
        collection->state.rejected++;
        break;
    default: /* an error */
        return outcome;
    }
    counts_add(is_new ? &collection->counts : &collection->counts_again, outcome);
    *ret = outcome;
    return outcome == REEL_REJECTED ? put_rejection(dispatcher, seq, collection->name,
                                                    dispatcher->fold.reason, is_new, error)
                                    : 0;
}

/* Gives the event to every projector that watches its type. Rejected by any counts for more than
 * applied by any, and that for more than ignored. */
static int fold_event(struct dispatcher *dispatcher, struct reel_event *event, uint64_t seq,
                      reel_outcome *ret, struct reel_error *error) {
    *ret = REEL_IGNORED;
    if (!event->type.data) return 0;
    const struct route *route = router_find(&dispatcher->router, event->type);
    for (size_t i = 0; i < route->count; i++) {
        reel_outcome outcome = REEL_IGNORED;
        int rc = fold_match(dispatcher, &route->stops[i], event, seq, &outcome, error);
        if (rc < 0) return rc;
        if (outcome == REEL_REJECTED || (outcome == REEL_APPLIED && *ret == REEL_IGNORED))
            *ret = outcome;
    }
    return 0;
}

/* Is it an event? 1, or 0 and the reason why not. */
static int check_decoded(struct dispatcher *dispatcher, const struct decoded *reading,
                         char reason[REASON_BYTES], struct reel_error *error) {
    if (reading->entry.flags & LOG_OVERSIZE) {
        bool converted = reading->entry.flags & LOG_CONVERTED;
        snprintf(reason, REASON_BYTES,
                 "event of %" PRIu32 " bytes%s, at most %" PRIu32 " are taken", reading->entry.size,
                 converted ? " in its structured form" : "", dispatcher->event_bytes_max);
        return 0;
    }
    if (reading->rc == -ENOMEM) return fail_memory(error);
    if (reading->rc < 0) {
        snprintf(reason, REASON_BYTES, "event payload not JSON: %s", reading->why);
        return 0;
    }
    return 1;
}

/* The cursor goes past the event, and the event is counted, the first time that it is folded. */
static int count_event(struct dispatcher *dispatcher, uint64_t seq, reel_outcome outcome,
                       const char *reason, struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    if (seq <= state->cursor) return 0;
    state->cursor = seq;
    if (outcome == REEL_APPLIED) state->applied++;
    if (outcome == REEL_IGNORED) state->ignored++;
    if (outcome == REEL_REJECTED) state->rejected++;
    counts_add(&dispatcher->counts, outcome);
    return reason ? put_rejection(dispatcher, seq, "", reason, true, error) : 0;
}

/* Folds an event that has been read, or counts a payload that could not be (NULL) and why. */
static int fold_read(struct dispatcher *dispatcher, uint64_t seq, struct reel_event *event,
                     const char *reason, reel_outcome *ret, struct reel_error *error) {
    *ret = REEL_REJECTED;
    dispatcher->folded = seq;
    int rc = event ? fold_event(dispatcher, event, seq, ret, error) : 0;
    return rc == 0 ? count_event(dispatcher, seq, *ret, event ? NULL : reason, error) : rc;
}

/* ---- Taking events in ------------------------------------------------------------------------ */

bool dispatcher_expect(struct dispatcher *dispatcher, struct reel_str bytes, bool even_oversize) {
    struct log_entry entry = {.bytes = bytes};
    bool wanted = even_oversize || bytes.len <= dispatcher->event_bytes_max;
    return decoder_put(dispatcher->decoder, &entry, wanted);
}

/* Reads an entry, unless it was expected. */
static struct decoded *read_entry(struct dispatcher *dispatcher, const struct log_entry *entry,
                                  struct reel_str arrived) {
    bool expected = decoder_is_first(dispatcher->decoder, arrived);
    return expected ? decoder_next(dispatcher->decoder)
                    : decoder_decode(dispatcher->decoder, entry);
}

struct decoded *dispatcher_decode(struct dispatcher *dispatcher, struct reel_str bytes) {
    const struct log_entry entry = {.bytes = bytes};
    return read_entry(dispatcher, &entry, bytes);
}

int dispatcher_append(struct dispatcher *dispatcher, const struct arrival *arrival,
                      struct appended *ret, struct reel_error *error) {
    char reason[REASON_BYTES];
    struct log_entry entry = {
        .seq = arrival->seq ? arrival->seq : dispatcher->state.head + 1,
        .time_ns = arrival->seq ? arrival->time_ns : dispatcher->time_ns,
        .flags = arrival->flags,
        .size = arrival->bytes.len > UINT32_MAX ? UINT32_MAX : (uint32_t)arrival->bytes.len,
        .bytes = arrival->bytes,
        .nats_subject = arrival->nats_subject,
        .id_hash = arrival->id_hash,
    };
    if (arrival->bytes.len > dispatcher->event_bytes_max) {
        entry.flags |= LOG_OVERSIZE;
        entry.bytes = (struct reel_str){"", 0};
    }
    int rc = log_append(&dispatcher->log, &entry, error);
    if (rc < 0) return rc;
    dispatcher->state.head = entry.seq;
    struct decoded *reading = arrival->decoded;
    INVARIANT(!reading || reading->entry.bytes.data == arrival->bytes.data);
    if (!reading) reading = read_entry(dispatcher, &entry, arrival->bytes);
    reading->entry = entry;
    rc = check_decoded(dispatcher, reading, reason, error);
    if (rc < 0) return rc;
    bool is_event = rc > 0;
    if (is_event) {
        entry.type = reading->event.type;
        entry.subject = reading->event.subject;
    } else if (!(entry.flags & LOG_OVERSIZE)) {
        entry.flags |= LOG_NOT_JSON;
    }
    log_describe(&dispatcher->log, &entry);
    *ret = (struct appended){
        .seq = entry.seq,
        .event = is_event ? &reading->event : NULL,
    };
    if (!arrival->fold) return 0;
    return fold_read(dispatcher, entry.seq, is_event ? &reading->event : NULL, reason,
                     &ret->outcome, error);
}

/* The cursor goes past the gap, and it is counted, the first time that this is done. */
static void count_gap(struct dispatcher *dispatcher, uint64_t seq, uint64_t missing) {
    struct store_state *state = &dispatcher->state;
    dispatcher->folded = seq;
    if (seq <= state->cursor) return;
    state->cursor = seq;
    state->gaps.count++;
    state->gaps.messages += missing;
    state->gaps.from = seq - missing + 1;
    state->gaps.to = seq;
}

int dispatcher_put_gap(struct dispatcher *dispatcher, uint64_t seq, uint64_t missing,
                       uint64_t time_ns, struct reel_error *error) {
    struct log_entry entry = {
        .seq = seq,
        .time_ns = time_ns ? time_ns : dispatcher->time_ns,
        .flags = LOG_GAP,
        .size = missing > UINT32_MAX ? UINT32_MAX : (uint32_t)missing,
        .bytes = {"", 0},
    };
    int rc = log_append(&dispatcher->log, &entry, error);
    if (rc < 0) return rc;
    dispatcher->state.head = seq;
    count_gap(dispatcher, seq, entry.size);
    return 0;
}

void dispatcher_reach(struct dispatcher *dispatcher, uint64_t seq) {
    if (dispatcher->state.head < seq) dispatcher->state.head = seq;
    if (dispatcher->folded < seq) dispatcher->folded = seq;
}

/* ---- Folding what is in the log -------------------------------------------------------------- */

/* Is there no collection that has yet to fold this? The log knows the types of its events, so that
 * a rebuild need not read those that nobody watches. */
static bool is_for_nobody(struct dispatcher *dispatcher, const struct log_entry *entry) {
    if (entry->flags & LOG_GAP) return true;
    if (!entry->type.data || entry->flags & (LOG_NOT_JSON | LOG_OVERSIZE | LOG_LOOK_INSIDE))
        return false;
    const struct route *route = router_find(&dispatcher->router, entry->type);
    for (size_t i = 0; i < route->count; i++) {
        uint32_t projector = route->stops[i].projector;
        if (dispatcher->registry.collections[projector]->state.cursor < entry->seq) return false;
    }
    return true;
}

static int fold_decoded(struct dispatcher *dispatcher, struct decoded *reading,
                        struct reel_error *error) {
    char reason[REASON_BYTES];
    reel_outcome outcome;
    if (reading->entry.flags & LOG_GAP) {
        count_gap(dispatcher, reading->entry.seq, reading->entry.size);
        return 0;
    }
    int rc = check_decoded(dispatcher, reading, reason, error);
    if (rc < 0) return rc;
    return fold_read(dispatcher, reading->entry.seq, rc > 0 ? &reading->event : NULL, reason,
                     &outcome, error);
}

/* A catch-up's way through the log, within a transaction's bounds. */
struct catch_up {
    struct log_walk walk;
    struct log_entry entry; /* the next one, if there is one within the bounds */
    bool has_entry;
    bool at_end; /* of the log */
    uint64_t events_left, bytes_left;
};

/* Goes to the next entry. The `first` is within the bounds in any case: it may be from a time when
 * larger ones were taken. */
static int catch_up_step(struct catch_up *catch_up, bool first, struct reel_error *error) {
    int rc = log_next(&catch_up->walk, &catch_up->entry, error);
    if (rc < 0) return rc;
    uint64_t left = catch_up->bytes_left, len = rc > 0 ? catch_up->entry.bytes.len : 0;
    bool fits = catch_up->events_left > 0 && len <= left;
    catch_up->at_end = rc == 0;
    catch_up->has_entry = rc > 0 && (fits || first);
    catch_up->bytes_left -= len < left ? len : left;
    if (catch_up->has_entry) catch_up->events_left--;
    return 0;
}

/* The next entry's reading, when as many as there is room for behind it may be read: 1; 0: that is
 * all; or an error. */
static int catch_up_read(struct dispatcher *dispatcher, struct catch_up *catch_up,
                         struct decoded **ret, struct reel_error *error) {
    while (catch_up->has_entry && decoder_put(dispatcher->decoder, &catch_up->entry,
                                              !is_for_nobody(dispatcher, &catch_up->entry))) {
        int rc = catch_up_step(catch_up, false, error);
        if (rc < 0) return rc;
    }
    *ret = decoder_next(dispatcher->decoder);
    return *ret != NULL;
}

static int fold_entries(struct dispatcher *dispatcher, struct catch_up *catch_up,
                        struct reel_error *error) {
    struct decoded *reading;
    int rc = catch_up_step(catch_up, true, error);
    if (rc < 0) return rc;
    while ((rc = catch_up_read(dispatcher, catch_up, &reading, error)) > 0) {
        rc = fold_decoded(dispatcher, reading, error);
        if (rc == 0) rc = dispatcher_spill(dispatcher, error);
        if (rc < 0) return rc;
    }
    if (catch_up->at_end) dispatcher->folded = dispatcher->state.head; /* beyond are only gaps */
    return rc;
}

/* Folds from `from_seq` on, up to a transaction's bounds. */
static int fold_log(struct dispatcher *dispatcher, uint64_t from_seq, struct reel_error *error) {
    struct catch_up catch_up = {
        .events_left = (uint64_t)dispatcher->batch_events_max * CATCH_UP_EVENTS_FACTOR,
        .bytes_left = dispatcher->batch_bytes_max < UINT64_MAX / CATCH_UP_BYTES_FACTOR
                          ? dispatcher->batch_bytes_max * CATCH_UP_BYTES_FACTOR
                          : UINT64_MAX,
    };
    int rc =
        log_walk_start(&catch_up.walk, &dispatcher->store, dispatcher->store.txn, from_seq, error);
    if (rc < 0) return rc;
    rc = fold_entries(dispatcher, &catch_up, error);
    log_walk_finish(&catch_up.walk);
    return rc;
}

int dispatcher_catch_up(struct dispatcher *dispatcher, struct reel_error *error) {
    uint64_t behind = registry_behind(&dispatcher->registry, dispatcher->state.cursor);
    if (behind >= dispatcher->state.head) return 0;
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = fold_log(dispatcher, behind + 1, error);
    rc = dispatcher_end(dispatcher, rc, error);
    return rc < 0 ? rc : 1;
}

/* ---- Keeping the log ------------------------------------------------------------------------- */

static int trim_log(struct dispatcher *dispatcher, uint64_t first_seq, struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    if (first_seq <= state->first_seq) return 0;
    int rc = log_trim(&dispatcher->store, first_seq, dispatcher->batch_events_max,
                      &state->first_seq, error);
    return rc < 0 ? rc : rejected_trim(&dispatcher->store, state->first_seq, error);
}

int dispatcher_trim(struct dispatcher *dispatcher, uint64_t first_seq, struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    if (first_seq <= state->first_seq && !dispatcher->tombstones_left) return 0;
    bool left = true;
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = trim_log(dispatcher, first_seq, error);
    if (rc == 0) /* one event may have deleted any number: they are bounded on their own */
        rc = registry_trim(&dispatcher->registry, state->first_seq, dispatcher->batch_events_max,
                           &left, error);
    rc = dispatcher_end(dispatcher, rc, error);
    if (rc < 0) return rc;
    dispatcher->tombstones_left = left;
    return 1;
}

int dispatcher_reset(struct dispatcher *dispatcher, struct collection *collection,
                     struct reel_error *error) {
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = registry_reset(collection, &dispatcher->state, "it was asked for", error);
    return dispatcher_end(dispatcher, rc, error);
}

static int adopt(struct dispatcher *dispatcher, const uint8_t epoch[16], uint64_t first_seq,
                 const struct store_origin *origin, struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    *state = (struct store_state){
        .format = state->format,
        .cursor = first_seq - 1,
        .first_seq = first_seq,
        .head = first_seq - 1,
    };
    memcpy(state->epoch, epoch, sizeof state->epoch);
    int rc = store_empty(&dispatcher->store, error);
    if (rc == 0) rc = store_put_origin(&dispatcher->store, origin, error);
    return rc < 0 ? rc : registry_reset_all(&dispatcher->registry, state, error);
}

int dispatcher_adopt(struct dispatcher *dispatcher, const uint8_t epoch[16], uint64_t first_seq,
                     const struct store_origin *origin, struct reel_error *error) {
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = adopt(dispatcher, epoch, first_seq, origin, error);
    return dispatcher_end(dispatcher, rc, error);
}

/* ---- Transactions ---------------------------------------------------------------------------- */

int dispatcher_start(struct dispatcher *dispatcher, struct reel_error *error) {
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = registry_start(&dispatcher->registry, &dispatcher->state, error);
    dispatcher->tombstones_left = true; /* a trim may have been killed half way */
    return dispatcher_end(dispatcher, rc, error);
}

int dispatcher_begin(struct dispatcher *dispatcher, struct reel_error *error) {
    dispatcher->folded = 0;
    dispatcher->time_ns = clock_now_ns();
    return store_begin(&dispatcher->store, error);
}

int dispatcher_spill(struct dispatcher *dispatcher, struct reel_error *error) {
    struct arena *arena = &dispatcher->fold.arena;
    if (arena->used < SPILL_BYTES) return 0;
    int rc = registry_flush(&dispatcher->registry, arena, error);
    if (rc == 0) arena_reset(arena);
    return rc;
}

static int write_all(struct dispatcher *dispatcher, struct reel_error *error) {
    uint64_t folded = dispatcher->folded;
    if (dispatcher->state.cursor < folded) dispatcher->state.cursor = folded;
    int rc = log_flush(&dispatcher->log, error);
    if (rc == 0) rc = registry_flush(&dispatcher->registry, &dispatcher->fold.arena, error);
    if (rc == 0) rc = registry_put_states(&dispatcher->registry, folded, error);
    dispatcher->state.txn_id = mdb_txn_id(dispatcher->store.txn);
    return rc == 0 ? store_put_state(&dispatcher->store, &dispatcher->state, error) : rc;
}

static void tell_rejections(struct dispatcher *dispatcher) {
    const struct rejection_notes *notes = &dispatcher->notes;
    struct reel_rejection rejections[NOTES_MAX];
    const struct reel_rejection *list[NOTES_MAX + 1] = {NULL};
    size_t count = notes->count < NOTES_MAX ? (size_t)notes->count : NOTES_MAX;
    if (count == 0 || !dispatcher->rejected) return;
    for (size_t i = 0; i < count; i++) {
        rejections[i] =
            (struct reel_rejection){notes->list[i].seq, reel_text(notes->list[i].collection),
                                    reel_text(notes->list[i].reason)};
        list[i] = &rejections[i];
    }
    dispatcher->rejected(dispatcher->fold.warnings.context, list, notes->count);
}

int dispatcher_end(struct dispatcher *dispatcher, int rc, struct reel_error *error) {
    decoder_clear(dispatcher->decoder); /* it may be looking at the map's pages */
    if (rc == 0) rc = write_all(dispatcher, error);
    if (rc == 0) rc = store_commit(&dispatcher->store, error);
    if (rc < 0) {
        dispatcher_abort(dispatcher);
        return rc;
    }
    store_has_shown(&dispatcher->store, dispatcher->state.txn_id);
    registry_committed(&dispatcher->registry);
    dispatcher->committed = dispatcher->state;
    counts_commit(&dispatcher->counts);
    tell_rejections(dispatcher);
    dispatcher->notes.count = 0;
    arena_reset(&dispatcher->fold.arena);
    warnings_look(&dispatcher->fold.warnings, clock_ms());
    return 0;
}

void dispatcher_abort(struct dispatcher *dispatcher) {
    decoder_clear(dispatcher->decoder);
    store_abort(&dispatcher->store);
    log_abort(&dispatcher->log);
    registry_aborted(&dispatcher->registry);
    dispatcher->state = dispatcher->committed;
    counts_abort(&dispatcher->counts);
    dispatcher->notes.count = 0;
    arena_reset(&dispatcher->fold.arena);
}

void dispatcher_finish(struct dispatcher *dispatcher) {
    registry_finish(&dispatcher->registry);
    router_finish(&dispatcher->router);
    fold_finish(&dispatcher->fold);
    decoder_destroy(dispatcher->decoder);
    log_finish(&dispatcher->log);
    store_close(&dispatcher->store);
}
