/* setting_flags.c: sets a flag of a setting that no version defines. */
#define PLUGIN_SINKS  fixture_sinks
#define SETTING_FLAGS 0x4
#include "fixture.h"
