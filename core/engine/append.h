/* append.h: appends a submitted event once: looks for its source and id in the log.
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
#include "engine/ids.h"

/* An event that must be published. */
struct outgoing {
    struct text bytes, subject;
    uint8_t id_hash[16];
    struct log_answer answer; /* what its entry will have; without the texts and the outcome: */
    struct text key, principal;
    uint64_t dry_run_seq; /* what it would have got here */
};

struct pending {
    struct outgoing *list;
    size_t count;
};
void pending_finish(struct pending *pending);

/* A submitted event that the log has. What `answer` points to is good until the next one is
 * appended, or found_finish. */
struct found {
    uint64_t seq;
    struct log_answer answer;
    struct log_walk walk;
    struct log_pin *pin;
};
void found_finish(struct found *found); /* all of zero: does nothing */

/* Is this event in the log, submitted? 1, and `ret`, for found_finish; 0; or an error. `hash` is
 * the one of its source and id, which only says that it may be. */
int append_find(struct reel *reel, const uint8_t hash[16], struct reel_str source,
                struct reel_str id, struct found *ret, struct reel_error *error);

/* Appends a submitted event and folds it. Its entry in the log has what is needed to answer a
 * repeat. */
int append_submitted(struct reel *reel, const struct arrival *arrival,
                     const struct log_answer *answer, struct appended *ret,
                     struct reel_error *error);

/* A repeat of what is known came with a body: is it another one than the first time? */
bool append_is_other_body(const struct log_answer *known, const uint8_t body_hash[16]);

/* Refuses a command whose idempotency key was used for another command. */
void append_refuse_key(struct reel_command_result *answer);

#endif
