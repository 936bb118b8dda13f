/* commands.h: what `reeld` can be told to do. Each takes its own arguments, argv[0] being the
 * command's name, and returns the process's exit code. */
#ifndef REEL_DAEMON_COMMANDS_H
#define REEL_DAEMON_COMMANDS_H

#include "base/exit_code.h"

#include <reel/projector.h>

#include <stdbool.h>
#include <stdio.h>

/* `own` is the plugin that is linked in, as for serve.h. */
int backup(const struct reel_plugin *own, int argc, char **argv);
int command_replay(int argc, char **argv);
int command_verify(int argc, char **argv);

#endif
