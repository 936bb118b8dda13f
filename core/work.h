/* work.h: what clients want written, several at a time: group commit.
 *
 * A work is a list of events, all of them or none, or a command. Those that come together are
 * done in one transaction, one after another, so that they share its sync. When one of them has
 * to be undone, the transaction is, and it is done again without that one, which then has one of
 * its own: a fault concerns its own work only.
 */
#ifndef REEL_CORE_WORK_H
#define REEL_CORE_WORK_H

#include "engine.h"

enum work_kind {
    WORK_EVENTS,
    WORK_ORDER,
};

struct work {
    enum work_kind kind;

    /* WORK_EVENTS */
    const struct reel_str *payloads;
    size_t count;
    bool submitted;              /* one whose source and id are known is not appended again */
    bool append_only;            /* or folded, too */
    struct reel_result *results; /* room for `count`, or NULL */

    /* WORK_ORDER */
    const struct reel_order *order;
    struct reel_answer answer; /* reel_answer_done */

    /* How it went. */
    int rc;
    struct reel_error error;
};

/* Does them in that order; `rc` and `error` of each say how it went. Returns how many transactions
 * were committed. Takes the write lock. */
size_t works_run(struct reel *reel, struct work *const *works, size_t count);

/* One, by itself. */
int work_run(struct reel *reel, struct work *work, struct reel_error *error);

/* What a step within the transaction left behind. */
enum work_step {
    STEP_NOTHING = 0,
    STEP_WRITTEN = 1,
    STEP_UNDO = 2, /* nothing of it may stay */
};

/* A command (command.c), within the transaction: a step, or an error. */
int command_step(struct reel *reel, const struct reel_order *order, struct reel_answer *ret,
                 struct reel_error *error);

/* Is this event in the log, submitted? 1, and what is known of it; 0; or an error. `hash` is the
 * one of its source and id, which only says that it may be. */
int work_find_submitted(struct reel *reel, const uint8_t hash[16], struct reel_str source,
                        struct reel_str id, struct ids_known *ret, struct reel_error *error);

#endif
