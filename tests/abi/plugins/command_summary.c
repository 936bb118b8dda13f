/* command_summary.c: a summary of two lines. */
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   fixture_decide
#define COMMAND_SUMMARY    "makes\na thing"
#include "fixture.h"
