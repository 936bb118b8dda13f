/* bad_default.c: a setting whose default is refused by its own check. */
#define PROJECTOR_SETTINGS fixture_settings
#define SETTING_KIND       REEL_SETTING_TEXT
#define SETTING_CHECK      refuse
#include "faulty.h"

static bool refuse(const char *value, struct reel_error *error) {
    (void)value;
    if (error) snprintf(error->text, sizeof error->text, "nothing is good enough");
    return false;
}

#include "../plugins/fixture.h"
