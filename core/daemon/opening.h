/* opening.h: the daemon's Reel: opened, then given its plugins, then started. */
#ifndef REEL_DAEMON_OPENING_H
#define REEL_DAEMON_OPENING_H

#include "daemon/daemon.h"

int opening_open(struct daemon *daemon, struct reel_error *error);
int opening_load(struct daemon *daemon, struct reel_error *error);

/* Begins the rebuilds that are asked for, and folding. */
int opening_start(struct daemon *daemon, struct reel_error *error);

#endif
