/* filter.c: see filter.h. */
#include "filter.h"

#include "base/chars.h"
#include "base/cleanup.h"
#include "looking.h"
#include "json/number.h"

#include <errno.h>
#include <stdlib.h>

/* Most records of another collection that one name may mean. */
#define NAMED_MAX 1000

/* ---- Conditions ------------------------------------------------------------------------------ */

void filter_finish(struct filter *filter) {
    for (size_t i = 0; i < filter->key_count; i++) text_finish(&filter->keys[i]);
    free(filter->keys);
    free(filter->list);
    free(filter->conditions);
    free(filter->kept);
    *filter = (struct filter){0};
}

int filter_keep(struct filter *filter) {
    size_t len = 1;
    for (size_t i = 0; i < filter->count; i++) len += filter->list[i].value.len;
    char *at = filter->kept = malloc(len);
    if (!at) return -ENOMEM;
    for (size_t i = 0; i < filter->count; i++) {
        struct reel_str *value = &filter->list[i].value;
        if (!value->data) continue;
        memcpy(at, value->data, value->len);
        value->data = at;
        at += value->len;
    }
    return 0;
}

/* The pointers are set when all conditions are there: the list may move. */
static int add_condition(struct filter *filter, const struct reel_field *field,
                         reel_comparison comparison, struct reel_str value) {
    if (filter->count == filter->room) {
        size_t room = filter->room ? 2 * filter->room : 8;
        void *grown = realloc(filter->list, room * sizeof *filter->list);
        if (!grown) return -ENOMEM;
        filter->list = grown;
        filter->room = room;
    }
    filter->list[filter->count++] = (struct reel_condition){
        .struct_size = sizeof(struct reel_condition),
        .comparison = comparison,
        .field = field->name,
        .value = value,
    };
    return 0;
}

static int add_key(struct filter *filter, const struct reel_field *field, struct reel_str key) {
    size_t size = (filter->key_count + 1) * sizeof *filter->keys;
    struct text *grown = realloc(filter->keys, size);
    if (!grown) return -ENOMEM;
    filter->keys = grown;
    struct text *own = &grown[filter->key_count++];
    *own = (struct text){0};
    text_append_str(own, key);
    return own->failed ? -ENOMEM : add_condition(filter, field, REEL_IS_EQUAL, text_str(own));
}

static int list_conditions(struct filter *filter) {
    if (filter->count == 0) return 0;
    filter->conditions = calloc(filter->count + 1, sizeof *filter->conditions);
    if (!filter->conditions) return -ENOMEM;
    for (size_t i = 0; i < filter->count; i++) filter->conditions[i] = &filter->list[i];
    return 0;
}

/* ---- The meaning of a parameter -------------------------------------------------------------- */

static int refuse(struct request *request, const struct uri_param *param, const char *wanted) {
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%.*s` is `%.*s`, wanted %s",
                   REEL_FMT(param->name), REEL_FMT(param->value), wanted);
    return -EINVAL;
}

static int check_one_of(struct request *request, const struct uri_param *param,
                        const struct reel_field *field) {
    CLEANUP(text_finish) struct text wanted = {0};
    text_append_lit(&wanted, "one of");
    for (const char *const *value = field->values; *value; value++) {
        bool any_case = field->flags & REEL_FIELD_ANY_CASE;
        if (any_case ? str_is_caseless(param->value, *value) : reel_str_is(param->value, *value))
            return 0;
        text_append_lit(&wanted, value == field->values ? " " : ", ");
        text_append_lit(&wanted, *value);
    }
    text_append(&wanted, "", 1);
    return refuse(request, param, wanted.failed ? "another" : wanted.data);
}

static int check_value(struct request *request, const struct uri_param *param,
                       const struct reel_field *field) {
    struct reel_str value = param->value;
    switch (field->kind) {
    case REEL_FIELD_ONE_OF:
        return check_one_of(request, param, field);
    case REEL_FIELD_BOOL:
        if (reel_str_is(value, "true") || reel_str_is(value, "false")) return 0;
        return refuse(request, param, "true or false");
    case REEL_FIELD_INTEGER: {
        size_t digits = value.len && value.data[0] == '-' ? 1 : 0;
        bool good = value.len > digits;
        for (; digits < value.len && good; digits++) good = char_is_digit(value.data[digits]);
        return good ? 0 : refuse(request, param, "an integer");
    }
    case REEL_FIELD_NUMBER: {
        double number;
        return json_read_number(value, &number) ? 0 : refuse(request, param, "a number");
    }
    default:
        return 0;
    }
}

/* ---- References ------------------------------------------------------------------------------ */

/* Collects the keys of the records that have this name. */
struct name_walk {
    struct filter *filter;
    const struct reel_field *field;
    size_t count;
};

static int take_key(void *context, const struct reel_row *row) {
    struct name_walk *walk = context;
    int rc = add_key(walk->filter, walk->field, row->key);
    return rc < 0 ? rc : ++walk->count > NAMED_MAX;
}

static int add_named(struct request *request, struct reel_view *view, const struct uri_param *param,
                     const struct reel_field *name, struct name_walk *walk) {
    const struct reel_condition condition = {.struct_size = sizeof condition,
                                             .comparison = REEL_IS_EQUAL,
                                             .field = name->name,
                                             .value = param->value};
    const struct reel_condition *const conditions[] = {&condition, NULL};
    const struct reel_query query = {.struct_size = sizeof query,
                                     .collection = walk->field->refers_to,
                                     .conditions = conditions};
    struct reel_error error = {0};
    int rc =
        reel_sink_query(request_host_of_sink(request), view, &query, take_key, walk, NULL, &error);
    if (rc > 0) {
        answer_problem(&request->answer, PROBLEM_TOO_EXPENSIVE,
                       "more than %d records of `%s` have the name `%.*s`", NAMED_MAX,
                       walk->field->refers_to, REEL_FMT(param->value));
        return -EINVAL;
    }
    if (rc < 0 && error.text[0]) answer_error(&request->answer, rc, &error);
    return rc;
}

static void note_read(struct filter *filter, const struct reel_collection_info *info) {
    filter->changed += info->changed;
    filter->generations += info->generation;
    if (!info->stale) return;
    if (!filter->is_stale || info->cursor < filter->stale_cursor)
        filter->stale_cursor = info->cursor;
    filter->is_stale = true;
}

/* The value is a key of another collection, or the name of a record in it. */
static int add_reference(struct request *request, struct reel_view *view,
                         const struct uri_param *param, const struct reel_field *field,
                         struct filter *filter) {
    struct reel_sink_host *host = request_host_of_sink(request);
    struct name_walk walk = {.filter = filter, .field = field};
    struct reel_collection_info info;
    struct reel_key key;
    struct reel_error error = {0};
    int rc = reel_sink_canonical_key(host, field->refers_to, param->value,
                                     reel_text(request->caller.id), &key, &error);
    if (rc == -ESRCH) /* the collection is not loaded */
        return add_condition(filter, field, REEL_IS_EQUAL, param->value);
    if (rc < 0) {
        answer_error(&request->answer, rc, &error);
        return -EINVAL;
    }
    rc = rc == 0 ? add_key(filter, field, key.str) : 0;
    const struct reel_projector *target =
        request_find_projector(request, reel_text(field->refers_to));
    const struct reel_field *name = target ? projector_name_field(target) : NULL;
    if (rc < 0 || !name) return rc;
    rc = reel_sink_collection(host, view, field->refers_to, &info);
    if (rc < 0) return rc;
    if (!info.served && request_is_too_late(request, field->refers_to)) return -EINVAL;
    note_read(filter, &info);
    return add_named(request, view, param, name, &walk);
}

/* Of a reference that names nothing, no record has the value. */
static int close_reference(struct filter *filter, const struct reel_field *field) {
    for (size_t i = 0; i < filter->count; i++)
        if (filter->list[i].field == field->name && filter->list[i].comparison == REEL_IS_EQUAL)
            return 0;
    const struct reel_str none = {NULL, 0};
    int rc = add_condition(filter, field, REEL_IS_NULL, none);
    return rc < 0 ? rc : add_condition(filter, field, REEL_IS_SET, none);
}

/* ---- Parameters ------------------------------------------------------------------------------ */

static const struct reel_field *find_field(const struct reel_projector *projector,
                                           struct reel_str name) {
    for (size_t i = 0; projector->fields[i]; i++)
        if (projector->fields[i]->filter && reel_str_is(name, projector->fields[i]->filter))
            return projector->fields[i];
    for (size_t i = 0; projector->fields[i]; i++)
        if (reel_str_is(name, projector->fields[i]->name)) return projector->fields[i];
    return NULL;
}

const struct reel_field *filter_param(const struct reel_projector *projector, struct reel_str name,
                                      reel_comparison *ret) {
    static const struct {
        const char *suffix;
        reel_comparison comparison;
    } suffixes[] = {{"eq", REEL_IS_EQUAL},    {"gte", REEL_IS_AT_LEAST}, {"gt", REEL_IS_ABOVE},
                    {"lte", REEL_IS_AT_MOST}, {"lt", REEL_IS_BELOW},     {"is", REEL_IS_NULL}};
    const char *dot = name.len ? memrchr(name.data, '.', name.len) : NULL;
    *ret = REEL_IS_EQUAL;
    if (!dot) return find_field(projector, name);
    struct reel_str base = {name.data, (size_t)(dot - name.data)},
                    suffix = {dot + 1, name.len - base.len - 1};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (!reel_str_is(suffix, suffixes[i].suffix)) continue;
        *ret = suffixes[i].comparison;
        return find_field(projector, base);
    }
    return NULL;
}

bool filter_has_range(const struct reel_field *field) {
    return field->kind == REEL_FIELD_STRING || field->kind == REEL_FIELD_INTEGER ||
           field->kind == REEL_FIELD_NUMBER;
}

static int read_is(struct request *request, const struct uri_param *param,
                   const struct reel_field *field, struct filter *ret) {
    bool is_null = reel_str_is(param->value, "null");
    if (!is_null && !reel_str_is(param->value, "set")) return refuse(request, param, "null or set");
    return add_condition(ret, field, is_null ? REEL_IS_NULL : REEL_IS_SET,
                         (struct reel_str){NULL, 0});
}

static int read_param(struct request *request, struct reel_view *view,
                      const struct uri_param *param, const struct reel_field *field,
                      reel_comparison comparison, struct filter *ret) {
    if (comparison == REEL_IS_NULL) return read_is(request, param, field, ret);
    if (comparison != REEL_IS_EQUAL && !filter_has_range(field)) {
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                       "`%.*s`: only integers, numbers and strings have ranges",
                       REEL_FMT(param->name));
        return -EINVAL;
    }
    int rc = check_value(request, param, field);
    if (rc < 0) return rc;
    if (comparison != REEL_IS_EQUAL || !field->refers_to)
        return add_condition(ret, field, comparison, param->value);
    return add_reference(request, view, param, field, ret);
}

int filter_read(struct request *request, const char *const *others, struct reel_view *view,
                struct filter *ret) {
    int rc = 0;
    *ret = (struct filter){0};
    for (size_t i = 0; i < request->uri.param_count && rc == 0; i++) {
        const struct uri_param *param = &request->uri.params[i];
        reel_comparison comparison;
        if (uri_is_among(others, param->name)) continue;
        const struct reel_field *field = filter_param(request->projector, param->name, &comparison);
        if (field) rc = read_param(request, view, param, field, comparison, ret);
    }
    for (size_t i = 0; i < request->uri.param_count && rc == 0; i++) {
        const struct uri_param *param = &request->uri.params[i];
        reel_comparison comparison;
        if (uri_is_among(others, param->name)) continue;
        const struct reel_field *field = filter_param(request->projector, param->name, &comparison);
        if (field && field->refers_to && comparison == REEL_IS_EQUAL)
            rc = close_reference(ret, field);
    }
    return rc < 0 ? rc : list_conditions(ret);
}
