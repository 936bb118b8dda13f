/* many_sinks.c: more sinks than a plugin may have. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_LIST    FIXTURE_EIGHT(FIXTURE_EIGHT(&fixture_sink)), &fixture_sink
#include "fixture.h"
