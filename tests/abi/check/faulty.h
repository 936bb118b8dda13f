/* faulty.h: for plugins that have one fault each, which `reeld check` is to find.
 *
 * A fixture defines its `evolve` (or `decide`), names it in the macros of plugins/fixture.h, and
 * includes that: everything else about it is right. Its types are `test.things.*`.
 */
#ifndef TESTS_ABI_FAULTY_H
#define TESTS_ABI_FAULTY_H

#include <reel/projector.h>

#include <stdlib.h>

/* Folds an event as it should be; returns the record through `ret`, or NULL after a rejection. */
static inline reel_outcome fold_well(struct reel_tx *tx, const struct reel_event *event,
                                     struct reel_record **ret) {
    struct reel_str id = reel_member_str(event->data, "id");
    *ret = NULL;
    if (!id.data) return reel_reject(tx, "event without an id");
    *ret = reel_upsert(tx, id);
    reel_set_str(*ret, "id", id);
    reel_set_str(*ret, "state", event->suffix);
    return REEL_APPLIED;
}

/* Some events of those that the check makes: few, where each takes long. */
static inline bool is_chosen(const struct reel_event *event) {
    return reel_str_is(event->id, "event-9");
}

/* Divides so many million times, each time by what came of the last: some milliseconds each on any
 * processor. No clock is asked, which would be another fault. */
static inline void be_busy(uint64_t millions) {
    volatile uint64_t result = 1;
    for (uint64_t n = 0; n < millions * 1000000; n++)
        result = UINT64_C(0xfedcba9876543210) / (result | 3) + n;
}

#endif
