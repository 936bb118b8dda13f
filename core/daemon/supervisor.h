/* supervisor.h: the process that watches the one that does the work of `reeld serve`.
 *
 * The supervisor has one thread, opens no store and loads no plugin. It forks a worker, which does
 * everything else, and keeps the listening sockets, so that clients that connect while there is no
 * worker wait in their queues. It counts how long the worker's callbacks run (hangs.h). When a
 * worker has died, it finds out why (verdict.h), sets aside what a plugin must not be given again,
 * and starts the next worker.
 *
 *     why the worker ended                    what follows
 *     a next one takes its place (reload.h)   the next worker, at once, with other plugins
 *     a plugin; the event is set aside        the next worker, at once
 *     a plugin, but nothing is set aside      the next one, after a pause; up to RESTARTS_MAX times
 *     the store must be opened again          a minute, then the supervisor ends as the worker did
 *     a signal or exit(), after one was ready likewise
 *     it could not start, in the place of     the next one, with the plugins of the one before
 *     another
 *     anything else                           the supervisor ends as the worker did
 *
 * A worker says when it has ended: everything is closed, and its exit code is certain. What plugins
 * do after that, when they are unloaded, counts for nothing, and is limited to UNLOAD_MS.
 *
 * Signals: SIGTERM and SIGINT are passed on, and the worker's end is waited for. A second one, once
 * the worker has begun to end, ends both at once. SIGHUP and SIGUSR1 are passed on; if no worker
 * does what SIGHUP asks for, the next one is sent it. If the
 * supervisor dies, the worker is killed by the system, as a process that runs no longer must not
 * hold the store. As process 1 of a container, the supervisor also reaps what others have left.
 *
 * The service manager sees the supervisor: it says READY=1 when the first worker is ready, and
 * WATCHDOG=1 as long as the worker lives and shows it, or a next one is being started.
 */
#ifndef REEL_DAEMON_SUPERVISOR_H
#define REEL_DAEMON_SUPERVISOR_H

#include "base/error.h"

struct supervisor_options {
    const char *directory; /* of the store, which may not exist yet */
    uint32_t evolve_ms_max, decide_ms_max;
    uint32_t strikes_max, strikes_s;
    const char *const *released; /* collections, NULL-terminated: released before the first start */
};

/* Calls `work` in another process, again after it was ended by a plugin. Returns an exit code, or
 * ends this process by the signal that has ended the last worker. Only while this process has one
 * thread. */
int supervisor_run(const struct supervisor_options *options, int (*work)(void *context),
                   void *context);

#endif
