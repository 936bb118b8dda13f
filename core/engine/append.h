/* append.h: appending a submitted event once: it is looked for by source and id, and remembered.
 *
 * Where the log is a mirror, events and commands must not be appended to it. They are tried, in a
 * transaction that is undone, and what they would have appended is put into an outbox, to be
 * published (feeds/publisher.h): it comes back as a part of the stream.
 */
#ifndef REEL_ENGINE_APPEND_H
#define REEL_ENGINE_APPEND_H

#include "base/text.h"
#include "engine/dispatcher.h"
#include "engine/store/ids.h"

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

/* Is this event in the log, submitted? 1, and what is known of it; 0; or an error. `hash` is the
 * one of its source and id, which only says that it may be. */
int append_find(struct reel *reel, const uint8_t hash[16], struct reel_str source,
                struct reel_str id, struct ids_known *ret, struct reel_error *error);

/* Appends a submitted event, folds it, and remembers it, with what a repeat is answered from. */
int append_submitted(struct reel *reel, const struct arrival *arrival,
                     const struct ids_request *request, struct taken *ret,
                     struct reel_error *error);

/* A repeat of what is known came with a body: is it another one than the first time? */
bool append_is_other_body(const struct ids_request *known, const uint8_t body_hash[16]);

/* Refuses a command whose idempotency key was used for another. */
void append_refuse_key(struct reel_answer *answer);

#endif
