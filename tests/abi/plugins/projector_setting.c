/* projector_setting.c: a projector with a setting that has no help. */
#define PROJECTOR_SETTINGS fixture_settings
#define SETTING_HELP       ""
#include "fixture.h"
