/* engine.h: a Reel: the dispatcher, its lock, and what readers share with it.
 *
 * Locks, in the order in which they are taken:
 *   writer   whoever writes: the dispatcher, and the parser for command bodies
 *   a view's own lock
 *   views    the list of views
 *   moved    the published position, for those who wait for it
 * The writer looks at views only by trying their locks: it never waits for one.
 */
#ifndef REEL_CORE_ENGINE_H
#define REEL_CORE_ENGINE_H

#include "base/clock.h"
#include "decision.h"
#include "dispatcher.h"
#include "ids.h"

#include <pthread.h>

struct reel {
    struct dispatcher dispatcher;
    struct plugin *plugins;
    bool start_behind; /* reel_start does not catch up */
    bool started;      /* plugins can no longer be added */
    bool ready;        /* reel_start has succeeded */
    void (*report)(void *context, reel_level level, const char *line); /* or NULL */
    void *context;                                                     /* of `report` */
    char *source;               /* CloudEvents source of what commands make */
    struct json_parser *bodies; /* [writer] */
    struct decision decision;   /* [writer] */
    struct outbox *outbox;      /* [writer] what is appended is also put here; NULL: it is not */
    pthread_mutex_t writer;

    pthread_mutex_t views_lock;
    struct reel_view *views;      /* open */
    struct reel_view *views_idle; /* closed, to be opened again */
    uint32_t views_open;          /* whose time is not up */
    uint32_t views_idle_count, views_max, view_ms_max;

    pthread_mutex_t moved_lock;
    pthread_cond_t moved; /* the cursor was published */
    uint64_t cursor;
};

/* Commits and publishes; or aborts, if `rc` is an error already. Returns 0 or an error. */
int engine_end(struct reel *reel, int rc, struct reel_error *error);

/* Folds one transaction's worth of what any collection is behind, and publishes. 1: it did; 0: none
 * is. And: until none is. */
int engine_catch_up_some(struct reel *reel, struct reel_error *error);
int engine_catch_up(struct reel *reel, struct reel_error *error);

/* What is due also while nothing is written; to be called about once a second. Takes the write
 * lock. */
void engine_tick(struct reel *reel);

/* Begins anew with an empty log: see dispatcher_adopt. Takes the write lock. */
int engine_adopt(struct reel *reel, const uint8_t epoch[16], uint64_t first_seq,
                 const struct store_origin *origin, struct reel_error *error);

/* Ends views whose time is up, if nobody is using them just now. */
void views_expire(struct reel *reel);

/* Frees what is kept of views that were closed. */
void views_finish(struct reel *reel);

#endif
