/* setting_twice.c: declares a setting twice. */
#define PROJECTOR_SETTINGS fixture_settings
#define SETTING_LIST       &fixture_setting, &fixture_setting
#include "fixture.h"
