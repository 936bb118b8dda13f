/* view_changed.c: reads changes from a view (reel.h): the records of one collection, or of all, in
 * the order in which they were last changed, including deleted records.
 *
 * Each collection has its own index (index.h). For all collections, they are merged here by seq.
 * There are few collections, so the next entry is found by looking at all of them.
 */
#include "engine/store/index.h"
#include "engine/view/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One collection's changes. */
struct source {
    const struct collection *collection;
    const struct table_set *tables;
    uint32_t field_count; /* of its records in this view */
    struct index_walk walk;
    struct index_entry entry;
    bool more; /* `entry` is yet to be given */
};

struct changed_walk {
    struct reel_view *view;
    struct source *sources; /* in the order of names, which settles what one event changed */
    size_t count;
};

/* ---- Merging --------------------------------------------------------------------------------- */

static int advance(struct source *source) {
    int rc = index_next(&source->walk, &source->entry);
    source->more = rc > 0;
    return rc < 0 ? rc : 0;
}

static struct source *pick_next(const struct changed_walk *walk) {
    struct source *next = NULL;
    for (size_t i = 0; i < walk->count; i++) {
        struct source *source = &walk->sources[i];
        if (source->more && (!next || source->entry.seq < next->entry.seq)) next = source;
    }
    return next;
}

/* The record of an entry, and how it is stored: 1; 0: what the index says does not count, because
 * the record does not agree. */
static int read_row(const struct reel_view *view, const struct table_set *tables,
                    uint32_t field_count, const struct index_entry *entry, struct reel_row *ret,
                    struct reel_str *ret_stored) {
    struct store *store = view->views->store;
    struct reel_str stored;
    uint64_t seq;
    *ret = (struct reel_row){.key = entry->key, .changed = entry->seq};
    int rc = table_get(store, &view->at, tables->records, entry->key, &stored, NULL);
    if (rc < 0 && rc != -ENOENT) return rc;
    if (entry->deleted != (rc == -ENOENT)) return 0;
    if (entry->deleted) return 1;
    if (record_json(field_count, stored, &seq, &ret->json) < 0)
        return store_fail(store, MDB_CORRUPTED, "cannot read a record", NULL);
    *ret_stored = stored;
    return seq == entry->seq;
}

static int give_entry(const struct reel_view *view, const struct source *source, reel_changed_fn fn,
                      void *context) {
    struct reel_row row;
    const struct reel_changed_row changed = {.collection = source->collection->name, .row = &row};
    struct reel_str stored;
    int rc = read_row(view, source->tables, source->field_count, &source->entry, &row, &stored);
    return rc > 0 ? fn(context, &changed) : rc;
}

static int give_all(const struct changed_walk *walk, reel_changed_fn fn, void *context) {
    struct source *source;
    for (size_t row = 0; (source = pick_next(walk)); row++) {
        if (view_is_late(walk->view, row)) return -ETIME;
        int rc = give_entry(walk->view, source, fn, context);
        if (rc == 0) rc = advance(source);
        if (rc != 0) return rc;
    }
    return 0;
}

/* ---- The walk -------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
    const struct source *left = a, *right = b;
    return strcmp(left->collection->name, right->collection->name);
}

/* The collections that the view serves, in the order of names. */
static int find_sources(struct changed_walk *walk) {
    const struct registry *registry = walk->view->views->registry;
    walk->sources = calloc(registry->count + 1, sizeof *walk->sources);
    if (!walk->sources) return -ENOMEM;
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection;
        const struct collection_state *state;
        int rc = view_collection(walk->view, registry->collections[i]->name, &collection, &state);
        if (rc == -ENOENT || (rc == 0 && !view_serves(walk->view, collection, state))) continue;
        if (rc < 0) return rc;
        walk->sources[walk->count++] = (struct source){
            .collection = collection,
            .tables = collection_tables_at(collection, state),
            .field_count = state->field_count,
        };
    }
    qsort(walk->sources, walk->count, sizeof *walk->sources, compare_names);
    return 0;
}

static int start_sources(struct changed_walk *walk, uint64_t since) {
    for (size_t i = 0; i < walk->count; i++) {
        struct source *source = &walk->sources[i];
        const struct collection *collection = source->collection;
        int rc = index_walk_start(&source->walk, collection->store, &walk->view->at,
                                  source->tables->index, since, (struct reel_str){NULL, 0}, NULL);
        if (rc == 0) rc = advance(source);
        if (rc < 0) return rc;
    }
    return 0;
}

int reel_view_changed(struct reel_view *view, uint64_t since, reel_changed_fn fn, void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct changed_walk walk = {.view = within};
    rc = find_sources(&walk);
    if (rc == 0) rc = start_sources(&walk, since);
    if (rc == 0) rc = give_all(&walk, fn, context);
    for (size_t i = 0; i < walk.count; i++) index_walk_finish(&walk.sources[i].walk);
    free(walk.sources);
    return rc;
}

/* ---- One collection -------------------------------------------------------------------------- */

/* Gives the change; without JSON if the record does not fulfil the conditions. */
static int give_change(struct query *query, const struct index_entry *entry) {
    struct reel_row row;
    struct reel_str stored;
    int rc = read_row(query->view, query->tables, query->field_count, entry, &row, &stored);
    if (rc > 0 && row.json.data && query->criteria.count > 0) {
        rc = query_fits(query, stored, &row.changed);
        if (rc == 0) row.json = (struct reel_str){NULL, 0};
        rc = rc < 0 ? rc : 1;
    }
    return rc > 0 ? query->fn(query->context, &row) : rc;
}

static int give_changes(struct query *query, struct index_walk *walk) {
    struct index_entry entry;
    int rc;
    for (size_t n = 0; (rc = index_next(walk, &entry)) > 0; n++) {
        if (view_is_late(query->view, n)) return fail(query->error, -ETIME, "too late");
        rc = give_change(query, &entry);
        if (rc != 0) return rc;
    }
    return rc;
}

static int walk_changes(struct query *query, uint64_t since) {
    const struct collection *collection = query->collection;
    struct index_walk walk;
    int rc = index_walk_start(&walk, collection->store, &query->view->at, query->tables->index,
                              since, query->asked.after, query->error);
    if (rc == 0) rc = give_changes(query, &walk);
    index_walk_finish(&walk);
    return rc;
}

int reel_view_changes(struct reel_view *view, const struct reel_query *given, uint64_t since,
                      reel_row_fn fn, void *context, struct reel_error *error) {
    AUTO_FREE struct query *query = malloc(sizeof *query);
    if (!query) return fail_memory(error);
    ENTERED within = NULL;
    int rc = query_start(query, view, given, &within, error);
    query->fn = fn;
    query->context = context;
    if (rc == 0) rc = walk_changes(query, since);
    query_finish(query);
    return rc;
}
