/* leaves_list.c: adds a part to a list, but ends it only if the part is a string. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
    struct reel_writer *writer = reel_write_field(record, "parts");
    struct reel_str part = reel_member_str(event->data, "part");
    reel_write_array(writer);
    reel_write_str(writer, part);
    if (part.data) reel_write_end(writer);
    return outcome;
}

static const struct reel_field *const own_fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "parts", .kind = REEL_FIELD_JSON),
    NULL,
};

#define PROJECTOR_EVOLVE evolve
#define PROJECTOR_FIELDS own_fields
#include "../plugins/fixture.h"
