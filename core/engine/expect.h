/* expect.h: a condition on submitted events (reel_expectation in <reel/command.h>): that no event
 * of some kind has come after a seq.
 *
 * The condition is judged by the writer, in the transaction that appends the events, so that
 * nothing can come between. To keep the writer's part short, most of the log is looked through
 * before, by the thread that submits: expect_look. The writer then looks only at the events that
 * came after that.
 */
#ifndef REEL_ENGINE_EXPECT_H
#define REEL_ENGINE_EXPECT_H

#include "base/text.h"

#include <reel/reel.h>

struct expectation {
    struct reel_expectation asked;
    uint64_t looked_to; /* expect_look has looked at all events up to there; 0: at none */
    uint64_t newest;    /* the newest event up to there that the condition excludes; 0: none */

    /* The judgement, if the condition does not hold. */
    bool is_unmet;
    struct reel_error why;
};

/* Reads a caller's struct, of which `given` may know fewer members. */
void expect_read(const struct reel_expectation *given, struct expectation *ret);

/* Looks through the log as far as it is visible, within the bounds. Takes no lock of the writer.
 * -EAGAIN: too many views are open. [any thread] */
int expect_look(struct reel *reel, struct expectation *expectation, struct reel_error *error);

/* Judges the condition, with what the running transaction has appended: sets `is_unmet`, and then
 * `newest` and `why`. Returns 0 or an error. [writer] */
int expect_judge(struct reel *reel, struct expectation *expectation, struct reel_error *error);

#endif
