/* number_beyond_max.c: a number whose default is beyond its bound. */
#define PLUGIN_SINKS    fixture_sinks
#define SETTING_DEFAULT "101"
#include "fixture.h"
