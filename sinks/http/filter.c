/* filter.c: see filter.h. A record is parsed only if it contains certain bytes, without which it
 * cannot match. */
#include "filter.h"

#include "base/chars.h"
#include "base/cleanup.h"
#include "json/number.h"
#include "json/value.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* ---- Matching -------------------------------------------------------------------------------- */

static bool same(const struct reel_field *field, struct reel_str a, struct reel_str b) {
    if (!(field->flags & REEL_FIELD_ANY_CASE)) return reel_str_eq(a, b);
    return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

/* Strings are compared unescaped, all other values as JSON text. */
static bool fulfils(const struct condition *condition, struct reel_value record) {
    const struct reel_field *field = condition->field;
    struct reel_value value = json_get(record, reel_text(field->name));
    if (!value.json) return false;
    if (json_kind(value) == REEL_NULL && field->kind != REEL_FIELD_JSON) return false; /* null */
    struct reel_str text = json_kind(value) == REEL_STRING ? json_str(value) : json_text(value);
    for (size_t i = 0; i < condition->value_count; i++)
        if (same(field, text, condition->values[i])) return true;
    return false;
}

static bool may_match(const struct filter *filter, struct reel_str json) {
    for (size_t i = 0; i < filter->count; i++) {
        const struct text *needle = &filter->conditions[i].needle;
        if (needle->len && !memmem(json.data, json.len, needle->data, needle->len)) return false;
    }
    return true;
}

int filter_matches(struct filter *filter, struct reel_str json) {
    struct json *parsed;
    const char *why;
    if (filter->count == 0) return 1;
    if (!may_match(filter, json)) return 0;
    int rc = json_parse(filter->parser, json, 0, &parsed, &why);
    if (rc < 0) return rc == -ENOMEM ? rc : 0;
    for (size_t i = 0; i < filter->count; i++)
        if (!fulfils(&filter->conditions[i], json_root(parsed))) return 0;
    return 1;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static int add_value(struct condition *condition, struct reel_str value) {
    size_t size = (condition->value_count + 1) * sizeof *condition->values;
    struct reel_str *values = realloc(condition->values, size);
    char *copy = malloc(value.len + 1);
    if (values) condition->values = values;
    if (!values || !copy) {
        free(copy);
        return -ENOMEM;
    }
    if (value.len) memcpy(copy, value.data, value.len);
    values[condition->value_count++] = (struct reel_str){copy, value.len};
    return 0;
}

/* Makes the bytes that a matching record must contain. A field that holds strings has only one JSON
 * text for each value. */
static void write_needle(struct condition *condition) {
    const struct reel_field *field = condition->field;
    if (field->kind != REEL_FIELD_STRING && field->kind != REEL_FIELD_ONE_OF) return;
    if (field->flags & REEL_FIELD_ANY_CASE || condition->value_count != 1) return;
    text_append_lit(&condition->needle, "\"");
    text_append_lit(&condition->needle, field->name);
    text_append_lit(&condition->needle, "\":");
    text_append_quoted(&condition->needle, condition->values[0]);
}

static int add_condition(struct filter *filter) {
    struct condition *condition = &filter->conditions[filter->count++];
    write_needle(condition);
    if (!filter->parser) filter->parser = json_parser_create(NULL);
    return filter->parser && !condition->needle.failed ? 0 : -ENOMEM;
}

static int make_room(struct filter *ret, size_t room) {
    *ret = (struct filter){0};
    ret->conditions = calloc(room, sizeof *ret->conditions);
    if (!ret->conditions) return -ENOMEM;
    ret->room = room;
    return 0;
}

int filter_by_field(const struct reel_field *field, struct reel_str value, struct filter *ret) {
    int rc = make_room(ret, 1);
    if (rc < 0) return rc;
    ret->conditions[0].field = field;
    rc = add_value(&ret->conditions[0], value);
    return rc < 0 ? rc : add_condition(ret);
}

void filter_finish(struct filter *filter) {
    for (size_t i = 0; i < filter->room; i++) {
        struct condition *condition = &filter->conditions[i];
        for (size_t n = 0; n < condition->value_count; n++) free((void *)condition->values[n].data);
        free(condition->values);
        text_finish(&condition->needle);
    }
    free(filter->conditions);
    json_parser_destroy(filter->parser);
    *filter = (struct filter){0};
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
        if (same(field, param->value, reel_text(*value))) return 0;
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

/* Equal numbers have one text in records, and many in requests. */
static int add_given(struct condition *condition, struct reel_str value) {
    char digits[JSON_NUMBER_MAX];
    double number;
    if (condition->field->kind == REEL_FIELD_NUMBER && json_read_number(value, &number))
        value = (struct reel_str){digits, json_write_number(digits, number)};
    return add_value(condition, value);
}

/* Collects the keys of the records that have this name. */
struct name_walk {
    struct filter filter;
    struct condition *condition;
};

static int add_key(void *context, const struct reel_row *row) {
    struct name_walk *walk = context;
    int rc = filter_matches(&walk->filter, row->json);
    return rc > 0 ? add_value(walk->condition, row->key) : rc;
}

static const struct reel_field *name_field(struct reel_sink_host *host, const char *collection) {
    const struct reel_projector *projector;
    for (size_t n = 0; (projector = reel_sink_projector(host, n)); n++) {
        if (strcmp(projector->collection, collection) != 0) continue;
        for (size_t i = 0; projector->fields[i]; i++)
            if (projector->fields[i]->flags & REEL_FIELD_IS_NAME) return projector->fields[i];
    }
    return NULL;
}

/* The value is a key of another collection, or the name of a record in it. */
static int add_reference(struct request *request, struct reel_view *view, struct reel_str value,
                         struct filter *filter) {
    struct condition *condition = &filter->conditions[filter->count];
    struct reel_sink_host *host = request_host_of_sink(request);
    const char *collection = condition->field->refers_to;
    struct reel_key key;
    int rc = reel_sink_canonical_key(host, collection, value, &key);
    if (rc == -ESRCH) return add_value(condition, value); /* the collection is not loaded */
    rc = rc == 0 ? add_value(condition, key.str) : 0;
    const struct reel_field *name = name_field(host, collection);
    if (rc < 0 || !name) return rc;
    struct reel_collection_info info;
    rc = reel_sink_collection(host, view, collection, &info);
    if (rc < 0) return rc;
    if (info.changed > filter->changed) filter->changed = info.changed;
    filter->generations += info.generation;
    struct name_walk walk = {.condition = condition};
    rc = filter_by_field(name, value, &walk.filter);
    if (rc == 0)
        rc = reel_sink_list(host, view, collection, (struct reel_str){0}, false, add_key, &walk);
    filter_finish(&walk.filter);
    return rc;
}

static const struct reel_field *find_field(const struct reel_projector *projector,
                                           struct reel_str name) {
    for (size_t i = 0; projector->fields[i]; i++)
        if (projector->fields[i]->filter && reel_str_is(name, projector->fields[i]->filter))
            return projector->fields[i];
    for (size_t i = 0; projector->fields[i]; i++)
        if (reel_str_is(name, projector->fields[i]->name)) return projector->fields[i];
    return NULL;
}

int filter_read(struct request *request, struct reel_view *view, struct filter *ret) {
    int rc = 0;
    *ret = (struct filter){0};
    for (size_t i = 0; i < request->uri.param_count && rc == 0; i++) {
        const struct uri_param *param = &request->uri.params[i];
        const struct reel_field *field = find_field(request->projector, param->name);
        if (!field) continue;
        if (!ret->conditions) rc = make_room(ret, request->uri.param_count);
        if (rc < 0) return rc;
        struct condition *condition = &ret->conditions[ret->count];
        condition->field = field;
        rc = check_value(request, param, field);
        if (rc == 0)
            rc = field->refers_to ? add_reference(request, view, param->value, ret)
                                  : add_given(condition, param->value);
        if (rc == 0) rc = add_condition(ret);
    }
    return rc;
}
