/* append.h: appends a submitted event once: looks for its source and id, and remembers them.
 *
 * If the log is a mirror, events and commands must not be appended to it directly. They are carried
 * out as a dry run, in a transaction that is undone. The events that they would have appended are
 * collected in a struct pending, to be published (feeds/publisher.h). They come back as a part of
 * the stream.
 */
#ifndef REEL_ENGINE_APPEND_H
#define REEL_ENGINE_APPEND_H

#include "base/text.h"
#include "engine/dispatcher.h"
#include "engine/store/ids.h"

/* An event that must be published. */
struct outgoing {
    struct text bytes, subject;
    uint8_t id_hash[16];
    bool has_body; /* it was made by a command, whose body has this ids_hash */
    uint8_t body_hash[16];
    uint64_t dry_run_seq; /* the seq that it got in the dry run */
};

struct pending {
    struct outgoing *list;
    size_t count;
};
void pending_finish(struct pending *pending);

/* Looks for a submitted event in the log. 1: the log has it, and `ret` describes it; 0: the log
 * does not have it; or an error. `hash` is the hash of its source and id. Two events may have the
 * same hash, so source and id are compared, too. */
int append_find(struct reel *reel, const uint8_t hash[16], struct reel_str source,
                struct reel_str id, struct ids_known *ret, struct reel_error *error);

/* Appends a submitted event, folds it, and remembers it together with what is needed to answer a
 * repeat. */
int append_submitted(struct reel *reel, const struct arrival *arrival,
                     const struct ids_request *request, struct appended *ret,
                     struct reel_error *error);

/* True if a repeat has a body that differs from the body of the known request. */
bool append_is_other_body(const struct ids_request *known, const uint8_t body_hash[16]);

/* Refuses a command whose idempotency key was used for another command. */
void append_refuse_key(struct reel_command_result *answer);

#endif
