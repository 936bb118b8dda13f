/* commands.h: what `reeld` can be told to do. Each takes its own arguments, argv[0] being the
 * command's name, and returns the process's exit code. */
#ifndef REEL_DAEMON_COMMANDS_H
#define REEL_DAEMON_COMMANDS_H

enum {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

int command_replay(int argc, char **argv);

#endif
