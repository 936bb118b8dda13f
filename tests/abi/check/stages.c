/* stages.c: right in everything. Each of its types needs a state to which the one before leads. */
#include "faulty.h"

static const char *const stages[] = {"made", "started", "ended", "resumed"};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    size_t at = 0;
    while (at < sizeof stages / sizeof *stages && !reel_str_is(event->suffix, stages[at])) at++;
    if (at == sizeof stages / sizeof *stages) return REEL_IGNORED;
    if (!event->subject.data) return reel_reject(tx, "event without a subject");
    struct reel_record *record = reel_find(tx, event->subject);
    if (at > 0 && !reel_str_is(reel_field_str(record, "state"), stages[at - 1]))
        return reel_reject(tx, "not now");
    if (at == 0 && record) return reel_reject(tx, "made before");
    record = reel_upsert(tx, event->subject);
    reel_set_str(record, "id", event->subject);
    reel_set_text(record, "state", stages[at]);
    return REEL_APPLIED;
}

static const struct reel_event_info *const events[] = {
    REEL_EVENT(.type = "test.things.made"), REEL_EVENT(.type = "test.things.started"),
    REEL_EVENT(.type = "test.things.ended"), REEL_EVENT(.type = "test.things.resumed"), NULL};

#define PROJECTOR_EVOLVE evolve
#define PROJECTOR_EVENTS events
#include "../plugins/fixture.h"
