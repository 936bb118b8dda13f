/* branches.c: its fault is in one branch, behind a comparison with a word (-DBRANCH_WORD=…) of
 * which a compiler may leave nothing but numbers: the type's suffix, or with BRANCH_MODE data.mode.
 */
#include "faulty.h"

#define QUOTE_(word) #word
#define QUOTE(word)  QUOTE_(word)

static bool is_faulty(const struct reel_event *event) {
#ifdef BRANCH_MODE
    return reel_str_is(event->suffix, "closed") &&
           reel_str_is(reel_member_str(event->data, "mode"), QUOTE(BRANCH_WORD));
#else
    return reel_str_is(event->suffix, QUOTE(BRANCH_WORD));
#endif
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    bool faulty = is_faulty(event);
    if (!faulty && !reel_str_is(event->suffix, "opened") && !reel_str_is(event->suffix, "closed"))
        return REEL_IGNORED;
    reel_outcome outcome = fold_well(tx, event, &record);
    if (record && faulty) reel_set_text(record, "undeclared", "x");
    return outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
