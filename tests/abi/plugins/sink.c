/* sink.c: a sink, and no projector. */
#define PLUGIN_SINKS      fixture_sinks
#define PLUGIN_PROJECTORS NULL
#include "fixture.h"
