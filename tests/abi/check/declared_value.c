/* declared_value.c: sets an undeclared field for one of the values that a field may have; it is
 * compared in a loop, so that its text is in no instruction. */
#include "faulty.h"

static const char *const grades[] = {"bronze-4711", "silver-4711", "gold-4711", "tin-4711", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    struct reel_str grade = reel_member_str(event->data, "level");
    size_t at = 0;
    reel_outcome outcome = fold_well(tx, event, &record);
    while (grades[at] && !reel_str_is(grade, grades[at])) at++;
    if (record && at == 2) reel_set_text(record, "undeclared", "x");
    if (record && grades[at]) reel_set_text(record, "grade", grades[at]);
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
