/* endless_projectors.c: a list of projectors without its NULL, behind which a string is. */
#define PLUGIN_PROJECTORS endless.list
#include <reel/projector.h>

extern const struct reel_projector fixture_projector_of;
static const struct endless {
    const struct reel_projector *list[1];
    const char *behind[1];
} endless;
#include "fixture.h"
static const struct endless endless = {{&fixture_projector}, {"a string that is no projector"}};
