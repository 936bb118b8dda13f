/* failure.h: why a command fails: its exit code, a sentence, and what the user can do about it.
 *
 * Functions of the client return 0 or an exit code (base/exit_code.h), and fill in a failure. Only
 * main.c prints it.
 */
#ifndef REEL_CLIENT_FAILURE_H
#define REEL_CLIENT_FAILURE_H

#include "base/error.h"
#include "base/exit_code.h"

struct failure {
    struct reel_error error;
    char advice[512]; /* empty: none */
};

/* These return the exit code. */
REEL_PRINTF(2, 3)
int failure_usage(struct failure *failure, const char *format, ...);
REEL_PRINTF(2, 3)
int failure_set(struct failure *failure, const char *format, ...);
REEL_PRINTF(2, 3)
int failure_unreachable(struct failure *failure, const char *format, ...);
int failure_memory(struct failure *failure);

/* What to do. Returns `code`. */
REEL_PRINTF(3, 4)
int failure_advise(struct failure *failure, int code, const char *format, ...);

/* For stdout: a pipe that is closed early, such as by `head`, is not worth a word. */
int failure_of_output(struct failure *failure);

#endif
