/* endless_prefixes.c: a list of type prefixes without its NULL. */
#define PROJECTOR_PREFIXES endless.list
#include <reel/projector.h>

static const struct {
    const char *list[1];
    uintptr_t behind[2];
} endless = {{"test.things."}, {1, 2}};
#include "fixture.h"
