/* setting_name.c: a setting whose name is no name in the environment. */
#define PLUGIN_SINKS fixture_sinks
#define SETTING_NAME "show-max"
#include "fixture.h"
