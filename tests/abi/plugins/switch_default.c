/* switch_default.c: a switch with a default, as if it could be on. */
#define PLUGIN_SINKS    fixture_sinks
#define SETTING_KIND    REEL_SETTING_SWITCH
#define SETTING_DEFAULT "true"
#include "fixture.h"
