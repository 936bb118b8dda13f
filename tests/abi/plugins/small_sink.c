/* small_sink.c: a sink whose struct ends before its last member, `stop`. */
#define PLUGIN_SINKS fixture_sinks
#define SINK_SIZE    offsetof(struct reel_sink, stop)
#include "fixture.h"
