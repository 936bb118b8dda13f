/* plan.h: what `reeld plan` has found, collected and printed: as sentences, or as one JSON object.
 *
 * plan_comparer gives the functions that a comparison calls (engine/compare.h). They count, and
 * write some examples at once, in the form that is wanted. plan_print then puts all of it together.
 */
#ifndef REEL_PLAN_PLAN_H
#define REEL_PLAN_PLAN_H

#include "engine/engine.h"

/* Of records, or of rejections. */
struct plan_counts {
    uint64_t added, removed, changed;
};

struct plan_member {
    char *name; /* a JSON string */
    uint64_t records;
};

struct plan_collection {
    struct compare_collection facts;
    struct plan_counts records, rejections;
    struct plan_member *members; /* that have changed, with the number of records */
    size_t member_count;
    struct text fields;                          /* how the declared ones have changed */
    struct text records_shown, rejections_shown; /* examples */
};

struct plan {
    /* Given; all borrowed. */
    bool is_json;
    uint64_t examples_max;         /* of each kind of change, for each collection */
    const struct plugin *replaced; /* lists of plugins, for the fields that they declare */
    const struct plugin *plugins;

    struct plan_collection *collections;
    size_t count;
    bool failed; /* out of memory */
};

/* All but `begins`. */
struct comparer plan_comparer(struct plan *plan);
void plan_finish(struct plan *plan);

/* Is anything another one than before? And: was a collection not compared, although a reload may
 * change it? */
bool plan_is_different(const struct plan *plan);
bool plan_is_incomplete(const struct plan *plan);

/* Of one collection; false: or it is not known. */
bool plan_collection_differs(const struct plan_collection *collection);

/* `to.failed`: out of memory. */
void plan_print(const struct plan *plan, const struct compare_result *result, const char *directory,
                struct text *to);

#endif
