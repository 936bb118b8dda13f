/* one_of_standard.c: one of some words, with another as its default. */
#define PLUGIN_SINKS     fixture_sinks
#define SETTING_KIND     REEL_SETTING_ONE_OF
#define SETTING_STANDARD "all"
#include "fixture.h"
