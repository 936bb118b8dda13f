/* check.h: `reeld check`. */
#ifndef REEL_CHECK_CHECK_H
#define REEL_CHECK_CHECK_H

/* Parses its own arguments; argv[0] is the name of the command. Returns the exit code of the
 * process (base/exit_code.h). */
int command_check(int argc, char **argv);

#endif
