/* commands_without_decide.c: declares a command that nothing decides. */
#define PROJECTOR_COMMANDS fixture_commands
#include "fixture.h"
