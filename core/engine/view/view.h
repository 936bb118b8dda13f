/* view.h: views, and the functions that their calls share. view.c has the life of a view. Records,
 * changed records and the log have files of their own.
 */
#ifndef REEL_ENGINE_VIEW_VIEW_H
#define REEL_ENGINE_VIEW_VIEW_H

#include "base/cleanup.h"
#include "engine/fold/registry.h"
#include "engine/log/place.h"
#include "engine/store/store.h"

#include <pthread.h>

/* Open views, and closed views that can be opened again. */
struct views {
    struct store *store;
    struct log_place *log;
    const struct registry *registry;
    const struct reel_host *host;
    uint32_t count_max, ms_max;
    pthread_mutex_t lock;     /* protects the members below */
    struct reel_view *first;  /* open */
    struct reel_view *idle;   /* closed */
    struct reel_view *before; /* see views_open_before; or NULL. Only reel_start changes it */
    uint32_t open_count;      /* number of views whose time is not over */
    uint32_t idle_count;
    atomic_uint own_scans;
    atomic_uint *scans; /* queries that look at all records (query.c), maybe also of other views */
};

void views_init(struct views *views, struct store *store, struct log_place *log,
                const struct registry *registry, const struct reel_host *host);

/* Frees the closed views that are kept. */
void views_finish(struct views *views);

int views_open(struct views *views, struct reel_view **ret, struct reel_error *error);

/* What the last process has served, for followers who have it, and are to get only what is
 * different now that other plugins run. The view is opened before anything is changed, and closed
 * if nothing is; its time begins again when the start has ended. Its records may have other fields
 * than those that are declared now. views_before gives it, with a reference of its own: -ENOENT:
 * nothing was replaced, or its time is over. [the first three: setup; then: any thread] */
void views_open_before(struct views *views);
void views_close_before(struct views *views);
void views_renew_before(struct views *views);
int views_before(struct views *views, struct reel_view **ret);

/* Ends views whose time is over, unless they are in use; and the oldest ones, before their time, if
 * views hold too much memory, or too many pages of LMDB. A walk ends at its next row. [writer] */
void views_expire(struct views *views);

struct reel_view {
    struct views *views;
    struct reel_view *previous, *next; /* protected by views->lock */
    bool has_place;                    /* also protected by it: the view counts in open_count */
    uint32_t references;               /* also: reel_view_close gives one back */
    uint64_t file_bytes;               /* also: of LMDB, when it was opened */
    atomic_uint_fast64_t deadline_ms;  /* 0: it must end now */
    pthread_mutex_t lock;              /* protects the members below */
    struct snapshot at;                /* at.txn NULL: its time is over */
    struct log_pin *pin;               /* of the log, after the first look at it; or NULL */

    /* What it has read from `meta`, and the number of that version. If a view is closed and opened
     * again before the next version, this is still valid. */
    uint64_t number;
    struct store_state state;
    struct reel_position position; /* if is_measured */
    bool is_measured;
    bool has_scanned; /* since it was opened */
    struct collection
        *collection; /* the last collection that was asked for, or NULL; and its state */
    struct collection_state collection_state;
};

/* Locks the view for one call. It is unlocked when `ret`, an ENTERED that is NULL at first, leaves
 * its scope. -EDEADLK: the call is from a callback of the same view; -ETIME: its time is over. */
int view_enter(struct reel_view *view, struct reel_view **ret);
void view_leave(struct reel_view **view);
#define ENTERED CLEANUP(view_leave) struct reel_view *

/* Pins the log's segments, with all events of the view that had not been trimmed before the first
 * call. -ETIME: the log was replaced. */
int view_log_pin(struct reel_view *view, struct log_pin **ret);

/* True if a walk must end because of its time. Checks the clock now and then. */
bool view_is_late(const struct reel_view *view, size_t row);

/* Finds a collection and its state, and with it its tables (collection_tables_at). Both are valid
 * until another one is asked for. -ESRCH; -ENOENT: it has no state yet. */
int view_collection(struct reel_view *view, const char *name, struct collection **ret,
                    const struct collection_state **ret_state);

/* True if the collection can be shown: it has caught up, as far as it is not stopped.
 */
bool view_serves(const struct reel_view *view, const struct collection *collection,
                 const struct collection_state *state);

/* Finds a collection that can be shown, and its tables in this view. -ESRCH; -EAGAIN: it has not
 * caught up. */
int view_served(struct reel_view *view, const char *name, struct collection **ret,
                const struct table_set **ret_tables);

#endif
