/* commands.h: the commands of `reeld`. Each parses its own arguments, with the command's name in
 * argv[0], and returns the exit code of the process. */
#ifndef REEL_DAEMON_COMMANDS_H
#define REEL_DAEMON_COMMANDS_H

#include "base/exit_code.h"

#include <stdbool.h>
#include <stdio.h>

int command_replay(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_verify(int argc, char **argv);

#endif
