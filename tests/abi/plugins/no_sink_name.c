/* no_sink_name.c: a sink without a name. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_NAME    NULL
#include "fixture.h"
