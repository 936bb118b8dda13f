/* no_stop.c: a sink that cannot be stopped. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_STOP    NULL
#include "fixture.h"
