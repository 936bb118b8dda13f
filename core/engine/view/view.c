/* view.c: views (reel.h): snapshots with a limited life.
 *
 * While a snapshot is open, neither the memory of its version nor the pages of LMDB that it can see
 * can be reused. If it were open for ever, both would grow for ever. So a view ends when its time
 * is over: in its next call, or when the writer begins a transaction. The writer only tries a
 * view's lock, so it never waits for a reader. A walk checks the clock and ends by itself. When a
 * view's time is over, it no longer counts towards views_max. So a view that is not closed, for
 * example because a client is slow, does not prevent other views.
 *
 * A reader of LMDB needs a slot in a table and about 30 kB. They are allocated once and kept for
 * the next view, because for a single record this would take most of the time.
 *
 * A view gives its content only within a call, with its lock held. So a callback can use it until
 * it returns.
 */
#include "engine/view/view.h"

#include "base/clock.h"
#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <uuid/uuid.h>

/* Rows between two looks at the clock. */
#define ROWS_PER_LOOK 64

/* Most that are kept for the next ones. */
#define IDLE_MAX 64

/* Most by which LMDB's file may grow while a view is open: it keeps pages from being used again. */
#define GROWN_BYTES_MAX ((uint64_t)2 << 30)

/* ---- Life ------------------------------------------------------------------------------------ */

static void drop_pin(struct reel_view *view) {
    log_unpin(view->pin);
    view->pin = NULL;
}

/* Gives its transaction and its place back. Under the view's lock and views_lock. */
static void let_go(struct reel_view *view) {
    INVARIANT(lock_is_held(&view->lock) && lock_is_held(&view->views->lock));
    INVARIANT(view->has_place && view->views->open_count > 0);
    snapshot_finish(&view->at);
    drop_pin(view);
    view->has_place = false;
    view->views->open_count--;
}

int view_enter(struct reel_view *view, struct reel_view **ret) {
    int rc = pthread_mutex_lock(&view->lock);
    if (rc != 0) return -rc;
    *ret = view;
    if (atomic_load(&view->views->store->broken)) return -EIO;
    if (view->at.txn && clock_ms() >= atomic_load(&view->deadline_ms)) {
        HOLD_LOCK(&view->views->lock);
        let_go(view);
    }
    return view->at.txn ? 0 : -ETIME;
}

void view_leave(struct reel_view **view) {
    if (*view) pthread_mutex_unlock(&(*view)->lock);
}

/* Under views_lock. A view that is being opened has no version yet. */
static void expire(struct views *views) {
    INVARIANT(lock_is_held(&views->lock));
    uint64_t now = clock_ms();
    for (struct reel_view *view = views->first; view; view = view->next) {
        if (pthread_mutex_trylock(&view->lock) != 0) continue;
        if (view->at.version && now >= atomic_load(&view->deadline_ms)) let_go(view);
        pthread_mutex_unlock(&view->lock);
    }
}

/* The oldest view that has a place must end, if memory is short. One at a time: what others hold
 * may then be little. The list has the newest first. */
static void hurry(struct views *views, bool memory_is_short) {
    uint64_t bytes = store_file_bytes(views->store);
    struct reel_view *oldest = NULL;
    for (struct reel_view *view = views->first; view; view = view->next) {
        if (!view->has_place) continue;
        if (bytes > view->file_bytes + GROWN_BYTES_MAX) atomic_store(&view->deadline_ms, 0);
        oldest = view;
    }
    if (oldest && memory_is_short) atomic_store(&oldest->deadline_ms, 0);
}

void views_expire(struct views *views) {
    bool memory_is_short = store_holds_too_much(views->store);
    HOLD_LOCK(&views->lock);
    if (!views->first) return;
    hurry(views, memory_is_short);
    expire(views);
}

int view_log_pin(struct reel_view *view, struct log_pin **ret) {
    if (!view->pin) view->pin = log_place_pin(view->views->log);
    *ret = view->pin;
    return log_pin_salt(view->pin) == view->state.log_salt ? 0 : -ETIME;
}

bool view_is_late(const struct reel_view *view, size_t row) {
    return row % ROWS_PER_LOOK == ROWS_PER_LOOK - 1 &&
           clock_ms() >= atomic_load(&view->deadline_ms);
}

/* Without a transaction yet. */
static struct reel_view *view_create(struct views *views) {
    struct reel_view *view = calloc(1, sizeof *view);
    if (!view) return NULL;
    view->views = views;
    pthread_mutexattr_t checking;
    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&view->lock, &checking);
    pthread_mutexattr_destroy(&checking);
    return view;
}

static void view_destroy(struct reel_view *view) {
    snapshot_finish(&view->at);
    drop_pin(view);
    pthread_mutex_destroy(&view->lock);
    free(view);
}

/* Takes one of the places that there are, with a view that was closed, if there is one. */
static int enlist(struct views *views, struct reel_view **ret, struct reel_error *error) {
    HOLD_LOCK(&views->lock);
    if (views->open_count >= views->count_max) expire(views);
    if (views->open_count >= views->count_max)
        return fail(error, -EAGAIN, "%u views are open, which is the limit", views->open_count);
    struct reel_view *view = views->idle;
    INVARIANT(!view || (views->idle_count > 0 && view->at.txn && !view->pin));
    if (view) {
        views->idle = view->next;
        views->idle_count--;
    } else if (!(view = view_create(views))) {
        return fail_memory(error);
    }
    views->open_count++;
    view->has_place = true;
    view->references = 1;
    view->file_bytes = store_file_bytes(views->store);
    view->previous = NULL;
    view->next = views->first;
    if (view->next) view->next->previous = view;
    views->first = view;
    *ret = view;
    return 0;
}

static bool is_last_reference(struct reel_view *view) {
    HOLD_LOCK(&view->views->lock);
    INVARIANT(view->references > 0);
    return --view->references == 0;
}

/* True: it is kept for the next one, and no longer the caller's. */
static bool delist(struct reel_view *view) {
    struct views *views = view->views;
    HOLD_LOCK(&views->lock);
    INVARIANT(!view->has_place || views->open_count > 0);
    if (view->has_place) views->open_count--;
    if (view->next) view->next->previous = view->previous;
    *(view->previous ? &view->previous->next : &views->first) = view->next;
    if (!view->at.txn || views->idle_count == IDLE_MAX) return false;
    views->idle_count++;
    view->next = views->idle;
    views->idle = view;
    return true;
}

/* Lets go of what the view sees, not of its place among LMDB's readers. */
static void view_reset(struct reel_view *view) {
    HOLD_LOCK(&view->lock);
    drop_pin(view);
    snapshot_end(&view->at);
    atomic_store(&view->deadline_ms, UINT64_MAX);
}

/* Reads where it stands, and forgets what it knew, unless it stood there when it was last open. */
static int read_state(struct reel_view *view) {
    if (view->at.number == view->number) return 0;
    view->number = view->at.number;
    view->is_measured = false;
    view->collection = NULL;
    return meta_get_state(view->views->store, &view->at, &view->state);
}

static int view_begin(struct reel_view *view, struct reel_error *error) {
    struct store *store = view->views->store;
    HOLD_LOCK(&view->lock);
    if (atomic_load(&store->broken)) return fail(error, -EIO, "the store failed earlier");
    int rc = snapshot_take(store, &view->at);
    if (rc != 0) return store_fail(store, rc, "cannot begin a view", error);
    rc = read_state(view);
    if (rc < 0) {
        view->number = 0;
        return fail(error, rc, "cannot read the store's state");
    }
    store_has_shown(store, view->number);
    view->has_scanned = false;
    atomic_store(&view->deadline_ms, clock_ms() + view->views->ms_max);
    return 0;
}

int views_open(struct views *views, struct reel_view **ret, struct reel_error *error) {
    struct reel_view *view;
    int rc = enlist(views, &view, error);
    if (rc < 0) return rc;
    rc = view_begin(view, error);
    if (rc < 0)
        reel_view_close(view);
    else
        *ret = view;
    return rc;
}

void reel_view_close(struct reel_view *view) {
    if (!view || !is_last_reference(view)) return;
    view_reset(view);
    if (!delist(view)) view_destroy(view);
}

/* Without this view, followers must take a snapshot. */
void views_open_before(struct views *views) {
    struct reel_error error;
    if (views->count_max < 2) return; /* others must be possible beside it */
    if (views_open(views, &views->before, &error) < 0) views->before = NULL;
}

void views_renew_before(struct views *views) {
    if (views->before) atomic_store(&views->before->deadline_ms, clock_ms() + views->ms_max);
}

void views_close_before(struct views *views) {
    reel_view_close(views->before);
    views->before = NULL;
}

int views_before(struct views *views, struct reel_view **ret) {
    HOLD_LOCK(&views->lock);
    struct reel_view *before = views->before;
    if (!before || clock_ms() >= atomic_load(&before->deadline_ms)) return -ENOENT;
    before->references++;
    *ret = before;
    return 0;
}

void views_init(struct views *views, struct store *store, struct log_place *log,
                const struct registry *registry, const struct reel_host *host) {
    *views = (struct views){.store = store, .log = log, .registry = registry, .host = host};
    views->scans = &views->own_scans;
    pthread_mutex_init(&views->lock, NULL);
}

void views_finish(struct views *views) {
    views_close_before(views);
    INVARIANT(!views->first && views->open_count == 0); /* <reel/reel.h>: no view may be open */
    while (views->idle) {
        struct reel_view *view = views->idle;
        views->idle = view->next;
        view_destroy(view);
    }
    pthread_mutex_destroy(&views->lock);
}

/* ---- Positions ------------------------------------------------------------------------------- */

static void measure(struct reel_view *view) {
    const struct store_state *state = &view->state;
    struct reel_position *position = &view->position;
    *position = (struct reel_position){
        .cursor = state->cursor,
        .first_seq = state->first_seq,
        .first_deletion = state->first_deletion,
        .gaps = state->gaps.count,
        .gap_messages = state->gaps.messages,
        .gap_from = state->gaps.from,
        .gap_to = state->gaps.to,
        .head = state->head,
        .applied = state->applied,
        .ignored = state->ignored,
        .rejected = state->rejected,
    };
    uuid_unparse_lower(state->epoch, position->epoch.text);
    struct log_metrics log;
    log_place_measure(view->views->log, &log);
    position->store_bytes = store_file_bytes(view->views->store) + log.bytes;
    view->is_measured = true;
    if (state->head < state->first_seq) return;
    struct log_pin *pin;
    if (view_log_pin(view, &pin) == 0) /* else another log was begun, and this one is gone */
        position->log_bytes = log_pin_bytes(pin, state->first_seq);
}

int reel_view_position(struct reel_view *view, struct reel_position *ret) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc == 0 && !within->is_measured) measure(within);
    if (rc == 0) *ret = within->position;
    return rc;
}

int view_collection(struct reel_view *view, const char *name, struct collection **ret,
                    const struct collection_state **ret_state) {
    if (!view->collection || strcmp(view->collection->name, name) != 0) {
        struct collection *found = registry_find(view->views->registry, reel_text(name));
        if (!found) return -ESRCH;
        view->collection = NULL;
        int rc = meta_get_collection(view->views->store, &view->at, found->name,
                                     &view->collection_state);
        if (rc < 0) return rc;
        view->collection = found;
    }
    *ret = view->collection;
    *ret_state = &view->collection_state;
    return 0;
}

bool view_serves(const struct reel_view *view, const struct collection *collection,
                 const struct collection_state *state) {
    if (collection->unreadable) return false;
    if (state->cursor >= view->state.cursor) return true;
    if (state->waits || state->from_records) return false;
    return collection_stops_before(collection, state->cursor + 1) || collection->shown_behind;
}

int view_served(struct reel_view *view, const char *name, struct collection **ret,
                const struct table_set **ret_tables) {
    const struct collection_state *state;
    int rc = view_collection(view, name, ret, &state);
    if (rc < 0) return rc == -ENOENT ? -EAGAIN : rc;
    *ret_tables = collection_tables_at(*ret, state);
    return view_serves(view, *ret, state) ? 0 : -EAGAIN;
}

/* How far the shadow is, if the collection has one. */
static int read_shadow(struct reel_view *view, const struct collection *collection,
                       struct reel_collection_info *info) {
    struct collection_state shadow;
    if (!view->collection_state.has_shadow) return 0;
    int rc = meta_get_shadow(view->views->store, &view->at, collection->name, &shadow);
    if (rc < 0) return rc;
    info->rebuilding = true;
    info->rebuild_cursor = shadow.cursor;
    return 0;
}

/* The log's floor may have passed it. */
static void read_halt(const struct reel_view *view, const struct collection *collection,
                      const struct collection_state *state, struct reel_collection_info *info) {
    const struct set_aside *stopped = collection->stopped;
    bool is_halted = collection_is_halted(collection);
    info->stale = info->served && (is_halted || state->cursor < view->state.cursor);
    info->paused = collection->paused_from > 0;
    info->keys_refused = collection->refuses_keys;
    info->commands_refused = collection->refuses_requests;
    info->lost_events =
        is_halted && (collection->lost_events || state->cursor + 1 < view->state.first_seq);
    if (!stopped) return;
    set_aside_reason(stopped->signal, stopped->ms, info->stopped);
    info->stopped_s = stopped->time_s;
    info->stopped_seq = stopped->seq;
}

int reel_view_collection(struct reel_view *view, const char *name,
                         struct reel_collection_info *ret) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    const struct collection_state *state;
    rc = view_collection(within, name, &collection, &state);
    if (rc < 0) return rc;
    *ret = (struct reel_collection_info){
        .revision = state->revision,
        .records = state->records,
        .cursor = state->cursor,
        .from_seq = state->from_seq,
        .applied = state->applied,
        .ignored = state->ignored,
        .rejected = state->rejected,
        .json_bytes = state->json_bytes,
        .changed = state->changed,
        .generation = state->generation,
        .served = view_serves(within, collection, state),
        .set_aside = collection->set_aside.events,
    };
    read_halt(within, collection, state, ret);
    digest_write(&state->digest, ret->digest);
    return read_shadow(within, collection, ret);
}
