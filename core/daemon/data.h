/* data.h: where the store is, unless it was said. */
#ifndef REEL_DAEMON_DATA_H
#define REEL_DAEMON_DATA_H

#include "base/error.h"

/* $STATE_DIRECTORY, which a service manager gives; else $XDG_STATE_HOME/reel; else
 * ~/.local/state/reel, whose parents are made. The caller frees `ret`. */
int data_directory(const char *given, char **ret, struct reel_error *error);

#endif
