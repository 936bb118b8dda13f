/* planned.c: a fixture in variants that differ in all that a plan tells apart. The bits of VARIANT:
 *     1    adds 2 to `count`, not 1, and rejects for another reason
 *     2    has a field `note`
 *     4    does not reject an event whose `n` can be divided by 5; and has no `planned_sums`
 *     8    deletes the record, if `n` can be divided by 7; and `size` is a number, not an integer
 *     16   has the revision 2
 * `planned_sums` derives from `planned`. */
#include <reel/projector.h>

enum { ADDS = VARIANT & 1 ? 2 : 1, REVISION = VARIANT & 16 ? 2 : 1 };

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER),
#if VARIANT & 2
    REEL_FIELD(.name = "note", .kind = REEL_FIELD_STRING),
#endif
    REEL_FIELD(.name = "size", .kind = VARIANT & 8 ? REEL_FIELD_NUMBER : REEL_FIELD_INTEGER),
    NULL,
};
static const char *const type_prefixes[] = {"test.planned.v1.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    int64_t count = 0, n = 0;
    reel_get_int(reel_get(event->data, "n"), &n);
    if (!(VARIANT & 4) && n % 5 == 0)
        return reel_reject(tx, VARIANT & 1 ? "n is a multiple of five" : "n can be divided by 5");
    if (VARIANT & 8 && n % 7 == 0) {
        reel_delete(tx, event->subject);
        return REEL_APPLIED;
    }
    struct reel_record *record = reel_upsert(tx, event->subject);
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + ADDS);
#if VARIANT & 2
    if (n % 3 == 0) reel_set_text(record, "note", "three");
#endif
#if VARIANT & 8
    reel_set_number(record, "size", (double)n / 2);
#else
    reel_set_int(record, "size", n);
#endif
    return REEL_APPLIED;
}

static const struct reel_projector planned = {
    .struct_size = sizeof(struct reel_projector),
    .revision = REVISION,
    .collection = "planned",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};

#if !(VARIANT & 4)
static const struct reel_field *const sum_fields[] = {
    REEL_FIELD(.name = "changes", .kind = REEL_FIELD_INTEGER), NULL};

static reel_outcome derive(struct reel_tx *tx, const struct reel_change *change) {
    int64_t changes = 0;
    struct reel_record *record = reel_upsert(tx, reel_text(change->after ? "live" : "deleted"));
    reel_field_int(record, "changes", &changes);
    reel_set_int(record, "changes", changes + 1);
    return REEL_APPLIED;
}

static const struct reel_projector sums = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "planned_sums",
    .fields = sum_fields,
    .derives_from = "planned",
    .derive = derive,
};
static const struct reel_projector *const projectors[] = {&planned, &sums, NULL};
#else
static const struct reel_projector *const projectors[] = {&planned, NULL};
#endif

REEL_PLUGIN("planned", "1.0.0", projectors, NULL);
