/* sink.c: a sink, and no projector. */
#define PLUGIN_SINKS      fixture_sinks
#define PLUGIN_PROJECTORS NULL
#define NOTE_KINDS        REEL_KIND_SINKS
#include "fixture.h"
