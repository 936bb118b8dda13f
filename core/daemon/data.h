/* data.h: the default directory of the store. */
#ifndef REEL_DAEMON_DATA_H
#define REEL_DAEMON_DATA_H

#include "base/error.h"

/* Returns a copy of `given`, if it is not NULL. Otherwise $STATE_DIRECTORY, which a service manager
 * sets; otherwise $XDG_STATE_HOME/reel; otherwise ~/.local/state/reel, whose parents are created.
 * The caller frees `ret`. */
int data_directory(const char *given, char **ret, struct reel_error *error);

#endif
