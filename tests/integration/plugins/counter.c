/* counter.c: a fixture in several versions, to be exchanged for one another over one store.
 *     REVISION     its revision, and what an event adds: another revision is another fold,
 *                  and only the first one rejects what has no subject
 *     ADDS         what an event adds, although the revision does not say so
 *     COMPATIBLE   the oldest revision whose records it keeps
 *     EXTRA_FIELD  declares one more field, which it never sets
 *     FLAGS        of the field `count`
 * Each event is worth a warning too, so that a test sees, and may end, a fold that is under way. */
#include <reel/projector.h>

#ifndef REVISION
#define REVISION 1
#endif
#ifndef ADDS
#define ADDS REVISION
#endif
#ifndef COMPATIBLE
#define COMPATIBLE 0
#endif
#ifndef FLAGS
#define FLAGS 0
#endif

static const struct reel_field count = {
    .struct_size = sizeof(struct reel_field),
    .name = "count",
    .kind = REEL_FIELD_INTEGER,
    .flags = FLAGS,
};
#ifdef EXTRA_FIELD
static const struct reel_field extra = {
    .struct_size = sizeof(struct reel_field), .name = "extra", .kind = REEL_FIELD_STRING};
static const struct reel_field *const fields[] = {&count, &extra, NULL};
#else
static const struct reel_field *const fields[] = {&count, NULL};
#endif

static const char *const type_prefixes[] = {"test.count.v1.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (!event->subject.data)
        return REVISION == 1 ? reel_reject(tx, "event missing subject") : REEL_IGNORED;
    struct reel_record *record = reel_upsert(tx, event->subject);
    int64_t before = 0;
    reel_field_int(record, "count", &before);
    reel_set_int(record, "count", before + ADDS);
    reel_warn(tx, "counted");
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = REVISION,
    .revision_compatible = COMPATIBLE,
    .collection = "counters",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("counter", "1.0.0", projectors, NULL);
