/* endless_fields.c: a list of fields without its NULL; what lies behind it leads nowhere. */
#define PROJECTOR_FIELDS endless.list
#include <reel/projector.h>

static const struct reel_field endless_id = {
    .struct_size = sizeof(struct reel_field),
    .name = "id",
    .kind = REEL_FIELD_STRING,
};
static const struct {
    const struct reel_field *list[1];
    uintptr_t behind[2];
} endless = {{&endless_id}, {1, 2}};
#include "fixture.h"
