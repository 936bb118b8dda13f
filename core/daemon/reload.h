/* reload.h: plugins are read again while the daemon runs.
 *
 * A process cannot exchange its plugins: every route and view would change under its readers, and
 * the dynamic loader gives the old object for an equal path. So the worker is replaced by another
 * one, after all that takes time was done beside:
 *
 *     1. The configuration file and the plugins that it chooses are read, and the plugins copied
 *        into memory. If all is as before, that is all.
 *     2. A builder (build.c) reads them as the next worker will: configuration, ABI, hashes,
 *        settings, and whether the log can give what a start with them needs. If anything is
 *        refused, the worker goes on. This is the answer to who has asked.
 *     3. A builder folds the log with them, for the collections that are folded otherwise, into
 *        the directory `reload` of the store.
 *     4. The records are copied into the store, beside those that are served (engine/handover.h).
 *     5. The copies of the plugins go to the supervisor, and the worker ends. Its connections are
 *        answered and closed; clients that connect meanwhile wait in the queue of the listening
 *        socket. The next worker shows the records that were handed over, with the events that
 *        have come since, and answers.
 *
 * Of the configuration file, the choice of plugins and the settings of projectors are read again.
 * All other settings stay as they are.
 *
 * If the daemon is killed at any time, the next start has either the old records or the new ones
 * (engine/handover.h). One thread does all of this.
 */
#ifndef REEL_DAEMON_RELOAD_H
#define REEL_DAEMON_RELOAD_H

#include "base/error.h"

#include <reel/sink_host.h>

struct daemon;
struct reload;

int reload_start(struct daemon *daemon, struct reload **ret, struct reel_error *error);

/* Begins. `done` is called when 2 is over. -EALREADY: it is under way; -EOPNOTSUPP: the daemon is
 * not supervised; -ESHUTDOWN. [any thread] */
int reload_request(struct reload *reload, reel_control_done_fn done, void *context,
                   struct reel_error *error);

/* Gives up what is under way. Accepts NULL. [main] */
void reload_drain(struct reload *reload);
void reload_stop(struct reload *reload);

#endif
