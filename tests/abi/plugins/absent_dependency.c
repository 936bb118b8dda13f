/* absent_dependency.c: a good plugin that needs a library which is not there (nowhere.c), or, when
 * it is built without that library, a function that nobody has. */
#define PROJECTOR_EVOLVE evolve_by_the_library
#include <reel/projector.h>

int reel_fixture_nowhere(void);

static reel_outcome evolve_by_the_library(struct reel_tx *tx, const struct reel_event *event) {
    (void)tx;
    (void)event;
    return reel_fixture_nowhere();
}

#include "fixture.h"
