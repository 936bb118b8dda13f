/* commands.h: the commands of `reeld`. Each parses its own arguments, with the command's name in
 * argv[0], and returns the exit code of the process. */
#ifndef REEL_DAEMON_COMMANDS_H
#define REEL_DAEMON_COMMANDS_H

#include "base/exit_code.h"

#include <reel/projector.h>

#include <stdbool.h>
#include <stdio.h>

/* `own` is the plugin that is linked in, as for serve.h. */
int backup(const struct reel_plugin *own, int argc, char **argv);
int plan(const struct reel_plugin *own, int argc, char **argv);
int build(const struct reel_plugin *own, int argc, char **argv);
int reload_command(const struct reel_plugin *own, int argc, char **argv);
int command_plugins(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_explain(int argc, char **argv);

#endif
