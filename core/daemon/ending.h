/* ending.h: the process ends in time, and its exit code is true.
 *
 * A thread watches the daemon several times a second. When the end after SIGTERM or SIGINT takes
 * too long, because a projector does not return or because the main thread is blocked elsewhere,
 * it logs the reason and ends the process with EXIT_FAILED. When a plugin calls exit(), the process
 * never ends with 0: a supervisor would not start it again.
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
