/* control.c: see control.h. */
#include "engine/control.h"

#include "base/invariant.h"
#include "engine/fold/shadow.h"
#include "engine/fold/units.h"

#include <errno.h>
#include <inttypes.h>

/* ---- Pause and resume ------------------------------------------------------------------------ */

static int pause_unit(struct dispatcher *dispatcher, struct collection *root,
                      struct reel_error *error) {
    if (root->paused_from) return fail(error, -EALREADY, "`%s` is paused", root->name);
    return dispatcher_pause(dispatcher, root, error);
}

static int resume_unit(struct dispatcher *dispatcher, struct collection *root,
                       struct reel_error *error) {
    if (!root->paused_from && root->lags)
        return fail(error, -EALREADY, "`%s` catches up already", root->name);
    if (!root->paused_from) return fail(error, -EALREADY, "`%s` is not paused", root->name);
    if (root->stopped)
        return fail(error, -EBUSY, "`%s` is stopped, too: release it first", root->name);
    return dispatcher_resume(dispatcher, root, error);
}

/* ---- Release --------------------------------------------------------------------------------- */

/* For the next start. */
static int record_release(const struct dispatcher *dispatcher, const struct collection *root,
                          struct reel_error *error) {
    const char *directory = dispatcher->home.directory;
    int rc = directory ? set_aside_release(directory, root->name, error) : 0;
    for (size_t i = 0; rc == 0 && directory && i < root->derived_count; i++)
        rc = set_aside_release(directory, root->derived[i]->name, error);
    return rc;
}

static bool refuses(const struct collection *collection) {
    return collection->refuses_keys || collection->refuses_requests;
}

static void refuse_no_more(struct collection *root) {
    root->is_released = true;
    root->refuses_keys = root->refuses_requests = false;
    for (size_t i = 0; i < root->derived_count; i++)
        root->derived[i]->refuses_keys = root->derived[i]->refuses_requests = false;
}

/* One that folds, but does not ask its projector for keys or commands any more: it does again. */
static int release_requests(struct dispatcher *dispatcher, struct collection *root,
                            struct reel_error *error) {
    bool any = refuses(root);
    for (size_t i = 0; i < root->derived_count; i++) any = any || refuses(root->derived[i]);
    if (!any) return fail(error, -EALREADY, "`%s` is not stopped", root->name);
    int rc = record_release(dispatcher, root, error);
    if (rc == 0) refuse_no_more(root);
    return rc;
}

/* One that is paused, too, comes as far as the log was then. */
static int release_unit(struct dispatcher *dispatcher, struct collection *root,
                        struct reel_error *error) {
    if (!root->stopped && root->lags)
        return fail(error, -EALREADY, "`%s` catches up already", root->name);
    if (!root->stopped) return release_requests(dispatcher, root, error);
    if (root->state.cursor + 1 < dispatcher->state.first_seq)
        return fail(error, -ESTALE,
                    "`%s` stands at %" PRIu64 ", and the log begins at %" PRIu64
                    ": only a rebuild helps",
                    root->name, root->state.cursor, dispatcher->state.first_seq);
    int rc = record_release(dispatcher, root, error);
    return rc < 0 ? rc : dispatcher_release(dispatcher, root, error);
}

/* ---- Rebuild --------------------------------------------------------------------------------- */

/* In a shadow, or where it is. */
static bool is_rebuilt(const struct collection *collection, uint64_t cursor) {
    return shadow_of(collection) || collection_waits(collection) ||
           (collection->catching_up.why && collection->state.cursor < cursor &&
            !collection->stopped);
}

static int rebuild_unit(struct dispatcher *dispatcher, struct collection *collection,
                        struct reel_error *error) {
    struct collection *root = unit_root(collection);
    uint64_t cursor = dispatcher->state.cursor;
    bool is_under_way = is_rebuilt(root, cursor);
    for (size_t i = 0; i < root->derived_count; i++)
        is_under_way = is_under_way || is_rebuilt(root->derived[i], cursor);
    if (is_under_way) return fail(error, -EALREADY, "`%s` is being rebuilt", collection->name);
    if (root->paused_from && root->state.cursor + 1 >= dispatcher->state.first_seq)
        return fail(error, -EBUSY, "`%s` is paused: resume it first", root->name);
    int rc = root->stopped ? record_release(dispatcher, root, error) : 0;
    if (rc == 0) rc = dispatcher_reset(dispatcher, collection, error);
    if (rc == 0) root->is_released = true;
    return rc;
}

/* ---- What is asked --------------------------------------------------------------------------- */

int control_run(struct reel *reel, const char *name, reel_control control,
                struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    INVARIANT(lock_is_held(&reel->writer));
    struct collection *collection = registry_find(&dispatcher->registry, reel_text(name));
    int rc = -EINVAL;
    if (!collection) return fail(error, -ESRCH, "no collection `%s` is loaded", name);
    if (dispatcher->registry.hands_over)
        return fail(error, -EBUSY, "plugins are being reloaded: a new worker takes over");
    struct collection *root = unit_root(collection);
    if (control == REEL_CONTROL_PAUSE) rc = pause_unit(dispatcher, root, error);
    if (control == REEL_CONTROL_RESUME) rc = resume_unit(dispatcher, root, error);
    if (control == REEL_CONTROL_RELEASE) rc = release_unit(dispatcher, root, error);
    if (control == REEL_CONTROL_REBUILD) rc = rebuild_unit(dispatcher, collection, error);
    report_progress(&reel->reporter, dispatcher);
    return rc == 0 ? transaction_catch_up(reel, error) : rc; /* what is made from records */
}
