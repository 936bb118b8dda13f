/* number_without_default.c: a number without a default. */
#define PLUGIN_SINKS    fixture_sinks
#define SETTING_DEFAULT NULL
#include "fixture.h"
