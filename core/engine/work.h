/* work.h: writes several works in one transaction: group commit.
 *
 * A work is a list of events, which are appended all or none; or a command; or a part of the stream
 * that the log mirrors; or it controls a collection, in transactions of its own. Works that wait
 * together are carried out in one transaction, one after another, so that they share its sync. If
 * one of them must be undone, the whole transaction is undone and repeated without this work, which
 * then gets a transaction of its own. So a fault concerns only its own work.
 *
 * If the log is a mirror, events and commands are carried out as a dry run: see append.h.
 */
#ifndef REEL_ENGINE_WORK_H
#define REEL_ENGINE_WORK_H

#include "engine/append.h"
#include "engine/expect.h"
#include "engine/fold/fit.h"
#include "engine/store/rejected.h"

#include <reel/sink_host.h>

enum work_kind {
    WORK_EVENTS,
    WORK_COMMAND,
    WORK_MIRROR,
    WORK_CONTROL,
};

/* An event of the stream, borrowed; or a gap in the stream, up to `seq` (REEL_LOG_GAP). */
struct mirrored {
    uint64_t seq;
    uint64_t missing; /* REEL_LOG_GAP: the number of messages that were never received */
    uint64_t time_ns; /* when the stream received it, since 1970, UTC */
    uint32_t flags;   /* REEL_LOG_CONVERTED, REEL_LOG_GAP */
    struct reel_str bytes;
    struct reel_str subject;
    const uint8_t *id_hash;   /* it says that it was published by a daemon like this one; or NULL */
    struct log_answer answer; /* and for a command, with has_body; without the outcome */
};

/* Called within the transaction for an event with its own id_hash, when the event is folded. If the
 * transaction is undone, it is called again. [writer] */
typedef void (*mirrored_fn)(void *context, struct reel *reel, const struct mirrored *event,
                            const struct appended *appended);

struct work {
    enum work_kind kind;

    /* WORK_EVENTS */
    const struct reel_str *payloads;
    size_t count;
    bool submitted;   /* an event whose source and id are known is not appended again */
    bool append_only; /* false: fold the events, too */
    struct expectation
        *expected;               /* of submitted events; NULL: nothing is expected. If `is_unmet` is
                                    set afterwards, nothing was appended, and `results` are not set */
    struct reel_result *results; /* room for `count`, or NULL */
    struct rejection_list
        rejections;          /* of these events, if `results` is set; freed by work_finish */
    struct pending *pending; /* for WORK_COMMAND, too. If not NULL, nothing is appended: the events
                                are added here */

    /* WORK_COMMAND */
    const struct reel_command_request *request;
    struct reel_command_result answer; /* freed by work_finish */

    /* WORK_MIRROR: `count` events. Those that the log has already are skipped. */
    const struct mirrored *mirrored;
    uint64_t follows; /* the log must be known up to this seq, otherwise -ESTALE */
    uint64_t reach;   /* the log is then known up to this seq, if it is above the last event */
    mirrored_fn taken;
    void *context;

    /* WORK_CONTROL: of a collection and its unit. -ESRCH; -EALREADY: it is so already, or is under
     * way; -EBUSY: something else is; -ESTALE: the log has been trimmed, only a rebuild helps. */
    const char *collection;
    reel_control control;

    /* The result. */
    int rc;
    struct reel_error error;

    /* After -ENOMSG: a submitted event does not fit a strict declaration. Freed by work_finish. */
    struct misfit *misfit;
    size_t misfit_at;              /* index of the event */
    const char *misfit_collection; /* lives as long as the plugin is loaded */
};

/* Carries out the works in this order. `rc` and `error` of each work have its result. Returns the
 * number of transactions that were committed. Takes the write lock. */
size_t works_run(struct reel *reel, struct work *const *works, size_t count);

/* Frees the results. */
void work_finish(struct work *work);

/* Carries out one work alone. */
int work_run(struct reel *reel, struct work *work, struct reel_error *error);

#endif
