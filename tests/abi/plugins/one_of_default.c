/* one_of_default.c: one of some words, with another as its default. */
#define PLUGIN_SINKS    fixture_sinks
#define SETTING_KIND    REEL_SETTING_ONE_OF
#define SETTING_DEFAULT "all"
#include "fixture.h"
