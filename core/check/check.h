/* check.h: `reeld check`. */
#ifndef REEL_CHECK_CHECK_H
#define REEL_CHECK_CHECK_H

/* Takes its own arguments, argv[0] being the command's name. Returns the process's exit code
 * (base/exit_code.h). */
int command_check(int argc, char **argv);

#endif
