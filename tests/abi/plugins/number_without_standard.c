/* number_without_standard.c: a number without a default. */
#define PLUGIN_SINKS     fixture_sinks
#define SETTING_STANDARD NULL
#include "fixture.h"
