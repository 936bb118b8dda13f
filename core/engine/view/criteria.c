/* criteria.c: see criteria.h. */
#include "engine/view/criteria.h"

#include "base/fnv.h"

#include <errno.h>
#include <stdlib.h>

int criteria_field(const struct collection *collection, const char *name) {
    const struct projector *projector = collection->projector;
    for (uint32_t i = 0; name && i < projector->field_count; i++)
        if (strcmp(projector->fields[i].name, name) == 0) return (int)i;
    return -1;
}

void criteria_finish(struct criteria *criteria) {
    arena_finish(&criteria->arena);
    *criteria = (struct criteria){0};
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int refuse(const struct reel_condition *condition, const char *wanted,
                  struct reel_error *error) {
    return fail(error, -EINVAL, "`%s` is compared with `%.*s`, wanted %s", condition->field,
                REEL_FMT(condition->value), wanted);
}

static struct criterion *settle(struct criteria *criteria, const struct collection *collection,
                                uint32_t at) {
    for (size_t i = 0; i < criteria->count; i++)
        if (criteria->list[i].at == at) return &criteria->list[i];
    struct criterion *added = &criteria->list[criteria->count++];
    const struct reel_field *field = &collection->projector->fields[at];
    *added = (struct criterion){.at = at, .field = field, .form = field_form_of(field)};
    return added;
}

static bool has_range(const struct reel_field *field) {
    return field->kind == REEL_FIELD_STRING || field->kind == REEL_FIELD_INTEGER ||
           field->kind == REEL_FIELD_NUMBER;
}

/* Is `a` the narrower lower limit? `sign` -1: upper limit. */
static bool is_narrower(const struct limit *a, const struct limit *b, int sign) {
    if (!b->is_set) return true;
    int order = a->beyond || b->beyond ? (a->beyond > b->beyond) - (a->beyond < b->beyond)
                                       : str_compare(a->value, b->value);
    return order == 0 ? a->is_open && !b->is_open : order * sign > 0;
}

static void add_limit(struct criterion *criterion, const struct limit *limit, bool is_low) {
    struct limit *own = is_low ? &criterion->low : &criterion->high;
    if (is_narrower(limit, own, is_low ? 1 : -1)) *own = *limit;
}

/* Sorted, and each once. */
static int add_value(struct criteria *criteria, struct criterion *criterion, struct reel_str value,
                     size_t room) {
    size_t at = 0;
    if (!criterion->values)
        criterion->values = arena_alloc(&criteria->arena, room * sizeof *criterion->values);
    if (!criterion->values) return -ENOMEM;
    while (at < criterion->value_count && str_compare(criterion->values[at], value) < 0) at++;
    if (at < criterion->value_count && str_compare(criterion->values[at], value) == 0) return 0;
    memmove(criterion->values + at + 1, criterion->values + at,
            (criterion->value_count++ - at) * sizeof *criterion->values);
    criterion->values[at] = value;
    return 0;
}

static const char *wanted_of(const struct reel_field *field) {
    return field->kind == REEL_FIELD_INTEGER  ? "an integer"
           : field->kind == REEL_FIELD_NUMBER ? "a number"
                                              : "true or false";
}

static bool is_one_of(const struct criterion *criterion, struct reel_str value,
                      struct arena *arena) {
    int beyond;
    for (const char *const *one = criterion->field->values; *one; one++) {
        struct reel_str own;
        if (field_value_of_text(criterion->form, reel_text(*one), arena, &own, &beyond) == 0 &&
            reel_str_eq(own, value))
            return true;
    }
    return false;
}

static int add_compared(struct criteria *criteria, struct criterion *criterion,
                        const struct reel_condition *condition, size_t room,
                        struct reel_error *error) {
    struct limit limit = {.is_set = true};
    reel_comparison how = condition->comparison;
    struct reel_str given = condition->value;
    char *copy = arena_text(&criteria->arena, given.len + 1);
    if (!copy) return fail_memory(error);
    if (given.len) memcpy(copy, given.data, given.len);
    int rc = field_value_of_text(criterion->form, (struct reel_str){copy, given.len},
                                 &criteria->arena, &limit.value, &limit.beyond);
    if (rc == -EINVAL) return refuse(condition, wanted_of(criterion->field), error);
    if (rc < 0) return fail_memory(error);
    if (criterion->field->kind == REEL_FIELD_ONE_OF &&
        !is_one_of(criterion, limit.value, &criteria->arena))
        return refuse(condition, "one of its values", error);
    if (how == REEL_IS_EQUAL) {
        criterion->is_equal = true;
        if (limit.beyond) return 0; /* no value is */
        return add_value(criteria, criterion, limit.value, room) < 0 ? fail_memory(error) : 0;
    }
    limit.is_open = how == REEL_IS_ABOVE || how == REEL_IS_BELOW;
    add_limit(criterion, &limit, how == REEL_IS_ABOVE || how == REEL_IS_AT_LEAST);
    return 0;
}

static uint64_t hash_condition(uint64_t hash, const struct reel_condition *condition) {
    const uint64_t len = condition->value.len;
    hash = fnv_add(hash, condition->field, strlen(condition->field) + 1);
    hash = fnv_add(hash, &condition->comparison, sizeof condition->comparison);
    hash = fnv_add(hash, &len, sizeof len);
    return fnv_add(hash, condition->value.data, condition->value.len);
}

static int add(struct criteria *criteria, const struct collection *collection,
               const struct reel_condition *condition, size_t room, struct reel_error *error) {
    int at = criteria_field(collection, condition->field);
    if (at < 0)
        return fail(error, -EINVAL, "`%s` has no field `%s`", collection->name,
                    condition->field ? condition->field : "");
    struct criterion *criterion = settle(criteria, collection, (uint32_t)at);
    switch (condition->comparison) {
    case REEL_IS_NULL:
        criterion->wants_null = true;
        return 0;
    case REEL_IS_SET:
        criterion->wants_set = true;
        return 0;
    case REEL_IS_ABOVE:
    case REEL_IS_AT_LEAST:
    case REEL_IS_BELOW:
    case REEL_IS_AT_MOST:
        if (!has_range(criterion->field))
            return fail(error, -EINVAL,
                        "`%s` is neither an integer, a number nor a string: it has no ranges",
                        condition->field);
        break;
    case REEL_IS_EQUAL:
        break;
    default:
        return fail(error, -EINVAL, "there is no comparison %u", condition->comparison);
    }
    return add_compared(criteria, criterion, condition, room, error);
}

int criteria_read(const struct collection *collection,
                  const struct reel_condition *const *conditions, struct criteria *ret,
                  struct reel_error *error) {
    size_t count = 0;
    *ret = (struct criteria){.hash = FNV_BEGIN};
    while (conditions && conditions[count]) count++;
    if (count == 0) return 0;
    ret->list = arena_alloc(&ret->arena, count * sizeof *ret->list);
    if (!ret->list) return fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        int rc = add(ret, collection, conditions[i], count, error);
        if (rc < 0) return rc;
        ret->hash = hash_condition(ret->hash, conditions[i]);
    }
    return 0;
}

/* ---- Matching -------------------------------------------------------------------------------- */

static bool is_above(const struct limit *low, struct reel_str value) {
    if (!low->is_set || low->beyond < 0) return true;
    if (low->beyond > 0) return false;
    int order = str_compare(value, low->value);
    return order > 0 || (order == 0 && !low->is_open);
}

static bool is_below(const struct limit *high, struct reel_str value) {
    if (!high->is_set || high->beyond > 0) return true;
    if (high->beyond < 0) return false;
    int order = str_compare(value, high->value);
    return order < 0 || (order == 0 && !high->is_open);
}

static bool is_among(const struct criterion *criterion, struct reel_str value) {
    size_t low = 0, high = criterion->value_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(criterion->values[middle], value);
        if (order == 0) return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool criterion_holds(const struct criterion *criterion, struct reel_str value) {
    if (!value.data) {
        if (criterion->wants_set || criterion->low.is_set || criterion->high.is_set) return false;
        if (!criterion->is_equal) return true;
        return criterion->form.kind == REEL_FIELD_JSON && is_among(criterion, reel_text("null"));
    }
    if (criterion->wants_null) return false;
    if (criterion->is_equal && !is_among(criterion, value)) return false;
    return is_above(&criterion->low, value) && is_below(&criterion->high, value);
}

int criteria_hold(const struct criteria *criteria, const struct reel_str *values,
                  struct arena *arena) {
    for (size_t i = 0; i < criteria->count; i++) {
        const struct criterion *criterion = &criteria->list[i];
        struct reel_str value;
        int rc = field_value_of_json(criterion->form, values[criterion->at], arena, &value);
        if (rc < 0) return rc;
        if (!criterion_holds(criterion, value)) return 0;
    }
    return 1;
}
