/* dispatcher.c: see dispatcher.h. In this order: the way of a payload; transactions. What changes
 * collections otherwise than by events is in dispatcher_start.c. */
#include "engine/dispatcher.h"

#include "base/clock.h"
#include "base/invariant.h"
#include "engine/controls.h"
#include "engine/fold/changes.h"
#include "engine/fold/host.h"
#include "engine/fold/shadow.h"
#include "engine/ids.h"
#include "engine/store/rejected.h"
#include "event/event.h"
#include "json/parser.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Most memory of changed records before they are written, within a transaction. This is about the
 * size of a processor's second-level cache: with more, nearly every access to a record waits for
 * memory. */
#define SPILL_BYTES ((size_t)1 << 20)

/* Commits of a catch-up are larger than commits of new events: no client waits for one of them, and
 * a record that several of them change is written in each. */
#define CATCH_UP_EVENTS_FACTOR 128
#define CATCH_UP_BYTES_FACTOR  4

/* Most bytes that are unpacked ahead of a catch-up. */
#define UNPACKED_BYTES_MAX ((size_t)8 << 20)

_Static_assert(LOG_HELD > DECODER_AHEAD_MAX, "entries stay valid while the reader has them");
_Static_assert(LOG_BUILD_ID_BYTES == BUILD_ID_BYTES, "marks name objects by their build id");
_Static_assert(LOG_ROOM >= JSON_ROOM, "the parser reads no further");

/* ---- A group begins -------------------------------------------------------------------------- */

/* As this function of store.h begins a group of the store. */
static int begin(struct dispatcher *dispatcher,
                 int (*store_begins)(struct store *store, struct reel_error *error),
                 struct reel_error *error) {
    const struct log *log = dispatcher->home.place.log;
    INVARIANT(log_group_head(log) == log_head(log)); /* no group is begun */
    INVARIANT(dispatcher->fold.turn == TURN_NONE);
    dispatcher->folded = 0;
    dispatcher->time_ns = clock_now_ns();
    return store_begins(&dispatcher->store, error);
}

int dispatcher_begin(struct dispatcher *dispatcher, struct reel_error *error) {
    return begin(dispatcher, store_begin, error);
}

int dispatcher_begin_to_fold(struct dispatcher *dispatcher, struct reel_error *error) {
    return begin(dispatcher, store_begin_to_fold, error);
}

/* ---- One event ------------------------------------------------------------------------------- */

static int put_rejection(struct dispatcher *dispatcher, uint64_t seq, const char *collection,
                         unsigned set, const char *reason, bool is_new, struct reel_error *error) {
    struct rejection_notes *notes = &dispatcher->notes;
    if (is_new && notes->count++ < NOTES_MAX) {
        size_t n = notes->count - 1;
        notes->list[n].seq = seq;
        snprintf(notes->list[n].collection, sizeof notes->list[n].collection, "%s", collection);
        snprintf(notes->list[n].reason, sizeof notes->list[n].reason, "%s", reason);
    }
    return rejected_put(&dispatcher->store, seq, collection, set, reason, error);
}

/* Is the event set aside for the collection, in the log or in the list (set_aside.h)? Then it is
 * rejected, and the fold has the reason. */
static bool is_set_aside(struct dispatcher *dispatcher, const struct log_entry *entry,
                         const struct collection *collection) {
    const struct log_entry listed = {.flags = LOG_SET_ASIDE,
                                     .set_aside = text_str(&dispatcher->marks)};
    struct log_set_aside mark;
    if (!(entry->flags & LOG_SET_ASIDE) && dispatcher->marks.len == 0) return false;
    const uint8_t *build_id = plugin_build_id(collection->plugin);
    if (!log_is_set_aside(entry, collection->name, build_id, &mark) &&
        !(listed.set_aside.len > 0 && log_is_set_aside(&listed, collection->name, build_id, &mark)))
        return false;
    (void)fold_reject_set_aside(&dispatcher->fold, mark.signal, mark.ms);
    return true;
}

/* Finds the marks of the list for an event that will be folded. Usually the list is empty. `seq` is
 * 0 for an event that gets its seq now. */
static int find_marks(struct dispatcher *dispatcher, struct reel_str bytes, uint64_t seq,
                      struct reel_error *error) {
    struct text *marks = &dispatcher->marks;
    marks->len = 0;
    if (!set_aside_has_size(&dispatcher->fold.aside, bytes.len)) return 0;
    if (!set_aside_mark(&dispatcher->fold.aside, bytes, seq, marks)) return 0;
    return marks->failed ? fail_memory(error) : 0;
}

/* Tells who watches a record, if this event has changed it. */
static int tell_watch(const struct dispatcher *dispatcher, const struct collection *collection,
                      const struct reel_event *event, const struct log_entry *entry) {
    const struct fold_watch *watch = dispatcher->watch;
    const struct changes *changes = &collection->changes;
    if (!watch || watch->collection != collection) return 0;
    for (size_t i = 0; i < changes->touched_count; i++)
        if (reel_str_eq(changes->touched[i]->key, watch->key))
            return watch->changed(watch->context, changes->touched[i], event, entry);
    return 0;
}

/* Counts what a projector answered: 0; or it is an error. */
static int note_outcome(struct dispatcher *dispatcher, struct collection *collection, uint64_t seq,
                        int outcome, struct reel_error *error) {
    bool is_new = seq > dispatcher->state.cursor;
    struct collection *counted = collection_shown(collection);
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
    default: /* an error code */
        return outcome;
    }
    counts_add(is_new ? &counted->counts : &counted->counts_again, outcome);
    return outcome == REEL_REJECTED
               ? put_rejection(dispatcher, seq, collection->name, collection->state.set,
                               dispatcher->fold.reason, is_new, error)
               : 0;
}

/* Rejected by any counts for more than applied by any, and that for more than ignored. */
static void raise_outcome(reel_outcome *all, reel_outcome one) {
    if (one == REEL_REJECTED || (one == REEL_APPLIED && *all == REEL_IGNORED)) *all = one;
}

/* Gives what the event has changed in a source to all that derive from it. Sources come before
 * derived, so a rejection by one is no change for the next. */
static int fold_derived(struct dispatcher *dispatcher, struct collection *root,
                        const struct reel_event *event, const struct log_entry *entry,
                        reel_outcome *ret, struct reel_error *error) {
    changes_net(&root->changes);
    for (size_t i = 0; i < root->derived_count; i++) {
        struct collection *derived = root->derived[i];
        derived->changes.touched_count = 0;
        if (collection_waits(derived) || derived->state.cursor >= entry->seq ||
            derived->source->changes.touched_count == 0)
            continue;
        int outcome = is_set_aside(dispatcher, entry, derived)
                          ? REEL_REJECTED
                          : fold_derive(&dispatcher->fold, derived, entry->seq, error);
        int rc = note_outcome(dispatcher, derived, entry->seq, outcome, error);
        if (rc == 0 && outcome == REEL_APPLIED) rc = tell_watch(dispatcher, derived, event, entry);
        if (rc < 0) return rc;
        raise_outcome(ret, outcome);
        if (derived->is_source) changes_net(&derived->changes);
    }
    return 0;
}

/* What the transaction folds of this projector: its collection, or the shadow; or NULL. */
static struct collection *folded_now(const struct dispatcher *dispatcher, uint32_t projector) {
    struct collection *collection = dispatcher->registry.collections[projector];
    if (dispatcher->beside == collection->lags) return collection;
    return dispatcher->beside ? shadow_folded(collection) : NULL;
}

/* Gives the event to one projector, if its collection has not folded it before. One that is set
 * aside for it is rejected. */
static int fold_match(struct dispatcher *dispatcher, const struct route_match *stop,
                      struct reel_event *event, const struct log_entry *entry, reel_outcome *ret,
                      struct reel_error *error) {
    struct collection *collection = folded_now(dispatcher, stop->projector);
    uint64_t seq = entry->seq;
    if (!collection || collection->state.cursor >= seq || collection_stops_before(collection, seq))
        return 0;
    event->prefix = stop->prefix;
    event->suffix =
        (struct reel_str){event->type.data + stop->prefix_len, event->type.len - stop->prefix_len};
    int outcome = is_set_aside(dispatcher, entry, collection)
                      ? REEL_REJECTED
                      : fold_evolve(&dispatcher->fold, collection, event, seq, error);
    int rc = note_outcome(dispatcher, collection, seq, outcome, error);
    if (rc == 0 && outcome == REEL_APPLIED) rc = tell_watch(dispatcher, collection, event, entry);
    if (rc < 0) return rc;
    raise_outcome(ret, outcome);
    return outcome == REEL_APPLIED && collection->derived_count > 0
               ? fold_derived(dispatcher, collection, event, entry, ret, error)
               : 0;
}

/* Gives the event to every projector that watches its type. */
static int fold_event(struct dispatcher *dispatcher, struct reel_event *event,
                      const struct log_entry *entry, reel_outcome *ret, struct reel_error *error) {
    *ret = REEL_IGNORED;
    if (!event->type.data) return 0;
    const struct route *route = router_find(&dispatcher->router, event->type);
    for (size_t i = 0; i < route->count; i++) {
        int rc = fold_match(dispatcher, &route->stops[i], event, entry, ret, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Checks whether the payload is an event: 1; or 0 and the reason why not. */
static int check_decoded(struct dispatcher *dispatcher, const struct decoded *reading,
                         char reason[REASON_BYTES], struct reel_error *error) {
    if (reading->entry.flags & LOG_OVERSIZE) {
        bool converted = reading->entry.flags & LOG_CONVERTED;
        snprintf(reason, REASON_BYTES,
                 "event of %" PRIu32 " bytes%s, at most %" PRIu32 " are accepted",
                 reading->entry.size, converted ? " in its structured form" : "",
                 dispatcher->event_bytes_max);
        return 0;
    }
    if (reading->rc == -ENOMEM) return fail_memory(error);
    if (reading->rc < 0) {
        snprintf(reason, REASON_BYTES, "event payload not JSON: %s", reading->why);
        return 0;
    }
    return 1;
}

/* When an event is folded for the first time, moves the cursor and counts the event. */
static int count_event(struct dispatcher *dispatcher, uint64_t seq, reel_outcome outcome,
                       const char *reason, struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    if (seq <= state->cursor) return 0;
    INVARIANT(seq <= state->head);
    state->cursor = seq;
    if (outcome == REEL_APPLIED) state->applied++;
    if (outcome == REEL_IGNORED) state->ignored++;
    if (outcome == REEL_REJECTED) state->rejected++;
    counts_add(&dispatcher->counts, outcome);
    return reason ? put_rejection(dispatcher, seq, "", 0, reason, true, error) : 0;
}

/* Folds an event that has been read, or counts a payload that could not be (NULL) and why. */
static int fold_read(struct dispatcher *dispatcher, const struct log_entry *entry,
                     struct reel_event *event, const char *reason, reel_outcome *ret,
                     struct reel_error *error) {
    *ret = REEL_REJECTED;
    INVARIANT(entry->seq > dispatcher->folded); /* events are folded in their order */
    dispatcher->folded = entry->seq;
    dispatcher->store.folded++;
    dispatcher->fold.event = entry->bytes;
    int rc = event ? fold_event(dispatcher, event, entry, ret, error) : 0;
    return rc == 0 ? count_event(dispatcher, entry->seq, *ret, event ? NULL : reason, error) : rc;
}

/* ---- Appending events ------------------------------------------------------------------------ */

bool dispatcher_expect(struct dispatcher *dispatcher, struct reel_str bytes) {
    struct log_entry entry = {.bytes = bytes};
    return decoder_put(dispatcher->decoder, &entry, bytes.len <= dispatcher->event_bytes_max);
}

/* Parses an entry, unless it is already in the decoder's ring. */
static struct decoded *read_entry(struct dispatcher *dispatcher, const struct log_entry *entry,
                                  struct reel_str arrived) {
    bool expected = decoder_is_first(dispatcher->decoder, arrived);
    return expected ? decoder_next(dispatcher->decoder)
                    : decoder_decode(dispatcher->decoder, entry);
}

/* True if the hash is the one of the event's source and id. A message of a broker may claim any
 * id. */
static bool is_id_hash_of(const struct reel_event *event, const uint8_t *id_hash) {
    const struct reel_str name[] = {event->source, event->id};
    uint8_t hash[16];
    if (!event->source.data || !event->id.data) return false;
    ids_hash(name, 2, hash);
    return memcmp(hash, id_hash, sizeof hash) == 0;
}

/* True if the arrival's id_hash is the hash of the event's source and id. Only a hash that a
 * message of a broker claims is compared: all others were made from them. */
static bool has_id_hash(const struct arrival *arrival, const struct reel_event *event) {
    if (!arrival->id_hash) return false;
    return !arrival->check_id_hash || is_id_hash_of(event, arrival->id_hash);
}

struct decoded *dispatcher_decode(struct dispatcher *dispatcher, struct reel_str bytes) {
    const struct log_entry entry = {.bytes = bytes};
    return read_entry(dispatcher, &entry, bytes);
}

int dispatcher_append(struct dispatcher *dispatcher, const struct arrival *arrival,
                      struct appended *ret, struct reel_error *error) {
    char reason[REASON_BYTES];
    uint64_t before = dispatcher->state.head;
    INVARIANT(store_is_writing(&dispatcher->store));
    INVARIANT(!arrival->fold || before == dispatcher->state.cursor ||
              before == dispatcher->folded); /* all before it is folded */
    struct log_entry entry = {
        .seq = arrival->seq ? arrival->seq : dispatcher->state.head + 1,
        .time_ns = arrival->seq ? arrival->time_ns : dispatcher->time_ns,
        .flags = arrival->flags,
        .size = arrival->bytes.len > UINT32_MAX ? UINT32_MAX : (uint32_t)arrival->bytes.len,
        .bytes = arrival->bytes,
        .nats_subject = arrival->nats_subject,
        .id_hash = arrival->id_hash,
        .answer = arrival->answer,
        .set_aside = arrival->set_aside,
    };
    if (arrival->bytes.len > dispatcher->event_bytes_max) {
        entry.flags |= LOG_OVERSIZE;
        entry.bytes = (struct reel_str){"", 0};
    }
    int rc = find_marks(dispatcher, entry.bytes, arrival->seq, error);
    if (rc < 0) return rc;
    if (dispatcher->marks.len > 0 && dispatcher->marks.len <= UINT16_MAX && !entry.set_aside.len) {
        entry.flags |= LOG_SET_ASIDE;
        entry.set_aside = text_str(&dispatcher->marks);
    }
    if (entry.nats_subject.len > LOG_SUBJECT_MAX) entry.nats_subject = (struct reel_str){"", 0};
    struct log *log = dispatcher->home.place.log;
    rc = log_append(log, &entry, error);
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
    *ret = (struct appended){
        .seq = entry.seq,
        .is_json = is_event,
        .has_id_hash = is_event && has_id_hash(arrival, &reading->event),
    };
    if (entry.id_hash && !ret->has_id_hash) entry.flags |= LOG_OTHER_HASH;
    log_describe(log, &entry);
    if (!arrival->fold) return 0;
    rc = fold_read(dispatcher, &entry, is_event ? &reading->event : NULL, reason, &ret->outcome,
                   error);
    log_answer(log, ret->outcome);
    return rc;
}

/* When a gap is seen for the first time, moves the cursor and counts the gap. */
static void count_gap(struct dispatcher *dispatcher, uint64_t seq, uint64_t missing) {
    struct store_state *state = &dispatcher->state;
    INVARIANT(seq > dispatcher->folded);
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
    INVARIANT(seq > dispatcher->state.head && missing > 0);
    INVARIANT(missing <= seq - dispatcher->state.head); /* a gap covers no event of the log */
    struct log_entry entry = {
        .seq = seq,
        .time_ns = time_ns ? time_ns : dispatcher->time_ns,
        .flags = LOG_GAP,
        .size = missing > UINT32_MAX ? UINT32_MAX : (uint32_t)missing,
        .bytes = {"", 0},
    };
    int rc = log_append(dispatcher->home.place.log, &entry, error);
    if (rc < 0) return rc;
    dispatcher->state.head = seq;
    count_gap(dispatcher, seq, entry.size);
    return 0;
}

void dispatcher_reach(struct dispatcher *dispatcher, uint64_t seq) {
    INVARIANT(store_is_writing(&dispatcher->store));
    if (dispatcher->state.head < seq) dispatcher->state.head = seq;
    if (dispatcher->folded < seq) dispatcher->folded = seq;
}

/* ---- Folding the events of the log ----------------------------------------------------------- */

/* True if no collection needs to fold this entry. The log stores the types of its events, so a
 * rebuild need not parse events that no projector watches. */
static bool is_for_nobody(struct dispatcher *dispatcher, const struct log_entry *entry) {
    if (entry->flags & LOG_GAP) return true;
    if (!entry->type.data || entry->flags & (LOG_NOT_JSON | LOG_OVERSIZE | LOG_LOOK_INSIDE))
        return false;
    const struct route *route = router_find(&dispatcher->router, entry->type);
    for (size_t i = 0; i < route->count; i++) {
        const struct collection *collection = folded_now(dispatcher, route->stops[i].projector);
        if (collection && collection->state.cursor < entry->seq &&
            !collection_stops_before(collection, entry->seq))
            return false;
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
    int rc = find_marks(dispatcher, reading->entry.bytes, reading->entry.seq, error);
    if (rc == 0) rc = check_decoded(dispatcher, reading, reason, error);
    if (rc < 0) return rc;
    return fold_read(dispatcher, &reading->entry, rc > 0 ? &reading->event : NULL, reason, &outcome,
                     error);
}

/* A catch-up walks the log, within the limits of a transaction. */
struct catch_up {
    struct log_walk walk;
    struct log_entry entry; /* the next entry, if it is within the limits */
    bool has_entry;
    bool at_end; /* the walk has reached the end of the log */
    uint64_t to_seq;
    uint64_t events_left, bytes_left;
};

/* Goes to the next entry. The `first` entry is always accepted: it may be larger than the present
 * limit, from a time with another limit. */
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

/* Puts the next entry into the decoder's ring: 1; 0: the ring is full, or there is no entry. */
static int put_next(struct dispatcher *dispatcher, struct catch_up *catch_up,
                    struct reel_error *error) {
    if (!catch_up->has_entry || !decoder_put(dispatcher->decoder, &catch_up->entry,
                                             !is_for_nobody(dispatcher, &catch_up->entry)))
        return 0;
    int rc = catch_up_step(catch_up, false, error);
    return rc < 0 ? rc : 1;
}

/* Returns the next parsed entry, after filling the ring with entries that follow it. 1; 0: there is
 * none; or an error. The memory of blocks that the walk has unpacked is limited, too, as soon as
 * there is one entry.
 */
static int catch_up_read(struct dispatcher *dispatcher, struct catch_up *catch_up,
                         struct decoded **ret, struct reel_error *error) {
    int rc = 1;
    while (rc > 0 && catch_up->walk.held_bytes < UNPACKED_BYTES_MAX)
        rc = put_next(dispatcher, catch_up, error);
    if (rc < 0) return rc;
    *ret = decoder_next(dispatcher->decoder);
    if (*ret) return 1;
    rc = put_next(dispatcher, catch_up, error);
    if (rc > 0) *ret = decoder_next(dispatcher->decoder);
    return rc;
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
        if (dispatcher_is_full(dispatcher)) return 0; /* the next group makes room */
    }
    if (catch_up->at_end) dispatcher->folded = catch_up->to_seq; /* only gaps follow */
    return rc;
}

int dispatcher_fold_log(struct dispatcher *dispatcher, uint64_t from_seq, uint64_t to_seq,
                        uint64_t events_max, struct reel_error *error) {
    uint64_t most = (uint64_t)dispatcher->batch_events_max * CATCH_UP_EVENTS_FACTOR;
    struct catch_up catch_up = {
        .to_seq = to_seq,
        .events_left = events_max < most ? events_max : most,
        .bytes_left = dispatcher->batch_bytes_max < UINT64_MAX / CATCH_UP_BYTES_FACTOR
                          ? dispatcher->batch_bytes_max * CATCH_UP_BYTES_FACTOR
                          : UINT64_MAX,
    };
    struct log_pin *pin = log_pin(dispatcher->home.place.log);
    log_walk_start(&catch_up.walk, pin, from_seq, to_seq);
    int rc = fold_entries(dispatcher, &catch_up, error);
    decoder_clear(dispatcher->decoder); /* it may be using blocks that the walk has unpacked */
    log_walk_finish(&catch_up.walk);
    log_unpin(pin);
    return rc;
}

/* Events that the log has and nobody has seen yet, such as at opening, have been accepted. A
 * rebuild has to wait for room. */
static int begin_catch_up(struct dispatcher *dispatcher, struct reel_error *error) {
    bool is_rebuild = dispatcher->state.cursor == dispatcher->state.head;
    return is_rebuild ? dispatcher_begin(dispatcher, error)
                      : dispatcher_begin_to_fold(dispatcher, error);
}

int dispatcher_catch_up(struct dispatcher *dispatcher, struct reel_error *error) {
    int derived = dispatcher_derive_records(dispatcher, error);
    if (derived != 0) return derived;
    uint64_t behind = registry_behind(&dispatcher->registry, dispatcher->state.cursor);
    if (behind >= dispatcher->state.head) return 0;
    int rc = begin_catch_up(dispatcher, error);
    if (rc == 0)
        rc = dispatcher_fold_log(dispatcher, behind + 1, dispatcher->state.head, UINT64_MAX, error);
    INVARIANT(rc < 0 || dispatcher->folded > behind); /* else it would never end */
    rc = dispatcher_end(dispatcher, rc, error);
    return rc < 0 ? rc : 1;
}

/* ---- Trimming the log ------------------------------------------------------------------------ */

/* Tombstones below the floor of events. The floor of deletions rises only as far as any was
 * removed: whoever follows records and has seen the newest of them misses none. */
static int trim_tombstones(struct dispatcher *dispatcher, bool *ret_left,
                           struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    uint64_t last_seq;
    int rc = registry_trim(&dispatcher->registry, state->first_seq, dispatcher->batch_events_max,
                           ret_left, &last_seq, error);
    if (rc == 0 && last_seq >= state->first_deletion) state->first_deletion = last_seq + 1;
    return rc;
}

/* The floor goes up at once. What is below it goes in slices: one event may have deleted any number
 * of records, and any number of events may have been rejected. */
static int trim(struct dispatcher *dispatcher, uint64_t first_seq, bool *ret_left,
                struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    uint32_t max = dispatcher->batch_events_max;
    bool rejections_left = true, tombstones_left = true;
    if (first_seq > state->first_seq) state->first_seq = first_seq;
    int rc = rejected_trim(&dispatcher->store, state->first_seq, max, &rejections_left, error);
    if (rc == 0) rc = trim_tombstones(dispatcher, &tombstones_left, error);
    if (rc == 0) rc = controls_put_floors(dispatcher->home.place.log, state, error);
    *ret_left = rejections_left || tombstones_left;
    return rc;
}

uint64_t dispatcher_trim_limit(struct dispatcher *dispatcher) {
    uint64_t kept = checkpoint_cursor(&dispatcher->store) + 1;
    uint64_t held = home_held_from(&dispatcher->home);
    return held < kept ? held : kept;
}

uint64_t dispatcher_needed_from(const struct dispatcher *dispatcher) {
    return registry_needed(&dispatcher->registry, dispatcher->state.cursor) + 1;
}

/* What is not in the checkpoint is folded from the log at the next opening. */
static int settle_limit(struct dispatcher *dispatcher, uint64_t *first_seq,
                        struct reel_error *error) {
    uint64_t needed = dispatcher_needed_from(dispatcher);
    if (*first_seq > needed) *first_seq = needed;
    uint64_t limit = dispatcher_trim_limit(dispatcher);
    int rc = *first_seq > limit ? checkpoint_all(&dispatcher->store, error) : 0;
    if (rc < 0 && rc != -ENOSPC) return rc;
    limit = dispatcher_trim_limit(dispatcher);
    if (*first_seq > limit) *first_seq = limit;
    return 0;
}

int dispatcher_trim(struct dispatcher *dispatcher, uint64_t first_seq, struct reel_error *error) {
    INVARIANT(first_seq <= dispatcher->state.head + 1);
    bool left = true;
    int rc = settle_limit(dispatcher, &first_seq, error);
    if (rc < 0) return rc;
    if (first_seq <= dispatcher->state.first_seq && !dispatcher->trim_left) return 0;
    rc = begin(dispatcher, store_begin_to_trim, error);
    if (rc < 0) return rc;
    rc = trim(dispatcher, first_seq, &left, error);
    rc = dispatcher_end(dispatcher, rc, error);
    if (rc < 0) return rc;
    dispatcher->trim_left = left;
    log_trim(dispatcher->home.place.log);
    return 1;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

int dispatcher_spill(struct dispatcher *dispatcher, struct reel_error *error) {
    struct arena *arena = &dispatcher->fold.arena;
    if (arena->used < SPILL_BYTES) return 0;
    int rc = registry_flush(&dispatcher->registry, arena, error);
    if (rc == 0) arena_reset(arena);
    return rc;
}

bool dispatcher_is_full(const struct dispatcher *dispatcher) {
    return checkpoint_is_due(&dispatcher->store, dispatcher->fold.arena.used);
}

static int write_records(struct dispatcher *dispatcher, struct reel_error *error) {
    uint64_t folded = dispatcher->folded;
    INVARIANT(folded <= dispatcher->state.head);
    if (dispatcher->state.cursor < folded) dispatcher->state.cursor = folded;
    if (!dispatcher->beside) registry_raise(&dispatcher->registry, folded);
    int rc = registry_flush(&dispatcher->registry, &dispatcher->fold.arena, error);
    return rc < 0 ? rc : registry_put_states(&dispatcher->registry, error);
}

/* Commits the log before the store. If this fails, except on a full disk, nobody knows what the log
 * contains. */
static int commit_log(struct dispatcher *dispatcher, struct reel_error *error) {
    struct log *log = dispatcher->home.place.log;
    if (!dispatcher->adopting) log_reach(log, dispatcher->state.head);
    int rc = log_commit(log, error);
    if (rc == -EIO) store_break(&dispatcher->store, error->text);
    return rc;
}

static int put_state(struct dispatcher *dispatcher, struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    if (dispatcher->adopting)
        state->log_salt = state->log_number = state->log_at = state->log_chain = 0;
    else
        home_put_mark(&dispatcher->home, state);
    return meta_put_state(&dispatcher->store, state, error);
}

/* The group is in the log, but the memtable has no memory for the state. The group is taken back,
 * and nothing has happened. */
static int take_back(struct dispatcher *dispatcher, int rc, struct reel_error *error) {
    struct reel_error second;
    int undone = log_undo(dispatcher->home.place.log, &second);
    if (undone == 0) return rc;
    store_break(&dispatcher->store, second.text);
    return fail(error, undone, "%s", second.text);
}

/* The log is synced before anything of the group is visible. */
static int commit_both(struct dispatcher *dispatcher, struct reel_error *error) {
    struct store *store = &dispatcher->store;
    uint64_t cursor = dispatcher->state.cursor;
#ifdef REEL_FAULT_17 /* a group is visible before it is durable */
    if (!dispatcher->adopting && put_state(dispatcher, error) == 0) {
        store_commit(store, cursor);
        return commit_log(dispatcher, error) < 0 ? -EIO : (log_keep(dispatcher->home.place.log), 0);
    }
#endif
    int rc = commit_log(dispatcher, error);
    if (rc < 0) return rc;
    rc = put_state(dispatcher, error);
    if (rc == 0 && dispatcher->adopting) rc = store_commit_durably(store, cursor, error);
    if (rc < 0) return take_back(dispatcher, rc, error);
    store->needed_after = registry_needed(&dispatcher->registry, cursor);
    if (!dispatcher->adopting) store_commit(store, cursor);
    log_keep(dispatcher->home.place.log);
    return 0;
}

/* What is committed is visible from now on: it must not contradict what was visible before. */
static void check_committed(const struct dispatcher *dispatcher) {
    const struct store_state *before = &dispatcher->committed, *now = &dispatcher->state;
    INVARIANT(now->cursor <= now->head);
    if (dispatcher->adopting) return; /* it is another log's */
    INVARIANT(now->head == log_head(dispatcher->home.place.log) || dispatcher->home.only_reads);
    INVARIANT(now->cursor >= before->cursor && now->first_seq >= before->first_seq);
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
    decoder_clear(dispatcher->decoder); /* it may be looking at the group's bytes */
    INVARIANT(rc < 0 || store_is_writing(&dispatcher->store));
    if (rc == 0) rc = write_records(dispatcher, error);
    if (rc == 0) rc = commit_both(dispatcher, error);
    if (rc < 0) {
        dispatcher_abort(dispatcher);
        return rc;
    }
    check_committed(dispatcher);
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
    log_abort(dispatcher->home.place.log);
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
    text_finish(&dispatcher->marks);
    home_close(&dispatcher->home);
}
