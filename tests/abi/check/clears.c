/* clears.c: right in everything. Keys are UUIDs. A field is set by one event, if it is later than
 * the one before, and is null again after the next, which comes soon. */
#include "faulty.h"

#include <reel/time.h>
#include <reel/uuid.h>

static bool is_later(const struct reel_event *event, struct reel_record *record) {
    int64_t before_ns, now_ns;
    return reel_time_read(reel_field_str(record, "at"), &before_ns) &&
           reel_time_read(event->time, &now_ns) && now_ns > before_ns;
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    char id[REEL_UUID_LEN + 1];
    bool made = reel_str_is(event->suffix, "made"), began = reel_str_is(event->suffix, "began");
    if (!reel_uuid_canonical(event->subject, id)) return reel_reject(tx, "no UUID");
    struct reel_record *record = reel_find(tx, reel_text(id));
    bool is_made = reel_str_is(reel_field_str(record, "state"), "made");
    if (began && !is_made) return reel_reject(tx, "not now");
    record = reel_upsert(tx, reel_text(id));
    reel_set_text(record, "id", id);
    reel_set_text(record, "state", made ? "made" : "other");
    reel_set_null(record, "later");
    if (began && is_later(event, record)) reel_set_bool(record, "later", true);
    reel_set_str(record, "at", event->time);
    return REEL_APPLIED;
}

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "at", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "later", .kind = REEL_FIELD_BOOL), NULL};

static const struct reel_event_info *const events[] = {
    REEL_EVENT(.type = "test.things.made"),   REEL_EVENT(.type = "test.things.began"),
    REEL_EVENT(.type = "test.things.looked"), REEL_EVENT(.type = "test.things.touched"),
    REEL_EVENT(.type = "test.things.left"),   NULL};

#define PROJECTOR_EVOLVE evolve
#define PROJECTOR_EVENTS events
#define PROJECTOR_FIELDS fields
#include "../plugins/fixture.h"
