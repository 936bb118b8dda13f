/* ending.h: makes sure that the process ends in time, with the right exit code.
 *
 * A thread watches the daemon several times a second. If the daemon takes too long to end after
 * SIGTERM or SIGINT, because a projector does not return or because the main thread is blocked, the
 * thread logs the reason and ends the process with EXIT_FAILED. If a plugin calls exit(), the
 * process never ends with 0, because a supervisor would then not start it again.
 */
#ifndef REEL_DAEMON_ENDING_H
#define REEL_DAEMON_ENDING_H

#include "base/error.h"

struct ending;

/* Starts the thread. SIGTERM and SIGINT must be blocked. Once in a process. */
int ending_create(uint32_t drain_ms_max, struct ending **ret, struct reel_error *error);

/* Watches the projectors of this Reel; NULL: of none, from now on. */
void ending_watch(struct ending *ending, struct reel *reel);

/* Says that the daemon has begun to end. */
void ending_begin(struct ending *ending);

/* True if a projector does not return; `ret` then has a sentence that names it. [any thread] */
bool ending_is_stalled(struct ending *ending, char *ret, size_t size);

/* Says that the daemon has ended, and that the process may exit. Accepts NULL. */
void ending_done(struct ending *ending);

#endif
