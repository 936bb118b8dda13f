/* differences.h: how the records, and the rejections, of one collection in a checkpoint differ from
 * those that a fold has made (compare.h). Both sides have the same order, so that one walk over
 * both finds all of it, and nothing is kept.
 */
#ifndef REEL_ENGINE_DIFFERENCES_H
#define REEL_ENGINE_DIFFERENCES_H

#include "engine/fold/collection.h"
#include "engine/store/stored.h"

struct compare_collection;

/* A record that is not the same. JSON without data: there is none. */
struct compare_record {
    struct reel_str key, before, after;
    uint32_t before_count, after_count; /* of the values, which are in `before` and `after` */
    const struct reel_str *before_values, *after_values;
};

/* A rejection that is not the same. A reason without data: the event is not rejected. */
struct compare_rejection {
    uint64_t seq;
    struct reel_str before, after;
};

/* Everything is borrowed until the function returns. What differs comes in the order of keys, or of
 * events, after its collection. Another value than 0 ends the comparison with it. */
struct comparer {
    void (*begins)(void *context, const char *what); /* before what may end the process: where */
    int (*collection)(void *context, const struct compare_collection *collection);
    int (*record)(void *context, const struct compare_record *record);
    int (*rejection)(void *context, const struct compare_rejection *rejection);
    void *context;
};

/* Gives the members of a record that is there before and after, and that are not the same. `name`
 * is as in JSON, with its quotes. A value without data: there is no such member. */
typedef void (*compare_member_fn)(void *context, struct reel_str name, struct reel_str before,
                                  struct reel_str after);
void compare_members(const struct compare_record *record, compare_member_fn fn, void *context);

/* ---- For compare.c --------------------------------------------------------------------------- */

struct differences {
    const struct comparer *comparer;
    struct stored *stored;
    const struct stored_collection *before; /* in `stored`; NULL: it does not have it */
    const struct collection *after;         /* in the group that is open; NULL: no plugin has it */
    uint64_t from_seq, cursor;              /* rejections of these events */
};

int differences_of_records(const struct differences *differences, struct reel_error *error);

/* `after` is not NULL. */
int differences_of_rejections(const struct differences *differences, struct reel_error *error);

#endif
