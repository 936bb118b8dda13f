/* many_settings.c: more settings than a sink may have. */
#define PLUGIN_SINKS fixture_sinks
#define SETTING_LIST FIXTURE_EIGHT(FIXTURE_EIGHT(FIXTURE_FOUR)), &fixture_setting
#define FIXTURE_FOUR &fixture_setting, &fixture_setting, &fixture_setting, &fixture_setting
#include "fixture.h"
