/* refuses_all.c: a good plugin, of which no command is ever accepted: with --strict, this is a
 * finding. */
#include "faulty.h"

#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   fixture_decide
#include "../plugins/fixture.h"
