/* sink_name.c: a sink whose name no command line would take. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_NAME    "Show It"
#include "fixture.h"
