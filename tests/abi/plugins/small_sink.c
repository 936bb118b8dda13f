/* small_sink.c: a sink whose struct ends before its functions. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_SIZE    24
#include "fixture.h"
