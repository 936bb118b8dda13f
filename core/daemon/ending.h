/* ending.h: the process ends in time, and its exit code is true.
 *
 * A thread looks at the daemon several times a second. It ends the process, with a sentence and
 * EXIT_FAILED, when that takes too long after SIGTERM or SIGINT: because a projector does not
 * return, or because the main thread is held up elsewhere. And an exit() that is not the daemon's
 * own, but a plugin's, never ends the process with 0: who supervises it would leave it ended.
 */
#ifndef REEL_DAEMON_ENDING_H
#define REEL_DAEMON_ENDING_H

#include "base/error.h"

struct ending;

/* Starts the thread. SIGTERM and SIGINT are blocked. There is one of these in a process. */
int ending_create(uint32_t drain_ms_max, struct ending **ret, struct reel_error *error);

/* The Reel whose projectors are watched; NULL: none is, from now on. */
void ending_watch(struct ending *ending, struct reel *reel);

/* The daemon has begun to end. */
void ending_begin(struct ending *ending);

/* Does a projector not return? `ret` says which, in a sentence. [any thread] */
bool ending_is_stalled(struct ending *ending, char *ret, size_t size);

/* The daemon has ended: the process may exit. Takes NULL. */
void ending_done(struct ending *ending);

#endif
