/* registry_fields.c: the tables of collections' fields (store/field_index.h): see registry.h. */
#include "engine/fold/registry.h"

#include "engine/store/table.h"

#include <errno.h>

/* The table begins empty, and is then that of no record: of an empty collection that is all. */
int registry_begin_fields(struct collection *collection, bool is_built, struct reel_error *error) {
    collection->progress.is_built = is_built; /* undone with the group, unlike the rest */
    if (!is_built) collection->progress.has_key = false;
    table_clear(collection->store, collection_tables(collection)->fields);
    return field_index_put(collection->store, collection->name, collection->state.set,
                           &collection->tracked, &collection->progress, error);
}

int registry_start_fields(struct collection *collection, struct reel_error *error) {
    struct store *store = collection->store;
    struct tracked_fields stored = {0};
    int rc = field_index_get(store, &store->writing, collection->name, collection->state.set,
                             &stored, &collection->progress);
    if (rc < 0 && rc != -ENOENT) return fail(error, rc, "cannot read what is indexed");
    if (rc == 0 && tracked_fields_are_same(&stored, &collection->tracked)) return 0;
    if (rc == -ENOENT && collection->tracked.count == 0) {
        collection->progress.is_built = true;
        return 0;
    }
    return registry_begin_fields(collection, collection->tracked.count == 0, error);
}

struct collection *registry_unbuilt(const struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++)
        if (!registry->collections[i]->progress.is_built) return registry->collections[i];
    return NULL;
}

int registry_build(struct collection *collection, struct arena *arena, struct field_progress *ret,
                   struct reel_error *error) {
    const struct field_build build = {
        .store = collection->store,
        .records = collection_tables(collection)->records,
        .table = collection_tables(collection)->fields,
        .shape = &collection->shape,
        .fields = &collection->tracked,
        .arena = arena,
    };
    int rc = field_index_build(&build, &collection->progress, ret, error);
    return rc < 0 ? rc
                  : field_index_put(collection->store, collection->name, collection->state.set,
                                    &collection->tracked, ret, error);
}
