/* fold_support.h: a store in memory with two collections, of a plugin that is linked in. */
#ifndef TESTS_UNIT_FOLD_SUPPORT_H
#define TESTS_UNIT_FOLD_SUPPORT_H

#include "engine/fold/fold.h"
#include "engine/fold/registry.h"

struct folding {
    struct store *store; /* with its write transaction begun */
    struct plugin *plugin;
    struct registry registry;
    struct fold fold;
    struct collection *things, *others; /* both with the fields "a" and "b" */
};

/* What the projector of `things` does when it is asked. */
extern reel_verdict (*folding_decide)(struct reel_decision *decision,
                                      const struct reel_command *command);
extern const struct reel_plugin folding_plugin;

/* Fixture: as `*state`. */
int folding_begin(void **state);
int folding_finish(void **state);

#endif
