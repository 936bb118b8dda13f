/* small_setting.c: a setting whose struct ends before its kind. */
#define PLUGIN_SINKS fixture_sinks
#define SETTING_SIZE 16
#include "fixture.h"
