/* view_records.c: what a view gives of records (reel.h): one, or a collection in key order. */
#include "engine/view/view.h"

#include "engine/store/table.h"

#include <errno.h>

/* A record of the view's collection. Records of before (view.h) may have other fields. */
static int give_row(const struct reel_view *view, struct reel_str key, struct reel_str stored,
                    reel_row_fn fn, void *context) {
    struct reel_row row = {.key = key};
    uint32_t field_count = view->collection_state.field_count;
    if (record_json(field_count, stored, &row.changed, &row.json) < 0)
        return store_fail(view->views->store, MDB_CORRUPTED, "cannot read a record", NULL);
    return fn(context, &row);
}

int reel_view_get(struct reel_view *view, const char *name, struct reel_str key, reel_row_fn fn,
                  void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    struct reel_str stored;
    const struct table_set *tables;
    rc = view_served(within, name, &collection, &tables);
    if (rc == 0)
        rc = table_get(collection->store, &within->at, tables->records, key, &stored, NULL);
    return rc < 0 ? rc : give_row(within, key, stored, fn, context);
}

static int list_rows(struct reel_view *view, struct table_walk *walk, struct reel_str from,
                     bool after, reel_row_fn fn, void *context) {
    struct overlay_row row;
    int rc = table_seek(walk, from, after ? SEEK_ABOVE : SEEK_AT_OR_ABOVE, &row);
    for (size_t n = 0; rc > 0; n++) {
        if (view_is_late(view, n)) return -ETIME;
        rc = give_row(view, row.key, row.value, fn, context);
        if (rc != 0) return rc;
        rc = table_next(walk, &row);
    }
    return rc;
}

int reel_view_list(struct reel_view *view, const char *name, struct reel_str from, bool after,
                   reel_row_fn fn, void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct collection *collection;
    struct table_walk walk;
    const struct table_set *tables;
    rc = view_served(within, name, &collection, &tables);
    if (rc < 0) return rc;
    table_walk_start(&walk, collection->store, &within->at, tables->records, NULL);
    rc = list_rows(within, &walk, from, after && from.data, fn, context);
    table_walk_finish(&walk);
    return rc;
}
