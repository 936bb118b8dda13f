/* sink_flags.c: sets a flag of a sink that no version defines. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_FLAGS   0x4
#include "fixture.h"
