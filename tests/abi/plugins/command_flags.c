/* command_flags.c: sets a flag of a command that no version defines. */
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   fixture_decide
#define COMMAND_FLAGS      0x4
#include "fixture.h"
