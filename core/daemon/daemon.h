/* daemon.h: what `reeld serve` consists of, wired in this order and ended in the opposite one:
 *
 *     config (known.h) → log → ending → tokens → reel and its plugins (opening.h)
 *         → intake (the writer thread) → feed → sinks
 *
 * The main thread waits for signals; what a sink calls (sink_host.c) runs on the sink's threads.
 */
#ifndef REEL_DAEMON_DAEMON_H
#define REEL_DAEMON_DAEMON_H

#include "daemon/config/config.h"
#include "daemon/ending.h"
#include "daemon/log.h"
#include "daemon/rejections.h"
#include "daemon/signals.h"
#include "daemon/tokens.h"
#include "feeds/feed.h"

#define SINKS_MAX 64

struct daemon;
struct nats;

/* One running sink. */
struct running_sink {
    struct reel_sink_host handle; /* first: the sink's view of it */
    struct daemon *daemon;
    const struct reel_sink *sink;
    void *state;
};

struct daemon {
    const struct reel_plugin *own; /* linked in */
    struct signals signals;
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

    pthread_mutex_t sinks_lock; /* of the list, for the writer's thread */
    struct running_sink sinks[SINKS_MAX];
    size_t sink_count;

    atomic_bool draining;
};

#endif
