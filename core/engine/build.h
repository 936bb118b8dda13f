/* build.h: looks back: folds a log again, up to a seq, beside the process that may have it open.
 *
 * The records of a cursor in the past are what the same fold makes of the log up to it. So nothing
 * is kept for them: whoever asks pays with a fold, in a process of its own (`reeld explain`, and
 * the builder of `reeld serve`). What is folded is a Reel in memory or a scratch (home.h), which
 * reads the log in place, through maps and blocks that it unpacks, as verify.h does.
 *
 * A collection can be made again only while the log has every event that it was made from. After a
 * trim that is so only of collections that were rebuilt since: build_run refuses others.
 */
#ifndef REEL_ENGINE_BUILD_H
#define REEL_ENGINE_BUILD_H

#include "engine/store/record.h"

#include "base/text.h"

#include <reel/reel.h>

/* A collection that is folded: of the events from `from_seq` on (reel_collection_info); 0: of all
 * that the log has. */
struct build_collection {
    const char *name;
    uint64_t from_seq, generation;
};

/* An event has changed the record that is watched. Texts of the event without data: it has no such
 * member. `before` and `after` are the JSON texts of the fields; NULL: there was, or is, no record.
 * Everything is borrowed. */
struct build_change {
    uint64_t seq, time_ns; /* when it was received */
    struct reel_str type, id, time;
    const struct record_shape *shape;
    const struct reel_str *before, *after;
};

struct build_options {
    const char *directory; /* of the Reel; it is only read */
    const char *epoch;     /* its log must have this one; NULL: any */
    uint64_t seq;          /* UINT64_MAX: up to the end of the log */
    uint64_t behind_max;   /* then: the log goes on meanwhile, and is followed until at most so many
                              events of it are left; 0: it is not */
    const struct build_collection *collections;
    size_t count;
    bool rests; /* after each slice: for those who share caches, memory and disk */

    /* A record of the first collection that is watched; `changed` NULL: none. Another value than 0
     * ends the fold: -ECANCELED is no error. */
    struct reel_str key;
    int (*changed)(void *context, const struct build_change *change);
    void *context;
};

/* `reel` is in memory or a scratch, and has its plugins; afterwards it is only to be closed, or to
 * be looked at through views. A scratch's directory then has all of it. Collections that were not
 * asked for are not served (reel_collection_info). `ret_seq`: where it stands.
 * -ESTALE: the log does not have all events that a collection is made from. -ERANGE: the log ends
 * before `seq`. -EAGAIN: another log has taken its place. -ESRCH: there is no such collection. */
int build_run(struct reel *reel, const struct build_options *options, uint64_t *ret_seq,
              struct reel_error *error);

/* The change as a JSON object, on one line: `seq`, `time`, `type` and `id` of the event, when it
 * was `received_at`, the names of the members that `changed`, the `record` as it is then, or null.
 * A text of the event that is longer than 1,024 bytes is cut. */
void build_change_write(const struct build_change *change, struct text *to);

/* Was this field changed? One that a deleted record had, or a new one has, was. */
bool build_change_has(const struct build_change *change, uint32_t field);

/* Makes an empty directory for a scratch, in place of what is there; and removes it. */
int build_make_directory(const char *path, struct reel_error *error);
void build_remove_directory(const char *path);

/* From which seq on a collection of `reel` was made, by the last checkpoint in the directory; if it
 * is not there, from the first. `ret_other`: why `reel` folds it otherwise than what made it; NULL:
 * it does not. */
int build_find_from(const char *directory, struct reel *reel, const char *collection,
                    uint64_t *ret_from_seq, const char **ret_other, struct reel_error *error);

#endif
