/* setting_kind.c: a setting of a kind that no version defines. */
#define PLUGIN_SINKS fixture_sinks
#define SETTING_KIND 99
#include "fixture.h"
