/* gated.c: a fixture whose fold depends on files, as no projector's may: so a test decides what a
 * builder meets that the daemon did not. Events of the type test.gated.v1.pass make a record, keyed
 * by `subject`, and meanwhile look into the directory $TEST_GATE:
 *     shut    waits until this file is gone
 *     spin    does the same without sleeping
 *     crash   ends the process
 */
#include <reel/projector.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "value", .kind = REEL_FIELD_JSON), NULL};

static const char *const type_prefixes[] = {"test.gated.v1.", NULL};

static int is_there(const char *name) {
    char path[4096];
    const char *directory = getenv("TEST_GATE");
    if (!directory) return 0;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (!event->subject.data) return reel_reject(tx, "event missing subject");
    if (is_there("crash")) abort();
    while (is_there("shut")) usleep(10000);
    while (is_there("spin")) continue;
    reel_set_json(reel_upsert(tx, event->subject), "value", event->data);
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "gated",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("gated", "1.0.0", projectors, NULL);
