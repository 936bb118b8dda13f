/* transaction.h: a Reel: the dispatcher, its lock, and what readers share with it; how a
 * transaction ends and becomes visible, and catching up.
 *
 * Locks, in the order in which they are taken:
 *   writer   whoever writes: the dispatcher, and the parsers for command bodies and stored events
 *   a view's own lock
 *   views    the list of views
 *   moved    the published position, for those who wait for it
 * The writer looks at views only by trying their locks: it never waits for one.
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
    char *source;               /* CloudEvents source of what commands make */
    struct json_parser *bodies; /* [writer] of commands */
    struct json_parser *stored; /* [writer] for events of the log that a new one is compared with */
    struct decision decision;   /* [writer] */
    struct pending *pending;    /* [writer] what is appended is also put here; NULL: it is not */
    pthread_mutex_t writer;

    struct views views;

    pthread_mutex_t moved_lock;
    pthread_cond_t moved; /* the cursor was published */
    uint64_t cursor;
};

/* What a step within a transaction left behind. */
enum step {
    STEP_NOTHING = 0,
    STEP_WRITTEN = 1,
    STEP_UNDO = 2, /* nothing of it may stay */
};

/* All of these with the write lock held. */

/* Commits and publishes; or aborts, if `rc` is an error already. Returns 0 or an error. */
int transaction_end(struct reel *reel, int rc, struct reel_error *error);

/* Tells those who wait how far the cursor has come; it goes back only to an empty log's. */
void transaction_publish(struct reel *reel);

/* Folds one transaction's worth of what any collection is behind, and publishes. 1: it did; 0: none
 * is. And: until none is. */
int transaction_catch_up_some(struct reel *reel, struct reel_error *error);
int transaction_catch_up(struct reel *reel, struct reel_error *error);

#endif
