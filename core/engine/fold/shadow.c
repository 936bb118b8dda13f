/* shadow.c: see shadow.h. */
#include "engine/fold/shadow.h"

#include "base/invariant.h"
#include "engine/fold/changes.h"
#include "engine/fold/fold.h"
#include "engine/fold/units.h"
#include "engine/store/rejected.h"
#include "engine/store/table.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Life ------------------------------------------------------------------------------------ */

/* What is declared is borrowed from the collection. */
static struct collection *create(struct collection *live) {
    struct collection *shadow = calloc(1, sizeof *shadow);
    if (!shadow) return NULL;
    shadow->tx = live->tx;
    shadow->fold = live->fold;
    shadow->store = live->store;
    shadow->plugin = live->plugin;
    shadow->projector = live->projector;
    shadow->name = live->name;
    shadow->settings = live->settings;
    shadow->shape = live->shape;
    shadow->tracked = live->tracked;
    shadow->watched = live->watched;
    shadow->aside = live->aside;
    shadow->set_aside = live->set_aside;
    memcpy(shadow->sets, live->sets, sizeof shadow->sets);
    shadow->depth = live->depth;
    shadow->is_source = live->is_source;
    shadow->live = live;
    return shadow;
}

void shadow_destroy(struct collection *shadow) {
    if (!shadow) return;
    INVARIANT(shadow->live);
    changes_finish(&shadow->changes);
    field_progress_finish(&shadow->progress);
    free(shadow->derived);
    free(shadow);
}

struct collection *shadow_of(const struct collection *live) {
    return live->shadow && !live->shadow->is_ended ? live->shadow : NULL;
}

bool shadow_is_of_log(const struct collection *shadow) {
    while (shadow->source) shadow = shadow->source;
    return shadow->live != NULL;
}

struct collection *shadow_folded(const struct collection *live) {
    struct collection *shadow = shadow_of(live);
    return shadow && shadow_is_of_log(shadow) && !collection_is_held(live) ? shadow : NULL;
}

/* ---- In a group ------------------------------------------------------------------------------ */

static int empty(struct collection *shadow, struct reel_error *error) {
    const struct table_set *tables = collection_tables(shadow);
    table_clear(shadow->store, tables->records);
    table_clear(shadow->store, tables->index);
    table_clear(shadow->store, tables->fields);
    return rejected_remove_collection(shadow->store, shadow->name, shadow->state.set, error);
}

/* Its table of fields has all records from the beginning. */
static int put_fields(struct collection *shadow, struct reel_error *error) {
    shadow->progress.is_built = true;
    return field_index_put(shadow->store, shadow->name, shadow->state.set, &shadow->tracked,
                           &shadow->progress, error);
}

int shadow_begin(struct collection *live, const struct collection_state *state,
                 struct reel_error *error) {
    if (!live->shadow) {
        live->shadow = create(live);
        if (!live->shadow) return fail_memory(error);
    }
    struct collection *shadow = live->shadow;
    INVARIANT(!shadow->is_ended);
    shadow->state = *state;
    shadow->state.set = !live->state.set;
    shadow->state.has_shadow = shadow->state.waits = 0;
    live->state.has_shadow = 1;
    int rc = empty(shadow, error);
    if (rc == 0) rc = meta_remove_handover(live->store, live->name, error); /* of these tables */
    if (rc == 0) rc = put_fields(shadow, error);
    return rc < 0 ? rc : meta_put_shadow(live->store, live->name, &shadow->state, error);
}

/* Without those that are declared now, it is of no use. */
static int find_fields(struct collection *shadow, struct reel_error *error) {
    struct store *store = shadow->store;
    struct tracked_fields stored = {0};
    int rc = field_index_get(store, &store->writing, shadow->name, shadow->state.set, &stored,
                             &shadow->progress);
    if (rc < 0 && rc != -ENOENT) return fail(error, rc, "cannot read what is indexed");
    if (!tracked_fields_are_same(&stored, &shadow->tracked)) shadow->progress.is_built = false;
    return 0;
}

int shadow_find(struct collection *live, struct reel_error *error) {
    struct collection_state state;
    INVARIANT(!live->shadow);
    int rc = meta_get_shadow(live->store, &live->store->writing, live->name, &state);
    if (rc == -ENOENT) return rc;
    if (rc < 0) return fail(error, rc, "cannot read the state of a shadow");
    live->shadow = create(live);
    if (!live->shadow) return fail_memory(error);
    live->shadow->state = state;
    live->shadow->state.set = !live->state.set;
    return find_fields(live->shadow, error);
}

int shadow_adopt(struct collection *live, const struct collection_state *state,
                 struct reel_error *error) {
    INVARIANT(!live->shadow && state->set != live->state.set && !state->waits);
    live->shadow = create(live);
    if (!live->shadow) return fail_memory(error);
    live->shadow->state = *state;
    live->shadow->state.finish_first = 1;
    live->state.has_shadow = 1;
    int rc = find_fields(live->shadow, error);
    if (rc == 0 && !live->shadow->progress.is_built)
        rc = fail(error, -EBADMSG, "what was handed over of `%s` has no index", live->name);
    return rc < 0 ? rc : meta_put_shadow(live->store, live->name, &live->shadow->state, error);
}

static int forget(struct collection *live, struct reel_error *error) {
    live->shadow->is_ended = true;
    live->state.has_shadow = 0;
    return meta_remove_shadow(live->store, live->name, error);
}

int shadow_end(struct collection *live, struct reel_error *error) {
    INVARIANT(shadow_of(live));
    int rc = empty(live->shadow, error);
    return rc < 0 ? rc : forget(live, error);
}

int shadow_show(struct collection *live, uint64_t generation, struct reel_error *error) {
    struct collection *shadow = live->shadow;
    INVARIANT(shadow_of(live) && live->changes.count == 0 && shadow->changes.count == 0);
    INVARIANT(!shadow->state.from_records && shadow->state.set != live->state.set);
    int rc = empty(live, error); /* its old records */
    if (rc < 0) return rc;
    live->state = shadow->state;
    live->state.generation = generation;
    live->state.finish_first = 0;
    INVARIANT(shadow->progress.is_built);
    live->progress.is_built = true;
    return forget(live, error);
}

/* ---- Units ----------------------------------------------------------------------------------- */

void shadow_settle(struct collection *live) {
    if (!live->shadow || !live->source) return;
    struct collection *beside = shadow_of(live->source);
    live->shadow->source = beside ? beside : live->source;
}

int shadow_link(struct collection *root, struct reel_error *error) {
    struct collection *shadow = shadow_of(root);
    for (size_t i = 0; i < root->derived_count; i++) shadow_settle(root->derived[i]);
    if (!shadow || root->derived_count == 0) return 0;
    if (!shadow->derived) shadow->derived = calloc(root->derived_count, sizeof *shadow->derived);
    if (!shadow->derived) return fail_memory(error);
    for (size_t i = 0; i < root->derived_count; i++) {
        shadow->derived[i] = shadow_of(root->derived[i]);
        INVARIANT(shadow->derived[i]);
    }
    shadow->derived_count = root->derived_count;
    return 0;
}

/* ---- The end of a group ---------------------------------------------------------------------- */

static void drop(struct collection *live) {
    shadow_destroy(live->shadow);
    live->shadow = NULL;
}

void shadow_committed(struct collection *live) {
    struct collection *shadow = live->shadow;
    if (!shadow) return;
    INVARIANT(shadow->changes.count == 0);
    shadow->committed = shadow->state;
    shadow->is_kept = true;
    if (shadow->is_ended) drop(live);
}

/* A shadow that was begun or found in this group has no state before it. */
void shadow_aborted(struct collection *live) {
    struct collection *shadow = live->shadow;
    if (!shadow) return;
    shadow->state = shadow->committed;
    shadow->is_ended = false;
    changes_reset(&shadow->changes);
    if (!shadow->is_kept) drop(live);
}
