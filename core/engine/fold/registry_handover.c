/* registry_handover.c: records that a builder has made for the plugins that are loaded now
 * (engine/handover.h), at the start: see registry.h. */
#include "engine/fold/registry.h"

#include "base/invariant.h"
#include "engine/fold/fold.h"
#include "engine/fold/shadow.h"
#include "engine/store/rejected.h"
#include "engine/store/table.h"

#include <errno.h>

#define WHY "its plugin was reloaded"

int registry_read_handover(struct collection *collection, struct reel_error *error) {
    struct store *store = collection->store;
    int rc = meta_get_handover(store, &store->writing, collection->name, &collection->handed_over);
    collection->is_handed_over = rc == 0;
    return rc == 0 || rc == -ENOENT ? 0 : fail(error, rc, "cannot read what was handed over");
}

/* ---- A unit ---------------------------------------------------------------------------------- */

/* What is not complete waits. */
static bool fits(const struct collection *collection, const struct collection *root) {
    const struct collection_state *state = &collection->handed_over;
    return collection->is_handed_over && !state->waits && !collection->shadow &&
           state->set != collection->state.set && state->cursor == root->handed_over.cursor &&
           !registry_other_fold(collection, state) && !registry_other_build(collection, state);
}

bool registry_can_adopt(const struct collection *root, const struct store_state *position) {
    uint64_t cursor = root->handed_over.cursor;
    bool can = fits(root, root) && !collection_is_halted(root) &&
               cursor + 1 >= position->first_seq && cursor <= position->head;
    for (size_t i = 0; can && i < root->derived_count; i++) can = fits(root->derived[i], root);
    return can;
}

static int adopt(struct collection *collection, const struct store_state *position,
                 struct reel_error *error) {
    int rc = registry_await_shadow(collection, position, WHY, error);
    registry_note_rebuild(collection);
    collection->why = NULL;
    collection->is_handed_over = false;
    if (rc == 0) rc = shadow_adopt(collection, &collection->handed_over, error);
    return rc < 0 ? rc : meta_remove_handover(collection->store, collection->name, error);
}

int registry_adopt(struct collection *root, const struct store_state *position,
                   struct reel_error *error) {
    int rc = adopt(root, position, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        rc = adopt(root->derived[i], position, error);
    return rc < 0 ? rc : shadow_link(root, error);
}

/* ---- What is left ---------------------------------------------------------------------------- */

int registry_clear_handover(struct store *store, const char *name, unsigned set,
                            const struct table_set *tables, struct reel_error *error) {
    table_clear(store, tables->records);
    table_clear(store, tables->index);
    table_clear(store, tables->fields);
    int rc = rejected_remove_collection(store, name, set, error);
    return rc < 0 ? rc : meta_remove_handover(store, name, error);
}

/* If there is a shadow, or the collection has that set now, the tables have other records. */
static int drop(struct collection *collection, struct reel_error *error) {
    unsigned set = collection->handed_over.set % STORE_SETS;
    collection->is_handed_over = false;
    if (collection->shadow || set == collection->state.set)
        return meta_remove_handover(collection->store, collection->name, error);
    return registry_clear_handover(collection->store, collection->name, set, &collection->sets[set],
                                   error);
}

int registry_drop_handovers(struct registry *registry, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < registry->count; i++)
        if (registry->collections[i]->is_handed_over) rc = drop(registry->collections[i], error);
    return rc;
}
