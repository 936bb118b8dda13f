/* slow_fold.h: a second fold of both projections, to compare the real one with.
 *
 * Written from the contract alone, with jansson and nothing of Reel: lists are searched from the
 * front, everything is checked again for each event. If this and Reel disagree, one of them is
 * wrong. Not for use beyond tests.
 */
#ifndef TESTS_SLOW_FOLD_H
#define TESTS_SLOW_FOLD_H

#include <jansson.h>
#include <stddef.h>

enum {
    SLOW_FOLD_APPLIED = 1,
    SLOW_FOLD_IGNORED = 2,
    SLOW_FOLD_REJECTED = 3,

    /* jansson cannot judge: a NUL in the name of a member, which it refuses though it is JSON.
     * The state is as before, and need not be Reel's any more. */
    SLOW_FOLD_UNKNOWN = 4,
};

struct slow_fold;

/* Ends the process when memory runs out, as everything here does. */
struct slow_fold *slow_fold_new(void);
void slow_fold_free(struct slow_fold *fold);

/* Folds one payload; one of SLOW_FOLD_…. */
int slow_fold_apply(struct slow_fold *fold, const char *bytes, size_t len);

/* {"cells":[…],"formations":[…]}, each listed as the contract says, fields in its order. A new
 * reference; a later apply may still change what is in it. */
json_t *slow_fold_state(struct slow_fold *fold);

/* One JSON text, read as slow_fold_apply reads it: integers beyond 64 bits are reals. What has
 * been read so can be compared with json_equal. NULL, with *ret_outcome REJECTED or UNKNOWN, if
 * it is none. */
json_t *slow_fold_decode(const char *bytes, size_t len, int *ret_outcome);

#endif
