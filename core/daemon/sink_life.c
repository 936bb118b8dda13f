/* sink_life.c: see sink_host.h. Starts, wakes, drains and stops sinks, each on the thread that
 * <reel/sink.h> promises. */
#include "daemon/sink_host.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"

#include <errno.h>

/* [main] */
static bool is_main(const struct daemon *daemon) {
    return pthread_equal(pthread_self(), daemon->signals.waiter);
}

/* One call at a time, for all sinks. */
static void tell_committed(struct daemon *daemon, const struct running_sink *host,
                           uint64_t cursor) {
    INVARIANT(lock_is_held(&daemon->sinks_lock));
    if (host->sink->committed) host->sink->committed(host->state, cursor);
}

int sink_host_start(struct daemon *daemon, const struct reel_sink *sink, struct reel_error *error) {
    INVARIANT(is_main(daemon));
    if (daemon->sink_count == SINKS_MAX)
        return fail(error, -E2BIG, "more than %d sinks", SINKS_MAX);
    struct running_sink *host = &daemon->sinks[daemon->sink_count];
    *host = (struct running_sink){.handle.calls = &sink_host_calls, .daemon = daemon, .sink = sink};
    int rc = sink->start(&host->handle, &host->state, error);
    if (rc < 0) return fail_in(error, rc, "cannot start sink `%s`", sink->name);
    HOLD_LOCK(&daemon->sinks_lock);
    daemon->sink_count++;
    tell_committed(daemon, host, reel_cursor(daemon->reel));
    return 0;
}

void sink_hosts_committed(void *context, uint64_t cursor) {
    struct daemon *daemon = context;
    HOLD_LOCK(&daemon->sinks_lock);
    for (size_t i = 0; i < daemon->sink_count; i++)
        tell_committed(daemon, &daemon->sinks[i], cursor);
}

void sink_hosts_drain(struct daemon *daemon, uint64_t until_ms) {
    INVARIANT(is_main(daemon));
    for (size_t i = daemon->sink_count; i-- > 0;) {
        const struct running_sink *host = &daemon->sinks[i];
        if (host->sink->drain) host->sink->drain(host->state, clock_left_ms(until_ms));
    }
}

static const struct running_sink *remove_last(struct daemon *daemon) {
    HOLD_LOCK(&daemon->sinks_lock);
    return daemon->sink_count > 0 ? &daemon->sinks[--daemon->sink_count] : NULL;
}

void sink_hosts_stop(struct daemon *daemon) {
    const struct running_sink *host;
    INVARIANT(is_main(daemon));
    while ((host = remove_last(daemon))) host->sink->stop(host->state);
    INVARIANT(daemon->sink_count == 0);
}
