/* no_start.c: a sink that cannot be started. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_START   NULL
#include "fixture.h"
