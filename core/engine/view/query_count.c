/* query_count.c: how many records fulfil a query's conditions, and how many of them have each value
 * of a field (query.h).
 *
 * The table of fields knows how many records have each value of a field of few values. Entries of
 * an index are counted without looking at their records, where they say all. Otherwise the records
 * are looked at.
 */
#include "engine/view/query.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

struct groups {
    struct arena arena;
    uint32_t at; /* the field */
    struct field_form form;
    struct reel_group *list; /* by value; null is the last */
    size_t count;
    uint64_t nulls, sum;
};

/* Entries with the same value follow each other. */
struct run {
    struct text value; /* encoded; of one that is cut, with the hash */
    struct text key;   /* of its first record */
    uint64_t records;
};

/* Of how the query reached it; `take` has only the query. */
struct counting {
    struct query query;    /* first */
    struct groups *groups; /* or NULL */
    uint64_t count;
    const struct tracked_field *field; /* whose rows are counted */
    struct run run;
};

/* ---- Groups ---------------------------------------------------------------------------------- */

static int add(struct counting *counting, struct reel_str value, uint64_t records) {
    struct groups *groups = counting->groups;
    size_t low = 0, high = groups->count;
    if (records == 0) return 0;
    if (!value.data) {
        groups->nulls += records;
        return 0;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(groups->list[middle].value, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < groups->count && str_compare(groups->list[low].value, value) == 0) {
        groups->list[low].records += records;
        return 0;
    }
    if (groups->count == REEL_GROUPS_MAX)
        return fail(counting->query.error, -E2BIG, "the field has more than %d values",
                    REEL_GROUPS_MAX);
    struct reel_str own = {arena_copy(&groups->arena, value.data, value.len), value.len};
    if (!own.data) return fail_memory(counting->query.error);
    memmove(groups->list + low + 1, groups->list + low,
            (groups->count++ - low) * sizeof *groups->list);
    groups->list[low] = (struct reel_group){own, records};
    return 0;
}

/* The value of a record by which it is grouped. */
static int add_json(struct counting *counting, struct reel_str json, uint64_t records) {
    struct arena *arena = &counting->query.arena;
    struct reel_str value;
    int rc = field_value_of_json(counting->groups->form, json, arena, &value);
    if (rc < 0) return fail(counting->query.error, rc, "cannot read a field");
    return add(counting, value, records);
}

static int take(struct query *query, const struct reel_row *row, const struct place *place) {
    struct counting *counting = (struct counting *)query;
    (void)row;
    (void)place;
    counting->count++;
    return counting->groups ? add_json(counting, query->values[counting->groups->at], 1) : 0;
}

/* ---- Rows of a field ------------------------------------------------------------------------- */

/* Those of one kind. */
static int walk_rows(struct counting *counting, const struct tracked_field *field, uint8_t kind,
                     int (*fn)(struct counting *counting, const struct overlay_row *row)) {
    struct query *query = &counting->query;
    const struct collection *collection = query->collection;
    const char begin[] = {(char)kind, (char)field->at};
    struct table_walk walk;
    struct overlay_row row;
    counting->field = field;
    table_walk_start(&walk, collection->store, &query->view->at, query->tables->fields,
                     query->error);
    int rc = table_seek(&walk, (struct reel_str){begin, sizeof begin}, SEEK_AT_OR_ABOVE, &row);
    while (rc > 0 && row.key.len >= sizeof begin &&
           memcmp(row.key.data, begin, sizeof begin) == 0) {
        rc = fn(counting, &row);
        if (rc == 0) rc = table_next(&walk, &row);
    }
    table_walk_finish(&walk);
    return rc < 0 ? rc : 0;
}

/* ---- Counts of values ------------------------------------------------------------------------ */

/* If it fulfils the criterion, of which there is at most one. */
static int add_tally(struct counting *counting, const struct overlay_row *row) {
    struct query *query = &counting->query;
    struct reel_str value, json = {row->key.data + 2, row->key.len - 2};
    uint64_t records = 0;
    memcpy(&records, row->value.data, row->value.len < 8 ? row->value.len : sizeof records);
    arena_reset(&query->arena);
    int rc = field_value_of_json(tracked_form(counting->field), json, &query->arena, &value);
    if (rc < 0) return fail(query->error, rc, "cannot read a field");
    if (query->criteria.count > 0 && !criterion_holds(query->criteria.list, value)) return 0;
    counting->count += records;
    return counting->groups ? add_json(counting, json, records) : 0;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static int end_run(struct counting *counting) {
    struct query *query = &counting->query;
    const struct tracked_field *field = counting->field;
    const struct run *run = &counting->run;
    const struct collection *collection = query->collection;
    struct field_encoded encoded = field_value_split(tracked_form(field), text_str(&run->value));
    struct reel_str value = {NULL, 0}, stored;
    uint64_t changed;
    int rc = 0;
    if (run->records == 0) return 0;
    counting->count += run->records;
    arena_reset(&query->arena);
    if (encoded.is_null) return add(counting, value, run->records);
    if (!encoded.is_cut) {
        rc = field_value_decode(tracked_form(field), encoded, &query->arena, &value);
        return rc < 0 ? fail_memory(query->error) : add(counting, value, run->records);
    }
    rc = table_get(collection->store, &query->view->at, query->tables->records, text_str(&run->key),
                   &stored, query->error);
    if (rc == 0 && record_read(&collection->shape, stored, &changed, query->values) < 0)
        rc = -EBADMSG;
    return rc < 0 ? fail(query->error, -EIO, "cannot read a record that is indexed")
                  : add_json(counting, query->values[field->at], run->records);
}

static int count_entry(struct counting *counting, const struct overlay_row *row) {
    struct run *run = &counting->run;
    struct field_encoded value;
    struct reel_str key;
    if (view_is_late(counting->query.view, counting->query.looked++))
        return fail(counting->query.error, -ETIME, "too late");
    if (!field_key_split(row->key, counting->field, &value, &key))
        return fail(counting->query.error, -EIO, "cannot read an index");
    if (run->records > 0 && reel_str_eq(value.bytes, text_str(&run->value))) {
        run->records++;
        return 0;
    }
    int rc = end_run(counting);
    run->value.len = run->key.len = 0;
    run->records = 1;
    text_append_str(&run->value, value.bytes);
    text_append_str(&run->key, key);
    if (rc == 0 && (run->value.failed || run->key.failed)) rc = fail_memory(counting->query.error);
    return rc;
}

/* All records, by an index of the field by which they are grouped. */
static int count_index(struct counting *counting, const struct tracked_field *field) {
    int rc = walk_rows(counting, field, FIELD_ENTRIES, count_entry);
    if (rc == 0) rc = end_run(counting);
    text_finish(&counting->run.value);
    text_finish(&counting->run.key);
    return rc;
}

/* ---- Choosing -------------------------------------------------------------------------------- */

/* To look up a record costs several times what it costs to come past it. */
#define LOOK_UP_COST 4

static int look_at_records(struct counting *counting) {
    struct query *query = &counting->query;
    struct spans spans;
    size_t count = 0;
    uint64_t entries = 0, worth = query->records / LOOK_UP_COST;
    int rc = query_choose(query, NULL, &spans, &count);
    if (rc < 0) return rc;
    if (rc > 0 && count <= GATHERED_MAX) return query_any_order(query, &spans);
    bool has_index = rc > 0;
    rc = query_admit_scan(query, query->records);
    if (rc == 0 && has_index) rc = spans_count(query, &spans, worth + 1, &entries);
    if (rc < 0) return rc;
    return has_index && entries <= worth ? query_any_order(query, &spans) : query_by_key(query);
}

static int count_one(struct counting *counting) {
    struct query *query = &counting->query;
    const struct criterion *only = query->criteria.list;
    struct spans spans;
    if (query->criteria.count == 0) {
        counting->count = query->records;
        return 0;
    }
    if (query->criteria.count > 1) return look_at_records(counting);
    const struct tracked_field *counted = query_field(query, only->at, FIELD_COUNTED);
    if (counted) return walk_rows(counting, counted, FIELD_TALLIES, add_tally);
    const struct tracked_field *index = query_field(query, only->at, FIELD_INDEXED);
    int rc = index ? spans_make(query, index, only, &spans) : 0;
    if (rc < 0) return rc;
    if (index && spans.is_exact) return spans_count(query, &spans, UINT64_MAX, &counting->count);
    return look_at_records(counting);
}

static int count_groups(struct counting *counting) {
    struct query *query = &counting->query;
    if (query->criteria.count > 0) return look_at_records(counting);
    uint32_t at = counting->groups->at;
    const struct tracked_field *counted = query_field(query, at, FIELD_COUNTED);
    if (counted) return walk_rows(counting, counted, FIELD_TALLIES, add_tally);
    const struct tracked_field *index = query_field(query, at, FIELD_INDEXED);
    if (index) return count_index(counting, index);
    int rc = query_admit_scan(query, query->records);
    return rc < 0 ? rc : query_by_key(query);
}

/* Only strings that ignore case are shown in lower case: other values are as they were declared. */
static int begin_groups(struct counting *counting, struct groups *groups, const char *name) {
    struct query *query = &counting->query;
    const struct collection *collection = query->collection;
    int at = projector_field(collection->projector, name);
    if (at < 0)
        return fail(query->error, -EINVAL, "`%s` has no field `%s`", collection->name, name);
    if (!tracked_fields_find(&collection->tracked, (uint32_t)at))
        return fail(query->error, -EINVAL,
                    "field `%s` is neither indexed, nor a bool, nor one of a few values", name);
    const struct reel_field *field = &collection->projector->fields[at];
    groups->at = (uint32_t)at;
    groups->form = field_form_of(field);
    if (field->kind != REEL_FIELD_STRING) groups->form.is_folded = false;
    groups->list = calloc(REEL_GROUPS_MAX, sizeof *groups->list);
    counting->groups = groups;
    return groups->list ? query_check_fields(query) : fail_memory(query->error);
}

static int give_groups(struct counting *counting, reel_group_fn fn, void *context) {
    struct groups *groups = counting->groups;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < groups->count; i++) {
        struct reel_group group = groups->list[i];
        rc = field_value_text(groups->form, group.value, &groups->arena, &group.value);
        if (rc < 0) return fail_memory(counting->query.error);
        rc = fn(context, &group);
    }
    if (rc == 0 && groups->nulls > 0)
        rc = fn(context, &(struct reel_group){.records = groups->nulls});
    return rc;
}

static int run_count(struct counting *counting, const char *group, reel_group_fn fn,
                     void *context) {
    struct groups groups = {0};
    counting->query.take = take;
    counting->query.needs_values = group;
    bool may_use_index = group || counting->query.criteria.count > 0;
    int rc = may_use_index ? query_find_indexes(&counting->query) : 0;
    if (rc < 0) return rc;
    if (!group) return count_one(counting);
    rc = begin_groups(counting, &groups, group);
    if (rc == 0) rc = count_groups(counting);
    if (rc == 0) rc = give_groups(counting, fn, context);
    arena_finish(&groups.arena);
    free(groups.list);
    return rc;
}

int reel_view_count(struct reel_view *view, const struct reel_query *given, const char *group,
                    reel_group_fn fn, void *context, uint64_t *ret, struct reel_error *error) {
    AUTO_FREE struct counting *counting = calloc(1, sizeof *counting);
    if (!counting) return fail_memory(error);
    ENTERED within = NULL;
    int rc = query_start(&counting->query, view, given, &within, error);
    if (rc == 0) rc = run_count(counting, group, fn, context);
    if (rc >= 0 && ret) *ret = counting->count;
    query_finish(&counting->query);
    return rc;
}
