/* criteria.h: the conditions of a query, by field, and whether a record fulfils them. */
#ifndef REEL_ENGINE_VIEW_CRITERIA_H
#define REEL_ENGINE_VIEW_CRITERIA_H

#include "engine/fold/collection.h"

/* One end of a range. */
struct limit {
    bool is_set, is_open;  /* open: the value itself is outside */
    int beyond;            /* 1: above all values; -1: below all */
    struct reel_str value; /* its bytes (field_value.h) */
};

/* All that is said of one field. */
struct criterion {
    uint32_t at; /* among the declared fields */
    const struct reel_field *field;
    struct field_form form;
    bool is_equal; /* to one of `values`, which may be none; sorted, each once */
    bool wants_null, wants_set;
    struct reel_str *values;
    size_t value_count;
    struct limit low, high;
};

struct criteria {
    struct criterion *list;
    size_t count;
    uint64_t hash; /* of all that was said */
    struct arena arena;
};

/* -EINVAL. `ret` can be finished in any case. */
int criteria_read(const struct collection *collection,
                  const struct reel_condition *const *conditions, struct criteria *ret,
                  struct reel_error *error);
void criteria_finish(struct criteria *criteria);

/* Does a value (data NULL: null) fulfil one; do the JSON texts of a record's fields fulfil all? 1;
 * 0; -ENOMEM. */
bool criterion_holds(const struct criterion *criterion, struct reel_str value);
int criteria_hold(const struct criteria *criteria, const struct reel_str *values,
                  struct arena *arena);

/* The field's place among the declared ones, or -1. */
int criteria_field(const struct collection *collection, const char *name);

#endif
