/* memtable_support.h: what the tests of memtables share: trees looked at from within, and a model.
 *
 * The model knows a fixed set of keys, in order, and for each tree and key the number of the write
 * that it has, or 0. A value is made from its key and that number, so that a state of everything is
 * a table of numbers, and any thread can tell what it must see.
 */
#ifndef TESTS_UNIT_MEMTABLE_SUPPORT_H
#define TESTS_UNIT_MEMTABLE_SUPPORT_H

#include "unit.h"

#include "base/text.h"
#include "engine/store/memtable/overlay.h"

#include <stdatomic.h>

/* Checks order, separators, heads, births and the count. */
void assert_sound(const struct tree *tree);

/* Frees what it has now; for trees that belong to no version. */
void free_tree(struct tree *tree);

/* Checks that `held_bytes` is exactly what held versions need and the current one does not. */
void assert_held_exactly(const struct versions *versions);

enum { MODEL_TREES = 3, MODEL_KEYS = 300, MODEL_ERASABLE = 2 /* of these trees */ };

struct model_state {
    atomic_uint holders;
    uint64_t cursor;
    uint32_t writes[MODEL_TREES][MODEL_KEYS];
};

struct model_view {
    struct version *version;
    struct model_state *state; /* what the version must show */
    struct model_state *lower; /* the checkpoint below it */
};

struct model {
    struct versions versions;
    uint64_t random;
    uint32_t writes; /* so far */
    struct reel_str keys[MODEL_KEYS];
    struct model_state *now, *lower;        /* published; in the checkpoint */
    struct model_state *frozen[LAYERS_MAX]; /* at each freeze, the newest first */
    pthread_mutex_t lock;                   /* of `now` and `lower` with the current version */
};

void model_init(struct model *model, uint64_t seed);
void model_finish(struct model *model);

/* One random step of the writer: a group, published or undone; a freeze; a checkpoint. */
void model_step(struct model *model);

/* Any thread. model_look compares at random places; `random` is the caller's. */
void model_open_view(struct model *model, struct model_view *ret);
void model_look(const struct model *model, const struct model_view *view, uint64_t *random);
void model_close_view(struct model_view *view);

/* The writer's steps with some views that are held for random times and compared all through. */
void model_run(uint64_t seed, size_t steps);

#endif
