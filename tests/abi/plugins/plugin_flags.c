/* plugin_flags.c: sets a flag of the plugin that no version defines. */
#define PLUGIN_FLAGS 0x4
#include "fixture.h"
