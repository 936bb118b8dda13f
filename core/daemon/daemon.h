/* daemon.h: the parts of `reeld serve`. They are started in this order and ended in the opposite
 * order:
 *
 *     config (known.h) → log → ending → tokens → reel and its plugins (opening.h)
 *         → intake (the writer thread) → feed → builder → reload → sinks
 *
 * The main thread waits for signals. The functions that a sink calls (sink_host.c) run on the
 * sink's threads.
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

struct builder;
struct daemon;
struct nats;
struct reload;

/* One running sink. */
struct running_sink {
    struct reel_sink_host handle; /* first: the sink's view of it */
    struct daemon *daemon;
    const struct reel_sink *sink;
    void *state;
};

struct daemon {
    const struct reel_plugin *own; /* the plugin that is linked in */
    struct signals signals;
    struct config *config;
    char *directory; /* of the store */
    struct ending *ending;
    struct plugin *known; /* plugins that were read for the settings of their sinks */
    struct reel *reel;
    struct tokens *tokens;
    struct rejections rejections; /* for the writer */
    struct intake *intake;
    struct nats *nats;
    struct feed *feed; /* NULL: the log does not mirror a stream */
    struct builder *builder;
    struct reload *reload;
    int argc; /* the settings on the command line */
    char **argv;
    uint64_t started_ns; /* since 1970, UTC */

    pthread_mutex_t sinks_lock; /* protects the list, which the writer's thread uses */
    struct running_sink sinks[SINKS_MAX];
    size_t sink_count;

    atomic_bool draining;
    atomic_bool reloading; /* this process ends, and another one takes its place (reload.h) */
};

#endif
