/* small_plugin.c: a plugin whose struct ends before its last member, `sinks`. */
#define PLUGIN_SIZE offsetof(struct reel_plugin, sinks)
#include "fixture.h"
