/* divides.c: sets a field to a quotient, also if the divisor is 0. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
    double total = 1, count = 1;
    reel_get_number(reel_get(event->data, "total"), &total);
    reel_get_number(reel_get(event->data, "count"), &count);
    reel_set_number(record, "each", total / count);
    return outcome;
}

static const struct reel_field *const own_fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "each", .kind = REEL_FIELD_NUMBER),
    NULL,
};

#define PROJECTOR_EVOLVE evolve
#define PROJECTOR_FIELDS own_fields
#include "../plugins/fixture.h"
