/* beside.c: a good plugin that needs a library (libabi_beside.so) which lies beside it: its run
 * path is $ORIGIN. */
#define PROJECTOR_EVOLVE evolve_by_the_library
#include <reel/projector.h>

int reel_fixture_beside(void);

static reel_outcome evolve_by_the_library(struct reel_tx *tx, const struct reel_event *event);

#include "fixture.h"

static reel_outcome evolve_by_the_library(struct reel_tx *tx, const struct reel_event *event) {
    return reel_fixture_beside() == 7 ? fixture_evolve(tx, event) : REEL_IGNORED;
}
