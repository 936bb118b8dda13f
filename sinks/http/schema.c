/* schema.c: see schema.h. Recursion is as deep as a declaration may be nested
 * (REEL_MEMBER_DEPTH). */
#include "http/schema.h"

/* ---- JSON Schema ----------------------------------------------------------------------------- */

static const char *type_name(reel_member_kind kind) {
    static const char *const names[] = {
        [REEL_MEMBER_STRING] = "string", [REEL_MEMBER_INTEGER] = "integer",
        [REEL_MEMBER_NUMBER] = "number", [REEL_MEMBER_BOOL] = "boolean",
        [REEL_MEMBER_TIME] = "string",   [REEL_MEMBER_ONE_OF] = "string",
        [REEL_MEMBER_LIST] = "array",    [REEL_MEMBER_OBJECT] = "object",
    };
    return names[kind]; /* the host refuses other kinds */
}

static const char *format_name(reel_member_kind kind) {
    return kind == REEL_MEMBER_INTEGER  ? "int64"
           : kind == REEL_MEMBER_NUMBER ? "double"
           : kind == REEL_MEMBER_TIME   ? "date-time"
                                        : NULL;
}

static void put_type(json_t **schema, const char *type, bool or_null) {
    reply_put(schema, "type", or_null ? json_pack("[s,s]", type, "null") : json_string(type));
}

static json_t *schema_of_member(const struct reel_member *member);

static void put_properties(json_t **schema, const struct reel_member *const *members) {
    json_t *properties = json_object(), *required = json_array();
    for (const struct reel_member *const *at = members; *at; at++) {
        reply_put(&properties, (*at)->name, schema_of_member(*at));
        if ((*at)->flags & REEL_MEMBER_REQUIRED) reply_add(&required, reply_text((*at)->name));
    }
    reply_put(schema, "properties", properties);
    reply_put(schema, "required", required);
}

static json_t *schema_of_member(const struct reel_member *member) {
    json_t *schema = json_object();
    bool or_null = !(member->flags & REEL_MEMBER_REQUIRED);
    if (member->summary) reply_put_text(&schema, "description", member->summary);
    if (member->kind == REEL_MEMBER_JSON) return schema;
    put_type(&schema, type_name(member->kind), or_null);
    const char *format = format_name(member->kind);
    if (format) reply_put_text(&schema, "format", format);
    if (member->kind == REEL_MEMBER_ONE_OF) {
        json_t *values = reply_texts(member->values);
        if (or_null) reply_add(&values, json_null());
        reply_put(&schema, "enum", values);
    }
    if (member->items) reply_put(&schema, "items", schema_of_member(member->items));
    if (member->members) put_properties(&schema, member->members);
    return schema;
}

bool schema_is_required(const struct reel_member *const *members) {
    for (; members && *members; members++)
        if ((*members)->flags & REEL_MEMBER_REQUIRED) return true;
    return false;
}

json_t *schema_of(const struct reel_member *const *members) {
    json_t *schema = json_object();
    if (!members) return schema;
    put_type(&schema, "object", !schema_is_required(members));
    put_properties(&schema, members);
    return schema;
}

/* ---- As it is declared ----------------------------------------------------------------------- */

static json_t *describe(const struct reel_member *member) {
    static const char *const kinds[] = {
        [REEL_MEMBER_STRING] = "string", [REEL_MEMBER_INTEGER] = "integer",
        [REEL_MEMBER_NUMBER] = "number", [REEL_MEMBER_BOOL] = "boolean",
        [REEL_MEMBER_TIME] = "time",     [REEL_MEMBER_ONE_OF] = "one_of",
        [REEL_MEMBER_LIST] = "list",     [REEL_MEMBER_OBJECT] = "object",
        [REEL_MEMBER_JSON] = "json",
    };
    json_t *object = json_object();
    if (member->name) reply_put_text(&object, "name", member->name);
    reply_put_text(&object, "kind", kinds[member->kind]);
    reply_put(&object, "required", json_boolean(member->flags & REEL_MEMBER_REQUIRED));
    if (member->summary) reply_put_text(&object, "summary", member->summary);
    if (member->values) reply_put(&object, "values", reply_texts(member->values));
    if (member->items) reply_put(&object, "items", describe(member->items));
    if (member->members) reply_put(&object, "members", schema_members(member->members));
    return object;
}

json_t *schema_members(const struct reel_member *const *members) {
    if (!members) return json_null();
    json_t *list = json_array();
    for (; *members; members++) reply_add(&list, describe(*members));
    return list;
}

/* ---- Examples -------------------------------------------------------------------------------- */

void schema_put_example(json_t **object, const char *name, const char *example) {
    json_error_t error;
    if (!example) return;
    json_t *json = json_loads(example, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    enum json_error_code code = json ? json_error_unknown : json_error_code(&error);
    bool no_memory = code == json_error_out_of_memory || code == json_error_unknown;
    if (json || no_memory) reply_put(object, name, json);
}

/* Also good where the subject must be a UUID. */
static const char example_subject[] = "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01";

json_t *schema_event_take(const struct reel_event_info *event, json_t *data) {
    json_t *object = json_object();
    reply_put_text(&object, "specversion", "1.0");
    reply_put_text(&object, "id", "1");
    reply_put_text(&object, "source", "/example");
    reply_put_text(&object, "type", event->type);
    if (event->flags & REEL_EVENT_SUBJECT) reply_put_text(&object, "subject", example_subject);
    reply_put(&object, "data", data);
    return object;
}
