/* no_help.c: a setting that nobody would understand. */
#define PLUGIN_SINKS fixture_sinks
#define SETTING_HELP ""
#include "fixture.h"
