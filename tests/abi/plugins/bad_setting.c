/* bad_setting.c: a setting of a projector that is wrong in the part that FIXTURE_WORD names. */
#define PROJECTOR_SETTINGS bad.FIXTURE_WORD
#include <reel/projector.h>

typedef const struct reel_setting *const setting;

#define NO_TEXT ((const char *)8)

static inline bool refuses(const char *value, struct reel_error *error) {
    (void)value;
    memcpy(error->text, "nothing is good", sizeof "nothing is good");
    return false;
}

#define TEXT(...)                                                                                  \
    (const setting[]) {                                                                            \
        REEL_SETTING(.name = "show_max", .help = "x", .kind = REEL_SETTING_TEXT, __VA_ARGS__),     \
            NULL                                                                                   \
    }

static const struct {
    setting *unit, *aliases, *checked, *empty, *bytes, *items;
} bad = {
    .unit = TEXT(.unit = NO_TEXT),
    .aliases = TEXT(.aliases = NO_TEXT),
    .checked = TEXT(.default_value = "a", .check = refuses),
    .empty = TEXT(.default_value = ""),
    .bytes = TEXT(.default_value = "\xff"),
    .items = TEXT(.default_value = "a,,b", .flags = REEL_SETTING_LIST),
};

#include "fixture.h"
