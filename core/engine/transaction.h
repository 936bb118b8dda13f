/* transaction.h: struct reel: the dispatcher, its lock, and the data that views share with it. Also
 * ends transactions, makes them visible, and catches up.
 *
 * Locks, in the order in which they are taken:
 *   writer   to write: protects the dispatcher, and the parsers for the bodies of commands and for
 *            stored events
 *   a view's own lock
 *   views    the list of views
 *   moved    the published cursor, for threads that wait for it
 * The writer only tries the locks of views: it never waits for a view.
 */
#ifndef REEL_ENGINE_TRANSACTION_H
#define REEL_ENGINE_TRANSACTION_H

#include "engine/dispatcher.h"
#include "engine/fold/decision.h"
#include "engine/report.h"
#include "engine/view/view.h"

#include <pthread.h>

struct pending;

struct reel {
    struct dispatcher dispatcher;
    struct plugin *plugins;
    bool start_behind;          /* reel_start does not catch up */
    bool started;               /* plugins can no longer be added */
    bool ready;                 /* reel_start has succeeded */
    struct reporter reporter;   /* [writer] */
    char *source;               /* CloudEvents source of the events of commands */
    struct json_parser *bodies; /* [writer] parses the bodies of commands */
    struct json_parser *stored; /* [writer] parses events of the log, to compare a new event */
    struct decision decision;   /* [writer] */
    atomic_uint waiting;        /* threads that wait for the write lock, or have it */
    struct pending *pending; /* [writer] appended events are also added here; NULL: they are not */
    pthread_mutex_t writer;

    /* reel_options.now, or NULL, and its context. [writer] */
    uint64_t (*now)(void *context);
    void *now_context;

    struct views views;

    pthread_mutex_t moved_lock;
    pthread_cond_t moved; /* the cursor was published */
    uint64_t cursor;
};

/* The result of a step within a transaction. */
enum step {
    STEP_NOTHING = 0,
    STEP_WRITTEN = 1,
    STEP_UNDO = 2, /* everything that the step changed must be undone */
    STEP_PART = 3, /* the memtable is full: it can go on in the next transaction */
};

/* All of these are called with the write lock held. */

/* Commits and publishes the cursor. If `rc` is an error, aborts. Returns 0 or an error. */
int transaction_end(struct reel *reel, int rc, struct reel_error *error);

/* Wakes those who wait for the cursor. The cursor goes back only if an empty log replaces the old
 * one. */
void transaction_publish(struct reel *reel);

/* Folds events that a collection has not folded yet, as many as fit into a transaction, and
 * publishes the cursor. 1: it has folded some; 0: every collection has caught up. The second
 * function repeats this until every collection has caught up. */
int transaction_catch_up_some(struct reel *reel, struct reel_error *error);
int transaction_catch_up(struct reel *reel, struct reel_error *error);

/* Is anything built beside what is served: an index of fields, or a rebuild? */
bool transaction_builds(const struct reel *reel);

/* Builds a slice of it: see dispatcher_build_some. -ENOSPC: there is no checkpoint, so that what
 * others write needs the memory. */
int transaction_build_some(struct reel *reel, uint64_t events_max, struct reel_error *error);

#endif
