/* commands.h: what `reeld` can be told to do. Each takes its own arguments, argv[0] being the
 * command's name, and returns the process's exit code. */
#ifndef REEL_DAEMON_COMMANDS_H
#define REEL_DAEMON_COMMANDS_H

#include "base/exit_code.h"

#include <stdbool.h>
#include <stdio.h>

int command_serve(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_verify(int argc, char **argv);

/* The settings of `serve`, for --help; or as Markdown, which is docs/settings.md. */
void serve_help(FILE *to, bool markdown);

#endif
