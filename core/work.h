/* work.h: what is to be written, several at a time: group commit.
 *
 * A work is a list of events, all of them or none, or a command, or a part of the stream that the
 * log mirrors. Those that come together are done in one transaction, one after another, so that
 * they share its sync. When one of them has to be undone, the transaction is, and it is done again
 * without that one, which then has one of its own: a fault concerns its own work only.
 *
 * Where the log is a mirror, events and commands must not be appended to it. They are tried, in a
 * transaction that is undone, and what they would have appended is put into an outbox, to be
 * published (feeds/publisher.h): it comes back as a part of the stream.
 */
#ifndef REEL_CORE_WORK_H
#define REEL_CORE_WORK_H

#include "engine.h"
#include "rejected.h"

enum work_kind {
    WORK_EVENTS,
    WORK_ORDER,
    WORK_MIRROR,
};

/* An event that is to be published. */
struct outgoing {
    struct text bytes, subject;
    uint8_t id_hash[16];
    bool has_body; /* it is of a command, whose body has this ids_hash */
    uint8_t body_hash[16];
    uint64_t tried_seq; /* what it would have got here */
};

struct outbox {
    struct outgoing *list;
    size_t count;
};
void outbox_finish(struct outbox *outbox);

/* An event of the stream. Borrowed. */
struct mirrored {
    uint64_t seq;
    uint64_t time_ns; /* when the stream received it, since 1970, UTC */
    uint32_t flags;   /* LOG_CONVERTED */
    struct reel_str bytes;
    struct reel_str subject;
    const uint8_t *id_hash;   /* it was published by a daemon like this one; else NULL */
    const uint8_t *body_hash; /* and for a command with this body; else NULL */
};

/* Called within the transaction for one with an id_hash: it may look at the record of which it
 * tells the key in `known`, and say what else it knows of the request. If the transaction is undone
 * it will be called again. [writer] */
typedef void (*mirrored_fn)(void *context, struct reel *reel, const struct mirrored *event,
                            struct ids_known *known);

struct work {
    enum work_kind kind;

    /* WORK_EVENTS */
    const struct reel_str *payloads;
    size_t count;
    bool submitted;                   /* one whose source and id are known is not appended again */
    bool append_only;                 /* or folded, too */
    struct reel_result *results;      /* room for `count`, or NULL */
    struct rejection_list rejections; /* of these events, with `results`; work_finish */
    struct outbox *outbox;            /* ORDER, too. Not NULL: nothing is appended, but put here */

    /* WORK_ORDER */
    const struct reel_order *order;
    struct reel_answer answer; /* work_finish */

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

/* What a step within the transaction left behind. */
enum work_step {
    STEP_NOTHING = 0,
    STEP_WRITTEN = 1,
    STEP_UNDO = 2, /* nothing of it may stay */
};

/* A command (command.c), within the transaction: a step, or an error. */
int command_step(struct reel *reel, const struct reel_order *order, struct reel_answer *ret,
                 struct reel_error *error);

/* Appends a submitted event, folds it, and remembers it, with what a repeat is answered from. */
int work_append(struct reel *reel, const struct arrival *arrival, const struct ids_request *request,
                struct taken *ret, struct reel_error *error);

/* A repeat of what is known came with a body: is it another one than the first time? */
bool work_is_other_body(const struct ids_request *known, const uint8_t body_hash[16]);

/* Refuses a command whose idempotency key was used for another. */
void work_refuse_key(struct reel_answer *answer);

/* A record as the transaction has it now; malloc'ed, NULL if there is none. */
int work_show_record(struct collection *collection, struct reel_str key, char **ret,
                     size_t *ret_len, struct reel_error *error);

/* Is this event in the log, submitted? 1, and what is known of it; 0; or an error. `hash` is the
 * one of its source and id, which only says that it may be. */
int work_find_submitted(struct reel *reel, const uint8_t hash[16], struct reel_str source,
                        struct reel_str id, struct ids_known *ret, struct reel_error *error);

#endif
