/* work.h: what is to be written, several at a time: group commit.
 *
 * A work is a list of events, all of them or none, or a command, or a part of the stream that the
 * log mirrors. Those that come together are done in one transaction, one after another, so that
 * they share its sync. When one of them has to be undone, the transaction is, and it is done again
 * without that one, which then has one of its own: a fault concerns its own work only.
 *
 * Where the log is a mirror, events and commands are tried, and go to an pending: append.h.
 */
#ifndef REEL_ENGINE_WORK_H
#define REEL_ENGINE_WORK_H

#include "engine/append.h"
#include "engine/store/rejected.h"

enum work_kind {
    WORK_EVENTS,
    WORK_COMMAND,
    WORK_MIRROR,
};

/* An event of the stream, borrowed; or a gap in it, up to `seq` (REEL_LOG_GAP). */
struct mirrored {
    uint64_t seq;
    uint64_t missing; /* REEL_LOG_GAP: so many messages were never received */
    uint64_t time_ns; /* when the stream received it, since 1970, UTC */
    uint32_t flags;   /* REEL_LOG_CONVERTED, REEL_LOG_GAP */
    struct reel_str bytes;
    struct reel_str subject;
    const uint8_t *id_hash;   /* it says that it was published by a daemon like this one; or NULL */
    struct log_answer answer; /* and for a command, with has_body; without the outcome */
};

/* Called within the transaction for one with an id_hash that is its own, when it is folded. If the
 * transaction is undone it will be called again. [writer] */
typedef void (*mirrored_fn)(void *context, struct reel *reel, const struct mirrored *event,
                            const struct appended *appended);

struct work {
    enum work_kind kind;

    /* WORK_EVENTS */
    const struct reel_str *payloads;
    size_t count;
    bool submitted;                   /* one whose source and id are known is not appended again */
    bool append_only;                 /* or folded, too */
    struct reel_result *results;      /* room for `count`, or NULL */
    struct rejection_list rejections; /* of these events, with `results`; work_finish */
    struct pending *pending;          /* ORDER, too. Not NULL: nothing is appended, but put here */

    /* WORK_COMMAND */
    const struct reel_command_request *request;
    struct reel_command_result answer; /* work_finish */

    /* WORK_MIRROR: `count` of them. What the log has already is passed over. */
    const struct mirrored *mirrored;
    uint64_t follows; /* the log must have been known up to here; else -ESTALE */
    uint64_t reach;   /* and is now known up to here, if that is further than the last of them */
    mirrored_fn taken;
    void *context;

    /* How it went. */
    int rc;
    struct reel_error error;
};

/* Does them in that order; `rc` and `error` of each say how it went. Returns how many transactions
 * were committed. Takes the write lock. */
size_t works_run(struct reel *reel, struct work *const *works, size_t count);

/* Frees what it came to. */
void work_finish(struct work *work);

/* One, by itself. */
int work_run(struct reel *reel, struct work *work, struct reel_error *error);

#endif
