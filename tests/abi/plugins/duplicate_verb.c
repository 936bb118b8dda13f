/* duplicate_verb.c: two commands with one verb. */
#define PROJECTOR_COMMANDS fixture_same_commands
#define PROJECTOR_DECIDE   fixture_decide
#include "fixture.h"
