/* small_command.c: a command whose struct ends before its verb. */
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   fixture_decide
#define COMMAND_SIZE       8
#include "fixture.h"
