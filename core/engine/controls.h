/* controls.h: the log's controls (log.h), folded into the store's `meta`.
 *
 * A control is synced in the log before it has an effect, and folded in the transaction of its
 * group. After a crash between the two, opening folds it: `store_state.controls` says which was the
 * last. Facts about the log itself are copied to store_state by home.c; here they only add to the
 * lineage.
 */
#ifndef REEL_ENGINE_CONTROLS_H
#define REEL_ENGINE_CONTROLS_H

#include "engine/log/log.h"
#include "engine/store/store.h"

/* The facts of a log that begins empty with `first_seq`. `origin`: NULL if it is our own. */
struct log_facts controls_facts(const uint8_t epoch[16], uint64_t first_seq,
                                const struct store_origin *origin);

/* Within the write transaction, for each control once and in order. */
int controls_fold(struct store *store, const struct log_control *control, struct reel_error *error);

/* Adds a control about a collection to the log's group, and folds it in the running transaction.
 * Both happen, or neither does. */
int controls_add(struct log *log, struct store *store, enum log_control_kind kind,
                 const char *collection, uint64_t generation, struct reel_error *error);

/* The same, for a pause of a collection (fold/registry.h): it folds events up to `head`, the log's
 * head. The first event that it does not fold; 0: it is not paused. */
int controls_pause(struct log *log, struct store *store, const char *collection, uint64_t head,
                   struct reel_error *error);
int controls_paused_from(struct store *store, const char *collection, uint64_t *ret,
                         struct reel_error *error);

/* Begins the lineage of a log that begins with `from_seq`, unless there is one. */
int controls_begin_lineage(struct store *store, const uint8_t epoch[16], uint64_t from_seq,
                           struct reel_error *error);

/* Puts both floors into the log's group, if they have changed. */
int controls_put_floors(struct log *log, const struct store_state *state, struct reel_error *error);

/* The generation of the collection's records; and another one: a control in the log's group, of
 * one of the kinds that have one. */
int controls_get_generation(struct store *store, const char *collection, uint64_t *ret,
                            struct reel_error *error);
int controls_raise_generation(struct log *log, struct store *store, enum log_control_kind kind,
                              const char *collection, uint64_t *ret, struct reel_error *error);

/* The newest rebuild of a collection. It is met when the records that it made are shown
 * (fold/shadow.h), or when the collection was emptied for it. After a crash the store may not have
 * that any more, while the log knows of it. */
enum rebuild {
    REBUILD_NONE,    /* it is met, or there was none */
    REBUILD_BEGUN,   /* it is not */
    REBUILD_SHOWN,   /* it was, before a crash: other records were visible than the store has */
    REBUILD_EMPTIED, /* the same */
};
int controls_rebuild(struct store *store, const char *collection, enum rebuild *ret,
                     struct reel_error *error);
int controls_meet_rebuild(struct store *store, const char *collection, struct reel_error *error);

#endif
