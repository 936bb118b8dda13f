/* daemon.h: what `reeld serve` consists of, wired in this order and ended in the opposite one:
 *
 *     config → log → ending → tokens → reel and its plugins → intake (the writer thread) → feed →
 * sinks
 *
 * The main thread waits for signals; a sink's host functions (stage.c) run on the sink's threads.
 */
#ifndef REEL_DAEMON_DAEMON_H
#define REEL_DAEMON_DAEMON_H

#include "daemon/config/config.h"
#include "daemon/ending.h"
#include "daemon/log.h"
#include "daemon/rejections.h"
#include "daemon/tokens.h"
#include "feeds/nats/nats.h"

#define STAGES_MAX 64

struct daemon;

/* One running sink. */
struct stage {
    struct reel_stage handle; /* first: the sink's view of it */
    struct daemon *daemon;
    const struct reel_sink *sink;
    void *state;
};

struct daemon {
    struct config *config;
    struct ending *ending;
    struct plugin *known; /* plugins that were looked at for the settings of their sinks */
    struct reel *reel;
    struct tokens *tokens;
    struct rejections rejections; /* the writer's */
    struct intake *intake;
    struct nats *nats;
    struct feed *feed;   /* NULL: the log is our own */
    uint64_t started_ns; /* since 1970, UTC */
    pthread_t main_thread;

    pthread_mutex_t stages_lock; /* of the list, for the writer's thread */
    struct stage stages[STAGES_MAX];
    size_t stage_count;

    atomic_bool draining;
    atomic_bool quitting; /* daemon_quit was called */
    atomic_int exit_code;
};

/* Starts a sink, which lives until it is stopped. */
int stage_start(struct daemon *daemon, const struct reel_sink *sink, struct reel_error *error);

/* Ends them all, the last first; what is under way has until then (clock_ms). */
void stages_drain(struct daemon *daemon, uint64_t until_ms);
void stages_stop(struct daemon *daemon);

/* For the intake: wakes the sinks. `context` is the daemon. */
void stages_moved(void *context, uint64_t cursor);

/* Ends the daemon as a first SIGTERM does, however often it is called; the first code that is not
 * 0 is the daemon's. [any thread] */
void daemon_quit(struct daemon *daemon, int exit_code);

void daemon_status(struct daemon *daemon, struct reel_status *ret);
void daemon_measures(struct daemon *daemon, reel_measure_fn fn, void *context);

#endif
