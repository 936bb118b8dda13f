/* dispatcher_build.c: folds shadows (fold/shadow.h), a slice at a time (dispatcher.h). */
#include "engine/dispatcher.h"

#include "engine/fold/shadow.h"

/* What it has changed is written first: a shadow takes its place with all that it has. */
static int end_slice(struct dispatcher *dispatcher, struct reel_error *error) {
    struct registry *registry = &dispatcher->registry;
    int rc = registry_flush(registry, &dispatcher->fold.arena, error);
    if (rc < 0) return rc;
    registry_raise_shadows(registry, dispatcher->folded);
    return dispatcher_show_shadows(dispatcher, false, error);
}

int dispatcher_build_some(struct dispatcher *dispatcher, uint64_t events_max,
                          struct reel_error *error) {
    uint64_t cursor = dispatcher->state.cursor, behind;
    if (!registry_shadows_behind(&dispatcher->registry, cursor, &behind)) return 0;
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
    return rc < 0 ? rc : 1;
}
