/* query.h: what the files of a query share. A query is answered in one of these ways:
 *
 *     by key          a walk over all records. Without conditions that is what is asked for; else a
 *                     scan
 *     merged          equal to some values of an indexed field: under each value the entries are in
 *                     the order of keys, so that they are merged
 *     gathered        at most GATHERED_MAX entries of an indexed field, which are then sorted
 *     in order        a walk over the entries of the field that the order is about. If few of its
 *                     records fulfil the conditions, all records are gathered instead: a scan reads
 *                     records that lie side by side
 *
 * An index only names candidates: each record is looked at, and given if all conditions hold. So it
 * does no harm that long strings are cut in an index. Only if the entries that are walked say all
 * of it (`is_fulfilled`), the values of the record are not read.
 *
 *     query.c         which way is taken
 *     query_walk.c    the ways, and the places of entries
 *     query_token.c   where a page ends and the next one begins
 *     query_count.c   counts and groups
 */
#ifndef REEL_ENGINE_VIEW_QUERY_H
#define REEL_ENGINE_VIEW_QUERY_H

#include "engine/store/table.h"
#include "engine/view/criteria.h"
#include "engine/view/view.h"

#define GATHERED_MAX 10000
#define WALKED_MAX   10000 /* records that are looked at in an order, before it is judged */
#define SCAN_GAIN    10 /* a scan looks at so many records while a walk in an order does at one */

/* Keys of a table, from one on and up to another. */
struct span {
    struct reel_str from, to;
};

/* The entries of a field that a criterion wants, in the order of values; nulls separately. */
struct spans {
    const struct tracked_field *field;
    const struct criterion *criterion; /* or NULL: all entries */
    struct span *list;
    size_t count;
    struct span nulls;
    bool has_nulls;
    bool is_exact; /* every entry's record fulfils the criterion */
};

/* Where an entry stands in the order of a query. */
struct place {
    struct field_encoded value; /* bytes len 0: the order is that of keys */
    struct reel_str whole;      /* of one that is cut; data NULL: not known, it comes before all */
    struct reel_str key;
};

struct query {
    struct reel_view *view;
    const struct collection *collection;
    const struct table_set *tables; /* its tables in this view, of this set */
    unsigned set;
    uint32_t field_count;  /* of its records in this view */
    bool has_other_fields; /* than the collection has now: records of before (view.h) */
    struct reel_query asked;
    struct reel_error *error;
    struct criteria criteria;
    bool is_scan;  /* it counts as one */
    bool is_built; /* by query_find_indexes: the indexes of fields are complete */
    uint64_t records;

    /* The order; neither: that of keys. */
    const struct tracked_field *order;
    bool by_change, is_descending;

    struct place after; /* if has_after: only what is beyond it; or, if `at_after`, also that */
    bool has_after, at_after;

    /* What is done with each record that fulfils the criteria. */
    int (*take)(struct query *query, const struct reel_row *row, const struct place *place);
    reel_row_fn fn;
    void *context;
    uint64_t given;
    struct text last_value, last_key; /* the place of the last one */
    bool has_last, more;

    bool needs_values; /* `take` does, also without criteria */
    bool is_fulfilled; /* the entries that are walked are exactly those that fulfil the criteria */
    size_t looked;
    size_t looked_max;  /* in an order, the walk is judged then; 0: never */
    struct arena arena; /* for one record */
    struct reel_str values[RECORD_FIELDS_MAX];
};

/* Returned by `take` to end a walk without an error. */
#define QUERY_ENOUGH 1000000

/* A walk in an order is given up; `after` is where the query goes on. */
#define QUERY_TIRED 1000001

/* ---- query.c --------------------------------------------------------------------------------- */

/* Begins a query: enters the view (view_enter), and finds the collection and the criteria.
 * query_finish in any case. */
int query_start(struct query *query, struct reel_view *view, const struct reel_query *given,
                struct reel_view **ret_within, struct reel_error *error);
void query_finish(struct query *query);

/* To be called before fields are read, which are asked for as they are declared now. 0; -ETIME: the
 * records of this view have others. */
int query_check_fields(const struct query *query);

/* Are the indexes complete in this view? To be called before one is asked for. 0 or an error. */
int query_find_indexes(struct query *query);

/* The field, if it is FIELD_INDEXED or FIELD_COUNTED; or NULL: that cannot be used. */
const struct tracked_field *query_field(const struct query *query, uint32_t at, uint8_t flag);

/* The indexed criterion with the fewest entries, and how many it has, up to GATHERED_MAX + 1. 1; 0:
 * there is none. */
int query_choose(struct query *query, const struct criterion *except, struct spans *ret,
                 size_t *ret_count);

/* May this many records be looked at that are not given? Then the query counts as a scan until
 * query_finish. -E2BIG, -EBUSY. */
int query_admit_scan(struct query *query, uint64_t records);

/* ---- query_walk.c ---------------------------------------------------------------------------- */

/* 0 or -ENOMEM. The bytes are in the criteria's arena. */
int spans_make(struct query *query, const struct tracked_field *field,
               const struct criterion *criterion, struct spans *ret);

/* Counts entries, up to `max`. */
int spans_count(struct query *query, const struct spans *spans, uint64_t max, uint64_t *ret);

/* Does a record fulfil the criteria? 1; 0; or an error. Reads its values. */
int query_fits(struct query *query, struct reel_str stored, uint64_t *ret_changed);

/* The ways. 0, or what `take` returned, or an error. */
int query_by_key(struct query *query);
int query_merged(struct query *query, const struct spans *spans);
/* `spans` NULL: all records, of which only so many are kept as the limit leaves. */
int query_gathered(struct query *query, const struct spans *spans);
int query_in_order(struct query *query, const struct spans *spans);
int query_by_change(struct query *query);
/* In no order, and from the beginning. */
int query_any_order(struct query *query, const struct spans *spans);

/* ---- query_token.c --------------------------------------------------------------------------- */

/* Writes the place of the last record; and reads where to go on. -EINVAL. */
void query_write_token(const struct query *query, char ret[REEL_TOKEN_MAX]);
int query_read_token(struct query *query);

#endif
