/* small_setting.c: a setting whose struct ends before its last member, `check`. */
#define PLUGIN_SINKS fixture_sinks
#define SETTING_SIZE offsetof(struct reel_setting, check)
#include "fixture.h"
