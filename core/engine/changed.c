/* changed.c: see changed.h. */
#include "engine/changed.h"

#include "engine/fold/units.h"
#include "engine/store/stored.h"
#include "engine/transaction.h"
#include "engine/visit.h"

#include <errno.h>

/* Why the records of a collection must be made again by this fold, whatever the log has; or NULL.
 */
static const char *other_fold(const struct stored *stored, const struct collection *collection) {
    const struct stored_collection *found = stored_find(stored, collection->name);
    if (!found || !found->has_state) return "it is new";
    return registry_other_fold(collection, &found->state);
}

static const char *why_by_itself(const struct stored *stored, const struct collection *collection) {
    const char *why = other_fold(stored, collection);
    if (why) return why;
    const struct stored_collection *found = stored_find(stored, collection->name);
    return registry_other_build(collection, &found->state) ? "its plugin is another build" : NULL;
}

static bool is_changed(const struct stored *stored, const struct collection *root) {
    bool found = why_by_itself(stored, root) != NULL;
    for (size_t i = 0; i < root->derived_count; i++)
        found = found || why_by_itself(stored, root->derived[i]);
    return found;
}

/* The log was trimmed: what a start with these plugins would do. */
static int judge_trimmed(const struct stored *stored, const struct collection *root,
                         struct reel_error *error) {
    uint64_t first_seq = stored->state.first_seq;
    const char *why = other_fold(stored, root);
    if (why) return registry_refuse(root, why, first_seq, error);
    for (size_t i = 0; i < root->derived_count; i++) {
        const struct collection *derived = root->derived[i];
        why = other_fold(stored, derived);
        if (why && !(derived->projector->declared.flags & REEL_DERIVE_FROM_RECORDS))
            return registry_refuse(derived, why, first_seq, error);
    }
    return 0;
}

enum changed_fate changed_judge(const struct stored *stored, const struct collection *root,
                                struct reel_error *error) {
    const struct stored_collection *found = stored_find(stored, root->name);
    if (!is_changed(stored, root)) return CHANGED_NOT;
    if (found && found->control.paused) return CHANGED_PAUSED;
    if (!found || !found->has_state || stored->state.first_seq <= found->state.from_seq)
        return CHANGED_MADE;
    return judge_trimmed(stored, root, error) < 0 ? CHANGED_REFUSED : CHANGED_TRIMMED;
}

const char *changed_why(const struct stored *stored, const struct collection *collection) {
    const char *why = why_by_itself(stored, collection);
    return why ? why : "its unit is made again";
}

int changed_find(const char *directory, struct reel *reel,
                 void (*fn)(void *context, const char *collection, const char *why), void *context,
                 struct reel_error *error) {
    const struct registry *registry = &reel->dispatcher.registry;
    struct stored stored = {0};
    struct visit visit;
    int rc = units_link(registry->collections, registry->count, error);
    if (rc < 0) return rc;
    rc = visit_begin(&visit, directory, error);
    if (rc == 0) rc = stored_open(&stored, visit.state_path, error);
    for (size_t i = 0; rc == 0 && i < registry->count; i++) {
        const struct collection *root = registry->collections[i];
        enum changed_fate fate = root->source ? CHANGED_NOT : changed_judge(&stored, root, error);
        if (fate == CHANGED_REFUSED) rc = -ESTALE;
        if (fate != CHANGED_MADE) continue;
        fn(context, root->name, changed_why(&stored, root));
        for (size_t n = 0; n < root->derived_count; n++)
            fn(context, root->derived[n]->name, changed_why(&stored, root->derived[n]));
    }
    stored_close(&stored);
    visit_end(&visit);
    return rc;
}
