/* view_records.c: what a view gives of records (reel.h): one, or a collection in key order. */
#include "engine/view/view.h"

#include "engine/store/keys.h"

#include <errno.h>

/* The collection, if it has caught up. */
static int served_collection(struct reel_view *view, const char *name, struct collection **ret) {
    const struct collection_state *state;
    int rc = view_collection(view, name, ret, &state);
    if (rc < 0) return rc == -ENOENT ? -EAGAIN : rc;
    return view_serves(view, state) ? 0 : -EAGAIN;
}

static int give_row(const struct collection *collection, struct reel_str key,
                    struct reel_str stored, reel_row_fn fn, void *context) {
    struct reel_row row = {.key = key};
    if (record_json(&collection->shape, stored, &row.changed, &row.json) < 0)
        return store_fail(collection->store, MDB_CORRUPTED, "cannot read a record", NULL);
    return fn(context, &row);
}

int reel_view_get(struct reel_view *view, const char *name, struct reel_str key, reel_row_fn fn,
                  void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    struct reel_str stored;
    rc = served_collection(within, name, &collection);
    if (rc == 0) rc = keys_get(collection->store, within->txn, collection->dbi, key, &stored, NULL);
    return rc < 0 ? rc : give_row(collection, key, stored, fn, context);
}

static int list_rows(struct reel_view *view, struct collection *collection, struct keys_walk *walk,
                     reel_row_fn fn, void *context) {
    struct reel_str key, stored;
    int rc;
    for (size_t row = 0; (rc = keys_next(walk, &key, &stored, NULL)) > 0; row++) {
        if (view_is_late(view, row)) return -ETIME;
        rc = give_row(collection, key, stored, fn, context);
        if (rc != 0) return rc;
    }
    return rc;
}

int reel_view_list(struct reel_view *view, const char *name, struct reel_str from, bool after,
                   reel_row_fn fn, void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    struct keys_walk walk;
    rc = served_collection(within, name, &collection);
    if (rc < 0) return rc;
    rc = keys_walk_start(&walk, collection->store, within->txn, collection->dbi, from, after, NULL);
    if (rc == 0) rc = list_rows(within, collection, &walk, fn, context);
    keys_walk_finish(&walk);
    return rc;
}
