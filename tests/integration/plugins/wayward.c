/* wayward.c: a projector that does not come back: it hangs, or ends the process, as the event's
 * type says. An exit of its own is with 0. */
#include <reel/projector.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct reel_field count = {
    .struct_size = sizeof(struct reel_field), .name = "count", .kind = REEL_FIELD_INTEGER};
static const struct reel_field *const fields[] = {&count, NULL};
static const char *const type_prefixes[] = {"test.wayward.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (reel_str_is(event->type, "test.wayward.hang"))
        for (;;) pause();
    if (reel_str_is(event->type, "test.wayward.exit")) exit(0);
    if (reel_str_is(event->type, "test.wayward.quick_exit")) quick_exit(0);
    reel_set_int(reel_upsert(tx, reel_text("one")), "count", 1);
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "wayward",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("wayward", "1.0.0", projectors, NULL);
