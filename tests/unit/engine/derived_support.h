/* derived_support.h: a source `items` and what derives from it, each a plugin of its own.
 *
 *     items     folds item.ops: {"ops": [[key, group, value], [key], …], "bad": true}, in order:
 *               sets a record, or deletes it; rejects the event after all of that if it is bad
 *     totals    from items: count and sum of each group; none of an empty group. From records
 *     strict    from items: the sum of each group. Rejects a value of 13, and then its sums are no
 *               longer those of the present records
 *     sizes     from totals: how many groups have that count. From records
 *     seen      from items: no records; writes each change to `derived_seen`
 */
#ifndef TESTS_UNIT_DERIVED_SUPPORT_H
#define TESTS_UNIT_DERIVED_SUPPORT_H

#include "base/text.h"

#include <reel/projector.h>
#include <reel/reel.h>

extern const struct reel_plugin derived_items, derived_totals, derived_strict, derived_sizes,
    derived_seen_plugin;

/* `key:before>after@seq `, the values, or `-` for a record that does not exist. */
extern struct text derived_seen;

/* Opens (NULL: in memory) and adds these plugins; the list ends with NULL. Not started. */
struct reel *derived_loaded(const char *directory, const struct reel_plugin *const *plugins);
struct reel *derived_opened(const char *directory, const struct reel_plugin *const *plugins);

/* Applies an event with these ops, as JSON with ' in place of ". */
reel_outcome derived_try(struct reel *reel, const char *ops);

/* The same, with the outcome that is wanted. */
void derived_ops(struct reel *reel, const char *ops, reel_outcome expected);

/* ---- For one case ---------------------------------------------------------------------------- */

#define DERIVED_PLUGINS(...) ((const struct reel_plugin *const[]){__VA_ARGS__, NULL})
#define DERIVED_ALL                                                                                \
    DERIVED_PLUGINS(&derived_items, &derived_totals, &derived_strict, &derived_sizes)

/* A projector that derives from `source`, for one case. */
struct derived_own {
    struct reel_projector projector;
    const struct reel_projector *list[2];
    struct reel_plugin plugin;
};

const struct reel_plugin *derived_own(struct derived_own *own, const char *name, const char *source,
                                      reel_outcome (*derive)(struct reel_tx *,
                                                             const struct reel_change *));

/* A `derive` that ignores everything. */
reel_outcome derived_ignore(struct reel_tx *tx, const struct reel_change *change);

/* `expected`: the record's JSON; NULL: it does not exist. */
void derived_assert(struct reel *reel, const char *collection, const char *key,
                    const char *expected);

void derived_assert_rejected(struct reel *reel, const char *expected);

#endif
