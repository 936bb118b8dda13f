/* switch_standard.c: a switch with a default, as if it could be on. */
#define PLUGIN_SINKS     fixture_sinks
#define SETTING_KIND     REEL_SETTING_SWITCH
#define SETTING_STANDARD "true"
#include "fixture.h"
