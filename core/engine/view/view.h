/* view.h: views, and a view from within: what its calls have in common. See view.c for its life;
 * records, the changed ones and the log have files of their own.
 */
#ifndef REEL_ENGINE_VIEW_VIEW_H
#define REEL_ENGINE_VIEW_VIEW_H

#include "base/cleanup.h"
#include "engine/fold/registry.h"
#include "engine/log/log.h"
#include "engine/store/store.h"

#include <pthread.h>

/* Those that are open, and those that were closed and wait to be opened again. */
struct views {
    struct store *store;
    struct log_place *log;
    const struct registry *registry;
    const struct reel_host *host;
    uint32_t count_max, ms_max;
    pthread_mutex_t lock;    /* of what follows */
    struct reel_view *first; /* open */
    struct reel_view *idle;  /* closed */
    uint32_t open_count;     /* whose time is not up */
    uint32_t idle_count;
};

void views_init(struct views *views, struct store *store, struct log_place *log,
                const struct registry *registry, const struct reel_host *host);

/* Frees what is kept of views that were closed. */
void views_finish(struct views *views);

int views_open(struct views *views, struct reel_view **ret, struct reel_error *error);

/* Ends views whose time is up, if nobody is using them just now. */
void views_expire(struct views *views);

struct reel_view {
    struct views *views;
    struct reel_view *previous, *next; /* under views->lock */
    bool has_place;                    /* likewise: it counts in open_count */
    pthread_mutex_t lock;              /* of what follows */
    MDB_txn *txn;                      /* NULL: its time was up */
    struct log_pin *pin;               /* of the log, once it was looked at; or NULL */
    uint64_t deadline_ms;

    /* What it has read of `meta`. A view that was closed, and is opened again before the next
     * commit, still knows it. */
    struct store_state state;
    struct reel_position position; /* if is_measured */
    bool is_measured;
    struct collection *collection; /* the one last asked for, or NULL; and its state */
    struct collection_state collection_state;
};

/* Locks the view for one call; it is unlocked when `ret`, an ENTERED that begins as NULL, leaves
 * its scope. -EDEADLK: from within a callback of it; -ETIME: its time is up. */
int view_enter(struct reel_view *view, struct reel_view **ret);
void view_leave(struct reel_view **view);
#define ENTERED CLEANUP(view_leave) struct reel_view *

/* The log's segments, with all events of the view that have not been trimmed before the first call.
 * -ETIME: another log was begun meanwhile. */
int view_log_pin(struct reel_view *view, struct log_pin **ret);

/* Is it time to end a walk? Looks at the clock now and then. */
bool view_is_late(const struct reel_view *view, size_t row);

/* The collection, and what the view knows of it, until another is asked for. -ESRCH; -ENOENT:
 * nothing is known yet. */
int view_collection(struct reel_view *view, const char *name, struct collection **ret,
                    const struct collection_state **ret_state);

/* Has it caught up, so that it can be shown? */
bool view_serves(const struct reel_view *view, const struct collection_state *state);

#endif
