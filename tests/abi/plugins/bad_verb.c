/* bad_verb.c: a verb that could not stand in a path. */
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   fixture_decide
#define COMMAND_VERB       "Make It"
#include "fixture.h"
