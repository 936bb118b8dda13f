/* query_walk.c: the ways of a query (query.h). In this order: one record; spans; places; each way.
 */
#include "engine/view/query.h"

#include "base/invariant.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

/* What the entries of records in the order of changes begin with: index.h. */
#define CHANGES_BEGIN ((struct reel_str){"\x03", 1})

/* ---- One record ------------------------------------------------------------------------------ */

static int broken(struct query *query, const char *doing) {
    return store_fail(query->collection->store, MDB_CORRUPTED, doing, query->error);
}

/* Of what reads the value of a field. */
static int field_failed(struct query *query, int rc) {
    return rc == -EBADMSG ? broken(query, "cannot read a field") : fail_memory(query->error);
}

int query_fits(struct query *query, struct reel_str stored, uint64_t *ret_changed) {
    arena_reset(&query->arena);
    if (record_read(&query->collection->shape, stored, ret_changed, query->values) < 0)
        return broken(query, "cannot read a record");
    int rc = criteria_hold(&query->criteria, query->values, &query->arena);
    return rc < 0 ? field_failed(query, rc) : rc;
}

static bool copy_bytes(struct arena *arena, struct reel_str *str) {
    if (str->data) str->data = arena_copy(arena, str->data, str->len);
    return str->data || str->len == 0;
}

/* Of a place, what is not in this arena. */
static int copy_place(struct arena *arena, struct place *place) {
    bool good = copy_bytes(arena, &place->key) && copy_bytes(arena, &place->value.bytes) &&
                copy_bytes(arena, &place->whole);
    return good ? 0 : -ENOMEM;
}

/* Would the rest of the page cost more than a scan, if it is as the walk was so far? */
static bool is_tired(struct query *query) {
    uint64_t limit = query->asked.limit, given = query->given;
    if (query->looked_max == 0 || query->looked < query->looked_max) return false;
    query->looked_max += WALKED_MAX;
    if (limit == 0 || given == 0) return true;
    return (limit - given + 1) * query->looked / given > query->records / SCAN_GAIN;
}

/* The query can go on with this record. */
static int stop_at(struct query *query, const struct place *place) {
    query->after = *place;
    query->has_after = query->at_after = true;
    return copy_place(&query->criteria.arena, &query->after) < 0 ? fail_memory(query->error)
                                                                 : QUERY_TIRED;
}

/* Gives a record that fulfils the criteria; or any, without JSON if it does not. `place` NULL: the
 * order is that of keys. */
static int look_at(struct query *query, struct reel_str key, struct reel_str stored,
                   const struct place *place) {
    const struct place by_key = {.key = key};
    struct reel_row row = {.key = key};
    if (place && is_tired(query)) return stop_at(query, place);
    if (view_is_late(query->view, query->looked++)) return fail(query->error, -ETIME, "too late");
    bool fits = true;
    bool is_known = query->criteria.count == 0 || query->is_fulfilled;
    if (!is_known || query->needs_values) {
        int rc = query_fits(query, stored, &row.changed);
        if (rc < 0) return rc;
        fits = rc > 0;
    }
    if (!fits && !(query->asked.flags & REEL_QUERY_OTHERS)) return 0;
    if (fits && record_json(query->field_count, stored, &row.changed, &row.json) < 0)
        return broken(query, "cannot read a record");
    return query->take(query, &row, place ? place : &by_key);
}

static int find(struct query *query, struct reel_str key, struct reel_str *ret_stored) {
    const struct collection *collection = query->collection;
    int rc = table_get(collection->store, &query->view->at, query->tables->records, key, ret_stored,
                       query->error);
    return rc == -ENOENT ? broken(query, "cannot read a record that is indexed") : rc;
}

static int look_up(struct query *query, struct reel_str key, const struct place *place) {
    struct reel_str stored;
    int rc = find(query, key, &stored);
    return rc < 0 ? rc : look_at(query, key, stored, place);
}

/* ---- Spans ----------------------------------------------------------------------------------- */

static struct reel_str kept(struct query *query, const void *bytes, size_t len) {
    struct arena *arena = &query->criteria.arena;
    return (struct reel_str){arena_copy(arena, bytes, len), len};
}

/* The least bytes above all that begin with these. There are such: they begin with a small one. */
static struct reel_str beyond(struct query *query, struct reel_str bytes) {
    while (bytes.len > 0 && (unsigned char)bytes.data[bytes.len - 1] == 0xFF) bytes.len--;
    INVARIANT(bytes.len > 0);
    char *copy = arena_copy(&query->criteria.arena, bytes.data, bytes.len);
    if (copy) copy[bytes.len - 1] = (char)((unsigned char)copy[bytes.len - 1] + 1);
    return (struct reel_str){copy, bytes.len};
}

/* The key of an encoded value, and how much of it has an order. */
struct value_key {
    char bytes[2 + FIELD_ENCODED_MAX];
    size_t len, compared;
    bool is_cut;
};

static void make_value_key(const struct tracked_field *field, struct reel_str value,
                           struct value_key *ret) {
    ret->bytes[0] = FIELD_ENTRIES;
    ret->bytes[1] = (char)field->at;
    ret->len = 2 + field_value_encode(tracked_form(field), value, ret->bytes + 2);
    struct field_encoded split =
        field_value_split(tracked_form(field), (struct reel_str){ret->bytes + 2, ret->len - 2});
    ret->compared = 2 + split.compared;
    ret->is_cut = split.is_cut;
}

static struct reel_str rank_key(struct query *query, const struct tracked_field *field, int rank) {
    const char bytes[] = {FIELD_ENTRIES, (char)field->at, (char)rank};
    return kept(query, bytes, sizeof bytes);
}

static struct reel_str low_end(struct query *query, struct spans *spans) {
    const struct limit *low = &spans->criterion->low;
    struct value_key key;
    if (!low->is_set || low->beyond < 0) return rank_key(query, spans->field, FIELD_RANK_VALUE);
    if (low->beyond > 0) return rank_key(query, spans->field, FIELD_RANK_NULL);
    make_value_key(spans->field, low->value, &key);
    if (key.is_cut) spans->is_exact = false;
    struct reel_str bytes = {key.bytes, key.is_cut ? key.compared : key.len};
    return low->is_open && !key.is_cut ? beyond(query, bytes) : kept(query, bytes.data, bytes.len);
}

static struct reel_str high_end(struct query *query, struct spans *spans) {
    const struct limit *high = &spans->criterion->high;
    struct value_key key;
    if (!high->is_set || high->beyond > 0) return rank_key(query, spans->field, FIELD_RANK_NULL);
    if (high->beyond < 0) return rank_key(query, spans->field, FIELD_RANK_VALUE);
    make_value_key(spans->field, high->value, &key);
    if (key.is_cut) spans->is_exact = false;
    struct reel_str bytes = {key.bytes, key.is_cut ? key.compared : key.len};
    return high->is_open && !key.is_cut ? kept(query, bytes.data, bytes.len) : beyond(query, bytes);
}

static struct span value_span(struct query *query, struct spans *spans, struct reel_str value) {
    struct value_key key;
    make_value_key(spans->field, value, &key);
    if (key.is_cut) spans->is_exact = false;
    struct reel_str bytes = {key.bytes, key.len};
    return (struct span){kept(query, bytes.data, bytes.len), beyond(query, bytes)};
}

int spans_make(struct query *query, const struct tracked_field *field,
               const struct criterion *criterion, struct spans *ret) {
    static const struct criterion everything = {0};
    struct spans spans = {.field = field, .criterion = criterion, .is_exact = true};
    if (!criterion) spans.criterion = &everything;
    const struct criterion *wanted = spans.criterion;
    size_t room = wanted->is_equal ? wanted->value_count : 1;
    spans.list = arena_alloc(&query->criteria.arena, (room + 1) * sizeof *spans.list);
    if (!spans.list) return fail_memory(query->error);
    for (size_t i = 0; wanted->is_equal && i < room; i++)
        spans.list[spans.count++] = value_span(query, &spans, wanted->values[i]);
    if (!wanted->is_equal && !wanted->wants_null)
        spans.list[spans.count++] = (struct span){low_end(query, &spans), high_end(query, &spans)};
    spans.has_nulls =
        !wanted->is_equal && !wanted->wants_set && !wanted->low.is_set && !wanted->high.is_set;
    spans.nulls = (struct span){rank_key(query, field, FIELD_RANK_NULL),
                                rank_key(query, field, FIELD_RANK_NULL + 1)};
    int said = wanted->is_equal + wanted->wants_null + wanted->wants_set +
               (wanted->low.is_set || wanted->high.is_set);
    if (said > 1) spans.is_exact = false; /* `is_equal` and a range, say */
    spans.criterion = criterion;
    for (size_t i = 0; i < spans.count; i++)
        if (!spans.list[i].from.data || !spans.list[i].to.data) return fail_memory(query->error);
    if (!spans.nulls.from.data || !spans.nulls.to.data) return fail_memory(query->error);
    *ret = spans;
    return 0;
}

static void start_walk(struct query *query, struct table_walk *walk, size_t table) {
    table_walk_start(walk, query->collection->store, &query->view->at, table, query->error);
}

static bool is_within(struct reel_str key, const struct span *span) {
    return str_compare(key, span->to) < 0;
}

static int count_span(struct query *query, struct table_walk *walk, const struct span *span,
                      uint64_t max, uint64_t *count) {
    struct overlay_row row;
    int rc = table_seek(walk, span->from, SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0 && *count < max && is_within(row.key, span); rc = table_next(walk, &row)) {
        ++*count;
        if (view_is_late(query->view, (size_t)*count))
            return fail(query->error, -ETIME, "too late");
    }
    return rc < 0 ? rc : 0;
}

int spans_count(struct query *query, const struct spans *spans, uint64_t max, uint64_t *ret) {
    struct table_walk walk;
    int rc = 0;
    *ret = 0;
    start_walk(query, &walk, query->tables->fields);
    for (size_t i = 0; rc == 0 && i < spans->count; i++)
        rc = count_span(query, &walk, &spans->list[i], max, ret);
    if (rc == 0 && spans->has_nulls) rc = count_span(query, &walk, &spans->nulls, max, ret);
    table_walk_finish(&walk);
    return rc;
}

/* The record's key in an entry's. */
static struct reel_str key_in_entry(const struct tracked_field *field, struct reel_str bytes) {
    struct field_encoded value;
    struct reel_str key = {NULL, 0};
    return field_key_split(bytes, field, &value, &key) ? key : (struct reel_str){NULL, 0};
}

/* Is given the key of an entry's record. The walk goes on while it returns 0. */
typedef int (*entry_fn)(void *context, struct reel_str key);

static int walk_entries_in(struct query *query, struct table_walk *walk,
                           const struct tracked_field *field, const struct span *span, entry_fn fn,
                           void *context) {
    struct overlay_row row;
    int rc = 0, more = table_seek(walk, span->from, SEEK_AT_OR_ABOVE, &row);
    while (rc == 0 && more > 0 && is_within(row.key, span)) {
        struct reel_str key = key_in_entry(field, row.key);
        rc = key.data ? fn(context, key) : broken(query, "cannot read an index");
        if (rc == 0) more = table_next(walk, &row);
    }
    return rc != 0 ? rc : more < 0 ? more : 0;
}

static int walk_entries(struct query *query, const struct spans *spans, entry_fn fn,
                        void *context) {
    struct table_walk walk;
    int rc = 0;
    start_walk(query, &walk, query->tables->fields);
    for (size_t i = 0; rc == 0 && i < spans->count; i++)
        rc = walk_entries_in(query, &walk, spans->field, &spans->list[i], fn, context);
    if (rc == 0 && spans->has_nulls)
        rc = walk_entries_in(query, &walk, spans->field, &spans->nulls, fn, context);
    table_walk_finish(&walk);
    return rc;
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* As entries stand in the table: nulls are last both ways, which the ranks do not say. */
static int compare_values(const struct query *query, const struct place *a, const struct place *b) {
    if (a->value.is_null || b->value.is_null) return a->value.is_null - b->value.is_null;
    struct reel_str left = {a->value.bytes.data, a->value.compared},
                    right = {b->value.bytes.data, b->value.compared};
    int order = str_compare(left, right);
    if (order == 0 && a->value.is_cut && b->value.is_cut && a->whole.data && b->whole.data)
        order = str_compare(a->whole, b->whole);
    return query->is_descending ? -order : order;
}

static int compare_places(const void *a, const void *b, void *context) {
    const struct place *left = a, *right = b;
    int order = compare_values(context, left, right);
    return order != 0 ? order : str_compare(left->key, right->key);
}

/* Is it where the query goes on, or behind? Of a string that is cut and not known any more, all
 * that begin alike are. */
static bool is_after(struct query *query, const struct place *place) {
    const struct place *after = &query->after;
    if (!query->has_after) return true;
    int order = compare_values(query, place, after);
    if (order != 0) return order > 0;
    if (after->value.is_cut && !after->whole.data) return true;
    order = str_compare(place->key, after->key);
    return query->at_after ? order >= 0 : order > 0;
}

static int place_by_change(uint64_t changed, struct arena *arena, struct place *ret) {
    uint64_t word = htobe64(changed);
    struct reel_str bytes = {arena_copy(arena, &word, sizeof word), sizeof word};
    if (!bytes.data) return -ENOMEM;
    ret->value = (struct field_encoded){.bytes = bytes, .compared = sizeof word};
    return 0;
}

/* Of a record whose values were read. */
static int make_place(struct query *query, struct reel_str key, uint64_t changed,
                      struct arena *arena, struct place *ret) {
    char encoded[FIELD_ENCODED_MAX];
    struct reel_str value;
    *ret = (struct place){.key = {arena_copy(arena, key.data, key.len), key.len}};
    if (!ret->key.data) return -ENOMEM;
    if (query->by_change) return place_by_change(changed, arena, ret);
    if (!query->order) return 0;
    struct field_form form = tracked_form(query->order);
    int rc = field_value_of_json(form, query->values[query->order->at], arena, &value);
    if (rc < 0) return rc;
    size_t len = field_value_encode(form, value, encoded);
    char *copy = arena_copy(arena, encoded, len);
    if (!copy) return -ENOMEM;
    ret->value = field_value_split(form, (struct reel_str){copy, len});
    if (!ret->value.is_cut) return 0;
    ret->whole = (struct reel_str){arena_copy(arena, value.data, value.len), value.len};
    return ret->whole.data ? 0 : -ENOMEM;
}

/* ---- By key ---------------------------------------------------------------------------------- */

static enum seek seek_after(const struct query *query) {
    return query->has_after && !query->at_after ? SEEK_ABOVE : SEEK_AT_OR_ABOVE;
}

static int walk_keys(struct query *query, struct reel_str from, enum seek how) {
    struct table_walk walk;
    struct overlay_row row;
    start_walk(query, &walk, query->tables->records);
    int rc = table_seek(&walk, from, how, &row);
    while (rc > 0) {
        rc = look_at(query, row.key, row.value, NULL);
        if (rc != 0) break;
        rc = table_next(&walk, &row);
    }
    table_walk_finish(&walk);
    return rc;
}

int query_by_key(struct query *query) {
    struct reel_str from = query->has_after ? query->after.key : (struct reel_str){"", 0};
    return walk_keys(query, from, seek_after(query));
}

/* ---- Merged ---------------------------------------------------------------------------------- */

struct stream {
    struct table_walk walk;
    const struct span *span;
    bool has_row;
    struct reel_str key; /* the record's */
};

static int set_stream(struct stream *stream, int rc, const struct overlay_row *row) {
    size_t before = stream->span->from.len; /* a whole encoded value */
    stream->has_row = rc > 0 && is_within(row->key, stream->span);
    if (stream->has_row)
        stream->key = (struct reel_str){row->key.data + before, row->key.len - before};
    return rc < 0 ? rc : 0;
}

static int start_stream(struct query *query, struct stream *stream, const struct span *span) {
    struct text from = {0};
    struct overlay_row row;
    stream->span = span;
    start_walk(query, &stream->walk, query->tables->fields);
    text_append_str(&from, span->from);
    if (query->has_after) text_append_str(&from, query->after.key);
    int rc = from.failed ? fail_memory(query->error)
                         : table_seek(&stream->walk, text_str(&from), seek_after(query), &row);
    text_finish(&from);
    return set_stream(stream, rc, &row);
}

static int merge(struct query *query, struct stream *streams, size_t count) {
    int rc = 0;
    while (rc == 0) {
        struct stream *next = NULL;
        struct overlay_row row;
        for (size_t i = 0; i < count; i++)
            if (streams[i].has_row && (!next || str_compare(streams[i].key, next->key) < 0))
                next = &streams[i];
        if (!next) return 0;
        rc = look_up(query, next->key, NULL);
        if (rc == 0) rc = set_stream(next, table_next(&next->walk, &row), &row);
    }
    return rc;
}

int query_merged(struct query *query, const struct spans *spans) {
    size_t count = spans->count + spans->has_nulls, started = 0;
    struct stream *streams = calloc(count + 1, sizeof *streams);
    int rc = streams ? 0 : fail_memory(query->error);
    for (; rc == 0 && started < count; started++)
        rc = start_stream(query, &streams[started],
                          started < spans->count ? &spans->list[started] : &spans->nulls);
    if (rc == 0) rc = merge(query, streams, count);
    for (size_t i = 0; i < started; i++) table_walk_finish(&streams[i].walk);
    free(streams);
    return rc;
}

/* ---- Gathered -------------------------------------------------------------------------------- */

struct gathering {
    struct query *query;
    struct arena arena;
    struct place *places;
    size_t count;
    uint64_t wanted; /* only the first ones; 0: all */
};

static void sort_places(struct gathering *gathering) {
    qsort_r(gathering->places, gathering->count, sizeof *gathering->places, compare_places,
            gathering->query);
}

/* When there are too many, those are forgotten that are not wanted. */
static int make_room(struct gathering *gathering) {
    struct query *query = gathering->query;
    struct arena arena = {0};
    int rc = 0;
    if (gathering->count < GATHERED_MAX) return 0;
    if (gathering->wanted == 0 || gathering->wanted > GATHERED_MAX / 2)
        return fail(query->error, -E2BIG,
                    "more than %d records would have to be sorted: the values of field `%s` begin "
                    "alike",
                    GATHERED_MAX, query->asked.order ? query->asked.order : "");
    sort_places(gathering);
    gathering->count = (size_t)gathering->wanted;
    for (size_t i = 0; rc == 0 && i < gathering->count; i++)
        rc = copy_place(&arena, &gathering->places[i]);
    arena_finish(&gathering->arena);
    gathering->arena = arena;
    return rc < 0 ? fail_memory(query->error) : 0;
}

static int gather_row(struct gathering *gathering, struct reel_str key, struct reel_str stored) {
    struct query *query = gathering->query;
    uint64_t changed;
    if (view_is_late(query->view, query->looked++)) return fail(query->error, -ETIME, "too late");
    int rc = query_fits(query, stored, &changed);
    if (rc <= 0) return rc;
    rc = make_room(gathering);
    if (rc < 0) return rc;
    struct place *place = &gathering->places[gathering->count];
    rc = make_place(query, key, changed, &gathering->arena, place);
    if (rc < 0) return field_failed(query, rc);
    if (is_after(query, place)) gathering->count++;
    return 0;
}

static int gather_one(void *context, struct reel_str key) {
    struct gathering *gathering = context;
    struct reel_str stored;
    int rc = find(gathering->query, key, &stored);
    return rc < 0 ? rc : gather_row(gathering, key, stored);
}

static int gather_all(struct gathering *gathering) {
    struct query *query = gathering->query;
    struct table_walk walk;
    struct overlay_row row;
    start_walk(query, &walk, query->tables->records);
    int rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row);
    while (rc > 0) {
        rc = gather_row(gathering, row.key, row.value);
        if (rc == 0) rc = table_next(&walk, &row);
    }
    table_walk_finish(&walk);
    return rc;
}

static int give_gathered(struct gathering *gathering) {
    struct query *query = gathering->query;
    int rc = 0;
    sort_places(gathering);
    for (size_t i = 0; rc == 0 && i < gathering->count; i++)
        rc = look_up(query, gathering->places[i].key, &gathering->places[i]);
    return rc;
}

int query_gathered(struct query *query, const struct spans *spans) {
    struct gathering gathering = {.query = query};
    uint64_t limit = query->asked.limit;
    gathering.places = malloc(GATHERED_MAX * sizeof *gathering.places);
    int rc = gathering.places ? 0 : fail_memory(query->error);
    if (!spans && limit > 0) gathering.wanted = limit - query->given + 1; /* is there more? */
    if (rc == 0)
        rc = spans ? walk_entries(query, spans, gather_one, &gathering) : gather_all(&gathering);
    if (rc == 0) rc = give_gathered(&gathering);
    arena_finish(&gathering.arena);
    free(gathering.places);
    return rc;
}

/* ---- In order -------------------------------------------------------------------------------- */

/* A walk over a table whose keys are a beginning, a value and a record's key: the entries of a
 * field, or records in the order of their changes. */
struct ordered {
    struct query *query;
    struct table_walk walk;
    size_t before; /* length of the beginning */
};

static bool split_entry(const struct ordered *ordered, struct reel_str bytes, struct place *ret) {
    struct query *query = ordered->query;
    *ret = (struct place){0};
    if (query->order) return field_key_split(bytes, query->order, &ret->value, &ret->key);
    size_t before = ordered->before;
    if (bytes.len < before + sizeof(uint64_t)) return false;
    ret->value.bytes = (struct reel_str){bytes.data + before, sizeof(uint64_t)};
    ret->value.compared = sizeof(uint64_t);
    before += sizeof(uint64_t);
    ret->key = (struct reel_str){bytes.data + before, bytes.len - before};
    return true;
}

/* What the keys of all entries with this value begin with. */
static struct reel_str group_of(const struct ordered *ordered, struct reel_str bytes,
                                const struct place *place) {
    return (struct reel_str){bytes.data, ordered->before + place->value.compared};
}

static struct reel_str lower(struct reel_str a, struct reel_str b) {
    return str_compare(a, b) < 0 ? a : b;
}

static struct reel_str higher(struct reel_str a, struct reel_str b) {
    return str_compare(a, b) > 0 ? a : b;
}

/* The part of a span whose strings are cut like this one: the records know their order. */
static int give_cut_part(struct ordered *ordered, const struct span *span, struct reel_str bytes,
                         const struct place *place, struct text *ret_end) {
    struct query *query = ordered->query;
    struct reel_str group = group_of(ordered, bytes, place);
    struct reel_str from = kept(query, group.data, group.len), to = beyond(query, group);
    if (!from.data || !to.data) return fail_memory(query->error);
    struct span part = {higher(from, span->from), lower(to, span->to)};
    const struct spans parts = {.field = query->order, .list = &part, .count = 1};
    ret_end->len = 0;
    text_append_str(ret_end, part.to);
    return ret_end->failed ? fail_memory(query->error) : query_gathered(query, &parts);
}

/* One entry of a span, and those that are cut like it. The walk then stands at the next row: 1; 0:
 * there is none. */
static int give_entry(struct ordered *ordered, const struct span *span, struct overlay_row *row,
                      int *ret_more) {
    struct query *query = ordered->query;
    struct place place;
    if (!split_entry(ordered, row->key, &place)) return broken(query, "cannot read an index");
    if (place.value.is_cut) {
        struct text end = {0};
        int rc = give_cut_part(ordered, span, row->key, &place, &end);
        if (rc == 0) *ret_more = table_seek(&ordered->walk, text_str(&end), SEEK_AT_OR_ABOVE, row);
        text_finish(&end);
        return rc;
    }
    int rc = is_after(query, &place) ? look_up(query, place.key, &place) : 0;
    if (rc == 0) *ret_more = table_next(&ordered->walk, row);
    return rc;
}

/* Upwards through a span. */
static int walk_up(struct ordered *ordered, const struct span *span) {
    struct overlay_row row;
    int rc = 0, more = table_seek(&ordered->walk, span->from, SEEK_AT_OR_ABOVE, &row);
    while (rc == 0 && more > 0 && is_within(row.key, span))
        rc = give_entry(ordered, span, &row, &more);
    return rc != 0 ? rc : more < 0 ? more : 0;
}

/* Finds the entries of the greatest value in [from, to): 1; 0: there are none. */
static int find_last_value(struct ordered *ordered, const struct span *span,
                           struct text *ret_from) {
    struct overlay_row row;
    struct place place;
    int rc = table_seek(&ordered->walk, span->to, SEEK_BELOW, &row);
    if (rc <= 0 || str_compare(row.key, span->from) < 0) return rc < 0 ? rc : 0;
    if (!split_entry(ordered, row.key, &place))
        return broken(ordered->query, "cannot read an index");
    ret_from->len = 0;
    text_append_str(ret_from, higher(group_of(ordered, row.key, &place), span->from));
    return ret_from->failed ? fail_memory(ordered->query->error) : 1;
}

/* Is `after`, where the query goes on, among the entries of the value that begin at `from`? The
 * record that was there may have left, and nothing else may have that value. */
static bool is_in_value(const struct ordered *ordered, struct reel_str after,
                        struct reel_str from) {
    size_t len = ordered->before + ordered->query->after.value.compared;
    return after.len > len && from.len >= len && memcmp(after.data, from.data, len) == 0 &&
           str_compare(after, from) > 0;
}

/* The values of a span downwards; for each value its records upwards, in the order of keys. */
static int walk_down(struct ordered *ordered, const struct span *span, struct reel_str after) {
    struct text from = {0}, to = {0};
    int rc = 0, more = 1;
    text_append_str(&to, span->to);
    if (to.failed) rc = fail_memory(ordered->query->error);
    while (rc == 0) {
        const struct span rest = {span->from, text_str(&to)};
        more = find_last_value(ordered, &rest, &from);
        if (more <= 0) break;
        bool goes_on =
            is_in_value(ordered, after, text_str(&from)) && str_compare(after, rest.to) < 0;
        rc = walk_up(ordered, &(struct span){goes_on ? after : text_str(&from), rest.to});
        struct text before = to;
        to = from;
        from = before;
    }
    text_finish(&from);
    text_finish(&to);
    return rc != 0 ? rc : more < 0 ? more : 0;
}

/* The key at which the query goes on; len 0: it is before all of them. With the beginning only, of
 * strings that are cut. */
static int after_key(const struct ordered *ordered, struct text *ret) {
    struct query *query = ordered->query;
    const struct place *after = &query->after;
    if (query->order)
        field_key_begin(ret, FIELD_ENTRIES, query->order->at);
    else
        text_append_str(ret, CHANGES_BEGIN);
    text_append(ret, after->value.bytes.data, after->value.compared);
    if (!after->value.is_cut) text_append_str(ret, after->key);
    return ret->failed ? fail_memory(query->error) : 0;
}

/* What is left of a span of values, not of nulls. */
static int walk_span(struct ordered *ordered, struct span span, struct reel_str after) {
    struct query *query = ordered->query;
    bool is_bounded = query->has_after && !query->after.value.is_null;
    if (!query->is_descending) {
        if (is_bounded) span.from = higher(span.from, after);
        return str_compare(span.from, span.to) < 0 ? walk_up(ordered, &span) : 0;
    }
    if (is_bounded) {
        struct reel_str group = {after.data, ordered->before + query->after.value.compared};
        struct reel_str end = beyond(query, group);
        if (!end.data) return fail_memory(query->error);
        span.to = lower(span.to, end);
    }
    return str_compare(span.from, span.to) < 0 ? walk_down(ordered, &span, after) : 0;
}

static int walk_spans(struct ordered *ordered, const struct spans *spans, struct reel_str after) {
    struct query *query = ordered->query;
    bool past_values = query->has_after && query->after.value.is_null;
    int rc = 0;
    for (size_t i = 0; rc == 0 && !past_values && i < spans->count; i++) {
        size_t at = query->is_descending ? spans->count - 1 - i : i;
        rc = walk_span(ordered, spans->list[at], after);
    }
    if (rc != 0 || !spans->has_nulls) return rc;
    struct span nulls = spans->nulls;
    if (past_values) nulls.from = higher(nulls.from, after);
    return walk_up(ordered, &nulls);
}

static int run_ordered(struct query *query, const struct spans *spans, size_t table,
                       size_t before) {
    struct ordered ordered = {.query = query, .before = before};
    struct text after = {0};
    int rc = query->has_after ? after_key(&ordered, &after) : 0;
    if (rc == 0) {
        start_walk(query, &ordered.walk, table);
        rc = walk_spans(&ordered, spans, text_str(&after));
        table_walk_finish(&ordered.walk);
    }
    text_finish(&after);
    return rc;
}

int query_in_order(struct query *query, const struct spans *spans) {
    return run_ordered(query, spans, query->tables->fields, 2);
}

int query_by_change(struct query *query) {
    struct span all = {CHANGES_BEGIN, {"\x04", 1}};
    const struct spans spans = {.list = &all, .count = 1};
    return run_ordered(query, &spans, query->tables->index, CHANGES_BEGIN.len);
}

/* ---- In no order ----------------------------------------------------------------------------- */

static int look_up_any(void *context, struct reel_str key) {
    return look_up(context, key, NULL);
}

int query_any_order(struct query *query, const struct spans *spans) {
    return walk_entries(query, spans, look_up_any, query);
}
