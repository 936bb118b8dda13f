/* view.c: views (reel.h): read transactions with a bounded life.
 *
 * A read transaction keeps every page alive that was in use when it began, so one that is held
 * for ever makes the file grow for ever. A view therefore ends when its time is up: at its next
 * call, or by the writer before it begins a transaction. The writer only tries a view's lock, so
 * it never waits for a reader; a reader that is in a call ends by itself, since it looks at the
 * clock as it walks.
 *
 * Everything that a view gives is given within a call, under its lock: what a callback sees
 * cannot be taken away under its hands.
 */
#include "engine.h"

#include "base/cleanup.h"
#include "keys.h"
#include "rejected.h"

#include <errno.h>
#include <stdlib.h>
#include <uuid/uuid.h>

/* Rows between two looks at the clock. */
#define ROWS_PER_LOOK 64

struct reel_view {
    struct reel *reel;
    struct reel_view *previous, *next; /* under views_lock */
    pthread_mutex_t lock;              /* of what follows */
    MDB_txn *txn;                      /* NULL: its time was up */
    uint64_t deadline_ms;
    struct store_state state;
};

/* ---- Life ------------------------------------------------------------------------------------ */

/* Locks the view for one call; it is unlocked when `ret` leaves its scope (ENTERED). -EDEADLK: from
 * within a callback of it. */
static int view_enter(struct reel_view *view, struct reel_view **ret) {
    int rc = pthread_mutex_lock(&view->lock);
    if (rc != 0) return -rc;
    *ret = view;
    if (atomic_load(&view->reel->dispatcher.store.broken)) return -EIO;
    if (view->txn && clock_ms() >= view->deadline_ms) {
        mdb_txn_abort(view->txn);
        view->txn = NULL;
    }
    return view->txn ? 0 : -ETIME;
}

static void view_leave(struct reel_view **view) {
    if (*view) pthread_mutex_unlock(&(*view)->lock);
}

#define ENTERED CLEANUP(view_leave) struct reel_view *

void views_expire(struct reel *reel) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&reel->views_lock);
    if (!reel->views) return;
    uint64_t now = clock_ms();
    for (struct reel_view *view = reel->views; view; view = view->next) {
        if (pthread_mutex_trylock(&view->lock) != 0) continue;
        if (view->txn && now >= view->deadline_ms) {
            mdb_txn_abort(view->txn);
            view->txn = NULL;
        }
        pthread_mutex_unlock(&view->lock);
    }
}

/* Takes one of the places that there are. */
static int enlist(struct reel *reel, struct reel_view *view, struct reel_error *error) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&reel->views_lock);
    if (reel->views_open >= reel->views_max)
        return fail(error, -EAGAIN, "%u views are open, which is the most", reel->views_open);
    reel->views_open++;
    view->next = reel->views;
    if (view->next) view->next->previous = view;
    reel->views = view;
    return 0;
}

static void delist(struct reel *reel, struct reel_view *view) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&reel->views_lock);
    reel->views_open--;
    if (view->next) view->next->previous = view->previous;
    *(view->previous ? &view->previous->next : &reel->views) = view->next;
}

static int view_begin(struct reel *reel, struct reel_view *view, struct reel_error *error) {
    struct store *store = &reel->dispatcher.store;
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&view->lock);
    if (atomic_load(&store->broken)) return fail(error, -EIO, "the store failed earlier");
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &view->txn);
    if (rc != 0) {
        view->txn = NULL;
        return store_fail(store, rc, "cannot begin a view", error);
    }
    view->deadline_ms = clock_ms() + reel->view_ms_max;
    rc = store_get_state(store, view->txn, &view->state);
    return rc < 0 ? fail(error, rc, "cannot read the store's state") : 0;
}

int reel_view_open(struct reel *reel, struct reel_view **ret, struct reel_error *error) {
    if (!reel->started) return fail(error, -EINVAL, "reel_start comes first");
    struct reel_view *view = calloc(1, sizeof *view);
    if (!view) return fail_memory(error);
    view->reel = reel;
    pthread_mutexattr_t checking;
    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&view->lock, &checking);
    pthread_mutexattr_destroy(&checking);
    int rc = enlist(reel, view, error);
    if (rc < 0) {
        pthread_mutex_destroy(&view->lock);
        free(view);
        return rc;
    }
    rc = view_begin(reel, view, error);
    if (rc < 0)
        reel_view_close(view);
    else
        *ret = view;
    return rc;
}

void reel_view_close(struct reel_view *view) {
    if (!view) return;
    delist(view->reel, view);
    if (view->txn) mdb_txn_abort(view->txn);
    pthread_mutex_destroy(&view->lock);
    free(view);
}

/* ---- Positions ------------------------------------------------------------------------------- */

int reel_view_position(struct reel_view *view, struct reel_position *ret) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    const struct store_state *state = &within->state;
    *ret = (struct reel_position){
        .cursor = state->cursor,
        .first_seq = state->first_seq,
        .head = state->head,
        .applied = state->applied,
        .ignored = state->ignored,
        .rejected = state->rejected,
    };
    uuid_unparse_lower(state->epoch, ret->epoch.text);
    return 0;
}

static int view_collection(struct reel_view *view, const char *name, struct collection **ret,
                           struct collection_state *ret_state) {
    struct reel *reel = view->reel;
    *ret = registry_find(&reel->dispatcher.registry, reel_text(name));
    if (!*ret) return -ESRCH;
    return store_get_collection(&reel->dispatcher.store, view->txn, (*ret)->name, ret_state);
}

int reel_view_collection(struct reel_view *view, const char *name,
                         struct reel_collection_info *ret) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    struct collection_state state;
    rc = view_collection(within, name, &collection, &state);
    if (rc < 0) return rc;
    *ret = (struct reel_collection_info){
        .revision = state.revision,
        .records = state.records,
        .cursor = state.cursor,
        .from_seq = state.from_seq,
        .applied = state.applied,
        .ignored = state.ignored,
        .rejected = state.rejected,
        .served = state.cursor >= within->state.cursor,
    };
    return 0;
}

/* ---- Records --------------------------------------------------------------------------------- */

/* The collection, if it has caught up. */
static int served_collection(struct reel_view *view, const char *name, struct collection **ret) {
    struct collection_state state;
    int rc = view_collection(view, name, ret, &state);
    if (rc < 0) return rc == -ENOENT ? -EAGAIN : rc;
    return state.cursor >= view->state.cursor ? 0 : -EAGAIN;
}

static int give_row(const struct collection *collection, struct reel_str key,
                    struct reel_str stored, reel_row_fn fn, void *context) {
    struct reel_row row = {.key = key};
    if (record_json(&collection->shape, stored, &row.changed, &row.json) < 0)
        return store_fail(collection->store, MDB_CORRUPTED, "cannot read a record", NULL);
    return fn(context, &row);
}

int reel_view_get(struct reel_view *view, const char *name, struct reel_str key, reel_row_fn fn,
                  void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    struct reel_str stored;
    rc = served_collection(within, name, &collection);
    if (rc == 0) rc = keys_get(collection->store, within->txn, collection->dbi, key, &stored, NULL);
    return rc < 0 ? rc : give_row(collection, key, stored, fn, context);
}

/* Is it time to end a walk? Looks at the clock now and then. */
static bool is_late(const struct reel_view *view, size_t row) {
    return row % ROWS_PER_LOOK == ROWS_PER_LOOK - 1 && clock_ms() >= view->deadline_ms;
}

static int list_rows(struct reel_view *view, struct collection *collection, struct keys_walk *walk,
                     reel_row_fn fn, void *context) {
    struct reel_str key, stored;
    int rc;
    for (size_t row = 0; (rc = keys_next(walk, &key, &stored, NULL)) > 0; row++) {
        if (is_late(view, row)) return -ETIME;
        rc = give_row(collection, key, stored, fn, context);
        if (rc != 0) return rc;
    }
    return rc;
}

int reel_view_list(struct reel_view *view, const char *name, struct reel_str from, bool after,
                   reel_row_fn fn, void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    struct keys_walk walk;
    rc = served_collection(within, name, &collection);
    if (rc < 0) return rc;
    rc = keys_walk_start(&walk, collection->store, within->txn, collection->dbi, from, after, NULL);
    if (rc == 0) rc = list_rows(within, collection, &walk, fn, context);
    keys_walk_finish(&walk);
    return rc;
}

/* ---- Log and rejections ---------------------------------------------------------------------- */

/* What callers are shown of an entry: the flags that reel.h names. */
#define PUBLIC_FLAGS (REEL_LOG_NOT_JSON | REEL_LOG_OVERSIZE | REEL_LOG_SUBMITTED)

static int give_entry(const struct log_entry *entry, reel_entry_fn fn, void *context) {
    struct reel_entry given = {
        .seq = entry->seq,
        .time_ns = entry->time_ns,
        .flags = entry->flags & PUBLIC_FLAGS,
        .size = entry->size,
        .bytes = entry->bytes,
    };
    return fn(context, &given);
}

static int log_entries(struct reel_view *view, struct log_walk *walk, reel_entry_fn fn,
                       void *context) {
    struct log_entry entry;
    int rc;
    for (size_t row = 0; (rc = log_next(walk, &entry, NULL)) > 0; row++) {
        if (is_late(view, row)) return -ETIME;
        rc = give_entry(&entry, fn, context);
        if (rc != 0) return rc;
    }
    return rc;
}

int reel_view_log(struct reel_view *view, uint64_t from_seq, reel_entry_fn fn, void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct log_walk walk;
    if (from_seq < within->state.first_seq) from_seq = within->state.first_seq;
    rc = log_walk_start(&walk, &within->reel->dispatcher.store, within->txn, from_seq, NULL);
    if (rc < 0) return rc;
    rc = log_entries(within, &walk, fn, context);
    log_walk_finish(&walk);
    return rc;
}

/* Lends a look at the clock to a walk over rejections. */
struct rejection_walk {
    struct reel_view *view;
    reel_rejection_fn fn;
    void *context;
    size_t row;
};

static int give_rejection(void *context, const struct reel_rejection *rejection) {
    struct rejection_walk *walk = context;
    if (is_late(walk->view, walk->row++)) return -ETIME;
    return walk->fn(walk->context, rejection);
}

int reel_view_rejected(struct reel_view *view, reel_rejection_fn fn, void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct rejection_walk walk = {.view = within, .fn = fn, .context = context};
    return rejected_each(&within->reel->dispatcher.store, within->txn, give_rejection, &walk, NULL);
}
