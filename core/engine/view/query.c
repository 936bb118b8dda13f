/* query.c: see query.h. */
#include "engine/view/query.h"

#include <errno.h>
#include <stdlib.h>

/* Most scans at a time. */
#define SCANS_MAX 2

/* ---- Beginning and ending -------------------------------------------------------------------- */

static int find_collection(struct query *query, const char *name) {
    const struct collection_state *state;
    struct collection *collection;
    struct reel_error *error = query->error;
    int rc = view_collection(query->view, name, &collection, &state);
    if (rc == -ESRCH) return fail(error, rc, "no collection `%s` is loaded", name);
    if (rc == -ENOENT || (rc == 0 && !view_serves(query->view, collection, state)))
        return fail(error, -EAGAIN, "collection `%s` is being built", name);
    if (rc < 0) return fail(error, rc, "cannot read the collection");
    query->collection = collection;
    query->tables = collection_tables_at(collection, state);
    query->set = state->set;
    query->records = state->records;
    query->field_count = state->field_count;
    query->has_other_fields =
        query->view == query->view->views->before && !registry_has_fields(collection, state);
    return 0;
}

int query_check_fields(const struct query *query) {
    if (!query->has_other_fields) return 0;
    return fail(query->error, -ETIME, "these records are of before, and have other fields");
}

static int read_criteria(struct query *query) {
    int rc =
        criteria_read(query->collection, query->asked.conditions, &query->criteria, query->error);
    bool needs_fields = query->criteria.count > 0 || query->asked.order;
    return rc == 0 && needs_fields ? query_check_fields(query) : rc;
}

int query_find_indexes(struct query *query) {
    struct field_progress progress = {0};
    struct tracked_fields tracked;
    const struct collection *collection = query->collection;
    int rc = field_index_get(collection->store, &query->view->at, collection->name, query->set,
                             &tracked, &progress);
    query->is_built =
        rc == 0 && progress.is_built && tracked_fields_are_same(&tracked, &collection->tracked);
    field_progress_finish(&progress);
    return rc < 0 && rc != -ENOENT ? fail(query->error, rc, "cannot read what is indexed") : 0;
}

const struct tracked_field *query_field(const struct query *query, uint32_t at, uint8_t flag) {
    const struct tracked_field *field = tracked_fields_find(&query->collection->tracked, at);
    return query->is_built && field && field->flags & flag ? field : NULL;
}

/* A plugin's struct may be shorter or longer than this host's. */
static int copy(const struct reel_query *given, struct reel_query *ret, struct reel_error *error) {
    size_t size = given->struct_size < sizeof *ret ? given->struct_size : sizeof *ret;
    memcpy(ret, given, size);
    const uint32_t known = REEL_QUERY_DESCENDING | REEL_QUERY_FROM | REEL_QUERY_OTHERS;
    if (ret->order && ret->flags & REEL_QUERY_OTHERS)
        return fail(error, -EINVAL, "other records are not in the order of a field");
    if ((ret->flags & ~known) == 0 && ret->collection) return 0;
    return fail(error, -EINVAL, "the query has unknown flags, or no collection");
}

int query_start(struct query *query, struct reel_view *view, const struct reel_query *given,
                struct reel_view **ret_within, struct reel_error *error) {
    *query = (struct query){.error = error};
    struct reel_query *asked = &query->asked;
    int rc = copy(given, asked, error);
    if (rc == 0) rc = view_enter(view, ret_within);
    query->view = *ret_within;
    if (rc == 0) rc = find_collection(query, asked->collection);
    return rc < 0 ? rc : read_criteria(query);
}

void query_finish(struct query *query) {
    if (query->is_scan) atomic_fetch_sub(query->view->views->scans, 1);
    criteria_finish(&query->criteria);
    arena_finish(&query->arena);
    text_finish(&query->last_value);
    text_finish(&query->last_key);
}

/* ---- Scans ----------------------------------------------------------------------------------- */

/* The field that should be indexed. */
static int refuse_scan(const struct query *query) {
    const struct criteria *criteria = &query->criteria;
    const char *name = "";
    for (size_t i = 0; i < criteria->count; i++)
        if (!name[0] || !query_field(query, criteria->list[i].at, FIELD_INDEXED))
            name = criteria->list[i].field->name;
    return fail(query->error, -E2BIG,
                "`%s` has %llu records, and this would look at more than %llu of them: an index on "
                "field `%s` is needed",
                query->collection->name, (unsigned long long)query->records,
                (unsigned long long)query->asked.scan_records_max, name);
}

/* A view that goes on with its scan is not refused: it has begun its answer. */
int query_admit_scan(struct query *query, uint64_t records) {
    struct views *views = query->view->views;
    uint64_t max = query->asked.scan_records_max;
    if (max == 0 || query->is_scan) return 0;
    if (records > max) return refuse_scan(query);
    unsigned others = atomic_fetch_add(views->scans, 1);
    query->is_scan = true;
    if (others >= SCANS_MAX && !query->view->has_scanned)
        return fail(query->error, -EBUSY,
                    "%u queries are looking at all records, which is the limit", SCANS_MAX);
    query->view->has_scanned = true;
    return 0;
}

/* The same for what is found by an index, of which other conditions leave less. */
static int admit_rest(struct query *query, const struct spans *spans) {
    uint64_t max = query->asked.scan_records_max, count = query->records;
    int rc = 0;
    if (max > 0 && count > max && spans) rc = spans_count(query, spans, max + 1, &count);
    return rc < 0 ? rc : query_admit_scan(query, count);
}

/* ---- Choosing -------------------------------------------------------------------------------- */

int query_choose(struct query *query, const struct criterion *except, struct spans *ret,
                 size_t *ret_count) {
    bool found = false;
    for (size_t i = 0; i < query->criteria.count; i++) {
        const struct criterion *criterion = &query->criteria.list[i];
        const struct tracked_field *field = query_field(query, criterion->at, FIELD_INDEXED);
        struct spans spans;
        uint64_t count = 0;
        if (!field || criterion == except) continue;
        int rc = spans_make(query, field, criterion, &spans);
        if (rc == 0) rc = spans_count(query, &spans, GATHERED_MAX + 1, &count);
        if (rc < 0) return rc;
        if (found && count >= *ret_count) continue;
        *ret = spans;
        *ret_count = (size_t)count;
        found = true;
    }
    return found;
}

/* One criterion that is all that is asked, and whose entries are in the order of keys. */
static int find_simple(struct query *query, struct spans *ret) {
    const struct criterion *only = query->criteria.list;
    if (query->criteria.count != 1 || (!only->is_equal && !only->wants_null)) return 0;
    const struct tracked_field *field = query_field(query, only->at, FIELD_INDEXED);
    if (!field) return 0;
    int rc = spans_make(query, field, only, ret);
    if (rc < 0) return rc;
    query->is_fulfilled = ret->is_exact;
    return 1;
}

static int run_in_key_order(struct query *query) {
    struct spans spans;
    size_t count = 0;
    int rc = 0;
    if (query->criteria.count == 0 || query->asked.flags & REEL_QUERY_OTHERS)
        return query_by_key(query);
    rc = find_simple(query, &spans);
    if (rc > 0) return query_merged(query, &spans);
    if (rc == 0) rc = query_choose(query, NULL, &spans, &count);
    if (rc < 0) return rc;
    bool found = rc > 0;
    if (found && count <= GATHERED_MAX) return query_gathered(query, &spans);
    bool by_value = found && (spans.criterion->is_equal || spans.criterion->wants_null);
    rc = admit_rest(query, by_value ? &spans : NULL);
    if (rc < 0) return rc;
    return by_value ? query_merged(query, &spans) : query_by_key(query);
}

static int walk_in_order(struct query *query, const struct spans *own) {
    return query->order ? query_in_order(query, own) : query_by_change(query);
}

/* The first records of an order that fulfil the conditions may be far away. But if they are many,
 * they cannot be gathered, and are not far away. */
static int walk_or_gather(struct query *query, const struct spans *own) {
    uint64_t max = query->asked.scan_records_max;
    query->looked_max = max == 0 || query->records <= max ? query->looked + WALKED_MAX : 0;
    int rc = walk_in_order(query, own);
    if (rc != QUERY_TIRED) return rc;
    query->looked_max = 0;
    rc = query_gathered(query, NULL);
    return rc == -E2BIG ? walk_in_order(query, own) : rc;
}

static int run_in_order(struct query *query) {
    struct spans own = {0}, other;
    uint64_t own_count = UINT64_MAX;
    size_t count = 0;
    int rc = 0;
    if (query->order) {
        rc = spans_make(query, query->order, criteria_find(&query->criteria, query->order->at),
                        &own);
        if (rc < 0) return rc;
    }
    bool is_simple = query->criteria.count == (own.criterion ? 1 : 0);
    query->is_fulfilled = is_simple && own.criterion && own.is_exact;
    if (!is_simple && own.criterion) rc = spans_count(query, &own, GATHERED_MAX + 1, &own_count);
    if (rc == 0 && !is_simple && own_count > GATHERED_MAX) {
        rc = query_choose(query, own.criterion, &other, &count);
        if (rc > 0 && count <= GATHERED_MAX) return query_gathered(query, &other);
        if (rc >= 0) rc = admit_rest(query, own.criterion ? &own : NULL);
    }
    if (rc < 0) return rc;
    return is_simple ? walk_in_order(query, &own) : walk_or_gather(query, &own);
}

/* ---- Records --------------------------------------------------------------------------------- */

static int read_order(struct query *query) {
    const char *name = query->asked.order;
    const struct collection *collection = query->collection;
    query->is_descending = name && query->asked.flags & REEL_QUERY_DESCENDING;
    if (!name) return 0;
    int at = projector_field(collection->projector, name);
    if (at < 0 && strcmp(name, "changed") == 0) {
        query->by_change = true;
        return 0;
    }
    if (at < 0)
        return fail(query->error, -EINVAL, "`%s` has no field `%s`", collection->name, name);
    const struct tracked_field *field = tracked_fields_find(&collection->tracked, (uint32_t)at);
    if (!field || !(field->flags & FIELD_INDEXED))
        return fail(query->error, -EINVAL, "field `%s` is not indexed: it has no order", name);
    if (!query->is_built)
        return fail(query->error, -EAGAIN, "the index of field `%s` is being built", name);
    query->order = field;
    return 0;
}

static int read_after(struct query *query) {
    const struct reel_query *asked = &query->asked;
    query->has_after = asked->after.data != NULL;
    query->at_after = asked->flags & REEL_QUERY_FROM;
    query->after.key = asked->after;
    if (!query->has_after || !asked->order) return 0;
    query->at_after = false;
    return query_read_token(query);
}

static int give(struct query *query, const struct reel_row *row, const struct place *place) {
    if (query->asked.limit > 0 && query->given == query->asked.limit) {
        query->more = true;
        return QUERY_ENOUGH;
    }
    int rc = query->fn(query->context, row);
    query->given++;
    if (rc == 0 && query->given != query->asked.limit) return 0;
    query->has_last = true;
    query->last_value.len = query->last_key.len = 0;
    text_append_str(&query->last_value, place->value.bytes);
    text_append_str(&query->last_key, row->key);
    if (query->last_value.failed || query->last_key.failed) return -ENOMEM;
    return rc;
}

static int run(struct query *query) {
    bool may_use_index = query->asked.order || query->criteria.count > 0;
    int rc = may_use_index ? query_find_indexes(query) : 0;
    if (rc == 0) rc = read_order(query);
    if (rc == 0) rc = read_after(query);
    if (rc < 0) return rc;
    query->take = give;
    rc = query->order || query->by_change ? run_in_order(query) : run_in_key_order(query);
    return rc == QUERY_ENOUGH ? 0 : rc;
}

int reel_view_query(struct reel_view *view, const struct reel_query *given, reel_row_fn fn,
                    void *context, struct reel_page *ret, struct reel_error *error) {
    AUTO_FREE struct query *query = malloc(sizeof *query);
    if (!query) return fail_memory(error);
    ENTERED within = NULL;
    int rc = query_start(query, view, given, &within, error);
    query->fn = fn;
    query->context = context;
    if (rc == 0) rc = run(query);
    if (rc >= 0 && ret) {
        ret->more = query->more;
        ret->next[0] = '\0';
        if (query->has_last && (query->order || query->by_change))
            query_write_token(query, ret->next);
    }
    query_finish(query);
    return rc;
}
