/* decide_without_commands.c: can decide, but declares no commands: no fault, it takes none. */
#define PROJECTOR_DECIDE fixture_decide
#include "fixture.h"
