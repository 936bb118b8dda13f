/* small_command.c: a command whose struct ends before its last member, `summary`. */
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   fixture_decide
#define COMMAND_SIZE       offsetof(struct reel_command_info, summary)
#include "fixture.h"
