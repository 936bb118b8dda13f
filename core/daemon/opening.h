/* opening.h: opens the daemon's Reel, loads its plugins, and starts it. */
#ifndef REEL_DAEMON_OPENING_H
#define REEL_DAEMON_OPENING_H

#include "daemon/daemon.h"

int opening_open(struct daemon *daemon, struct reel_error *error);
/* The plugins that are known (known.h), and the settings of their projectors. opening_load also
 * says so in the log. */
int opening_fill(struct daemon *daemon, struct reel_error *error);
int opening_load(struct daemon *daemon, struct reel_error *error);

/* Begins the rebuilds that were requested, and folding. */
int opening_start(struct daemon *daemon, struct reel_error *error);

#endif
