/* own_stdout.h: stdout for this program alone.
 *
 * A plugin may print. What the program itself prints is read by others as a whole: as JSON, or as
 * the answer of a builder (build_output.h). So the program takes stdout for itself, and what
 * plugins print goes to stderr.
 */
#ifndef REEL_DAEMON_OWN_STDOUT_H
#define REEL_DAEMON_OWN_STDOUT_H

#include "base/error.h"

#include <stdio.h>

/* From now on, descriptor 1 and the stream `stdout` are stderr. `ret` writes to what stdout was;
 * fclose() it. [before plugins are loaded] */
int own_stdout_take(FILE **ret, struct reel_error *error);

#endif
