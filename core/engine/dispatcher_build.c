/* dispatcher_build.c: what is built beside what is served, a slice at a time (dispatcher.h):
 * indexes of fields (store/field_index.h), shadows (fold/shadow.h), and collections that go on
 * after they were stopped or paused (fold/registry.h). */
#include "engine/dispatcher.h"

#include "base/cleanup.h"
#include "engine/fold/shadow.h"

#include <errno.h>

/* Events of a slice, after a larger one has failed. */
#define SMALLER_EVENTS 1024

static int build_index(struct dispatcher *dispatcher, struct collection *collection,
                       struct reel_error *error) {
    CLEANUP(field_progress_finish) struct field_progress progress = {0};
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = registry_build(collection, &dispatcher->fold.arena, &progress, error);
    rc = dispatcher_end(dispatcher, rc, error);
    if (rc < 0) return rc;
    struct field_progress before = collection->progress;
    collection->progress = progress;
    collection->was_built = progress.is_built;
    progress = before;
    return 1;
}

/* ---- What is folded beside ------------------------------------------------------------------- */

/* What it has changed is written first: a shadow takes its place with all that it has. */
static int end_slice(struct dispatcher *dispatcher, struct reel_error *error) {
    struct registry *registry = &dispatcher->registry;
    int rc = registry_flush(registry, &dispatcher->fold.arena, error);
    if (rc < 0) return rc;
    registry_raise_beside(registry, dispatcher->folded);
    return dispatcher_show_shadows(dispatcher, false, error);
}

static int build_beside(struct dispatcher *dispatcher, uint64_t events_max,
                        struct reel_error *error) {
    uint64_t cursor = dispatcher->state.cursor, behind;
    if (!registry_beside(&dispatcher->registry, cursor, &behind)) return 0;
    int rc = registry_finishes_first(&dispatcher->registry) /* what was visible before a crash */
                 ? dispatcher_begin_to_fold(dispatcher, error)
                 : dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    dispatcher->beside = true;
    if (behind < cursor)
        rc = dispatcher_fold_log(dispatcher, behind + 1, cursor, events_max, error);
    if (rc == 0) rc = end_slice(dispatcher, error);
    rc = dispatcher_end(dispatcher, rc, error);
    dispatcher->beside = false;
    if (rc == 0) registry_join(&dispatcher->registry, cursor);
    return rc < 0 ? rc : 1;
}

/* What a slice will take of the memtable is estimated. If that is small, it may be too much. */
static int build_smaller(struct dispatcher *dispatcher, struct reel_error *error) {
    uint64_t events_max = SMALLER_EVENTS;
    int rc;
    while ((rc = build_beside(dispatcher, events_max, error)) == -E2BIG && events_max > 1)
        events_max /= 2;
    return rc;
}

int dispatcher_build_some(struct dispatcher *dispatcher, uint64_t events_max,
                          struct reel_error *error) {
    struct collection *unbuilt = registry_unbuilt(&dispatcher->registry);
    if (unbuilt) return build_index(dispatcher, unbuilt, error);
    int rc = build_beside(dispatcher, events_max, error);
    return rc == -E2BIG ? build_smaller(dispatcher, error) : rc;
}
