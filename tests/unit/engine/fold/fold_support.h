/* fold_support.h: a store in memory with the collections of a plugin that is linked in. */
#ifndef TESTS_UNIT_FOLD_SUPPORT_H
#define TESTS_UNIT_FOLD_SUPPORT_H

#include "engine/fold/fold.h"
#include "engine/fold/registry.h"

struct folding {
    struct store *store; /* with its write transaction begun */
    struct plugin *plugin;
    struct registry registry;
    struct fold fold;
    struct collection *things, *others; /* of folding_plugin: both with the fields "a" and "b" */
};

/* What the projector of `things` does when it is asked. */
extern reel_verdict (*folding_decide)(struct reel_decision *decision,
                                      const struct reel_command *command);
extern const struct reel_plugin folding_plugin;

/* Begins with a plugin that has a collection `things`, and may have `others`; all zero before. */
void folding_open(struct folding *folding, const struct reel_plugin *plugin);
void folding_close(struct folding *folding);

/* Fixture with folding_plugin: as `*state`. */
int folding_begin(void **state);
int folding_finish(void **state);

#endif
