/* unlisted_value.c: a good plugin. It sets a field to any value, also to values that the field does
 * not declare. The host checks the value and rejects the event, so this is not a finding. */
#include "faulty.h"

static const char *const grades[] = {"bronze", "silver", "gold", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
    if (record) reel_set_str(record, "grade", reel_member_str(event->data, "grade"));
    return outcome;
}

static const struct reel_field *const grade_fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "grade", .kind = REEL_FIELD_ONE_OF, .values = grades),
    NULL,
};

#define PROJECTOR_FIELDS grade_fields
#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
