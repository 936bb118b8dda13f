/* openapi.c: the description of the HTTP API, OpenAPI 3.1, as /v1/openapi.json serves it.
 *
 * It is made from three sources, so that it describes exactly what exists:
 *   openapi.json   what is the same for all daemons, and the details of each path. It is a
 *                  template, with the placeholders {collection} and {verb}
 *   routes[]       the paths, the access that they need, and their parameters
 *   projectors     a path for each collection and command, a schema for each collection
 * A route that is not in openapi.json is described, too, with fewer details.
 */
#include "base/cleanup.h"
#include "http/filter.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/schema.h"

#include <stdio.h>

#define COLLECTION "{collection}"
#define VERB       "{verb}"

static const char frame[] =
#include "openapi_frame.inc"
    ;

struct draft {
    struct reel_sink_host *host;
    json_t *components, *templates, *paths;
    bool failed; /* out of memory: the description is incomplete */
};

/* What the placeholders of a template are replaced by. */
struct place {
    const struct route *route;
    const struct reel_projector *projector;  /* of {collection}, or NULL */
    const struct reel_command_info *command; /* of {verb}, or NULL */
};

/* ---- Writing --------------------------------------------------------------------------------- */

static void put(struct draft *draft, json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) < 0) draft->failed = true;
}

static void add(struct draft *draft, json_t *list, json_t *value) {
    if (json_array_append_new(list, value) < 0) draft->failed = true;
}

/* The member with this name, which is added if it does not exist. Borrowed. */
static json_t *member(struct draft *draft, json_t *object, const char *name,
                      json_t *(*make)(void)) {
    if (!json_object_get(object, name)) put(draft, object, name, make());
    return json_object_get(object, name);
}

static json_t *reference(const char *section, const char *name) {
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", section, name));
}

/* ---- Filling in ------------------------------------------------------------------------------ */

/* The replacement for a placeholder at the beginning of the text, and the placeholder's length; or
 * NULL. */
static const char *stand_in(const char *text, const struct place *place, size_t *ret_len) {
    if (place->projector && strncmp(text, COLLECTION, strlen(COLLECTION)) == 0) {
        *ret_len = strlen(COLLECTION);
        return place->projector->collection;
    }
    if (place->command && strncmp(text, VERB, strlen(VERB)) == 0) {
        *ret_len = strlen(VERB);
        return place->command->verb;
    }
    return NULL;
}

/* NUL-terminated. NULL: out of memory. */
static char *fill_text(const char *text, const struct place *place) {
    struct text filled = {0};
    size_t len;
    while (*text) {
        const char *instead = stand_in(text, place, &len);
        if (instead) {
            text_append_lit(&filled, instead);
            text += len;
        } else {
            text_append(&filled, text++, 1);
        }
    }
    text_append(&filled, "", 1);
    if (filled.failed) text_finish(&filled);
    return filled.data;
}

static json_t *fill(struct draft *draft, json_t *template, const struct place *place);

static void put_filled(struct draft *draft, json_t *object, const char *name, json_t *template,
                       const struct place *place) {
    AUTO_FREE char *filled = fill_text(name, place);
    if (filled)
        put(draft, object, filled, fill(draft, template, place));
    else
        draft->failed = true;
}

/* Recursion is as deep as openapi.json. */
static json_t *fill(struct draft *draft, json_t *template, const struct place *place) {
    const char *name;
    json_t *part, *filled;
    size_t i;
    switch (json_typeof(template)) {
    case JSON_STRING: {
        AUTO_FREE char *text = fill_text(json_string_value(template), place);
        return text ? json_string(text) : NULL;
    }
    case JSON_OBJECT:
        filled = json_object();
        json_object_foreach(template, name, part) put_filled(draft, filled, name, part, place);
        return filled;
    case JSON_ARRAY:
        filled = json_array();
        json_array_foreach(template, i, part) add(draft, filled, fill(draft, part, place));
        return filled;
    default:
        return json_incref(template);
    }
}

/* ---- Collections ----------------------------------------------------------------------------- */

static const char *type_name(const struct reel_field *field) {
    return field->kind == REEL_FIELD_INTEGER  ? "integer"
           : field->kind == REEL_FIELD_NUMBER ? "number"
           : field->kind == REEL_FIELD_BOOL   ? "boolean"
                                              : "string";
}

/* Describes a field of a record: null until it is set. */
static json_t *describe_field(struct draft *draft, const struct reel_field *field) {
    json_t *schema = json_object();
    if (field->kind == REEL_FIELD_JSON) return schema;
    put(draft, schema, "type", json_pack("[s,s]", type_name(field), "null"));
    if (field->kind == REEL_FIELD_INTEGER) put(draft, schema, "format", json_string("int64"));
    if (field->kind == REEL_FIELD_NUMBER) put(draft, schema, "format", json_string("double"));
    if (field->kind == REEL_FIELD_ONE_OF) {
        json_t *values = reply_texts(field->values);
        add(draft, values, json_null());
        put(draft, schema, "enum", values);
    }
    return schema;
}

static json_t *describe_record(struct draft *draft, const struct reel_projector *projector) {
    json_t *schema = json_object(), *properties = json_object(), *required = json_array();
    for (const struct reel_field *const *field = projector->fields; *field; field++) {
        put(draft, properties, (*field)->name, describe_field(draft, *field));
        add(draft, required, json_string((*field)->name));
    }
    put(draft, schema, "type", json_string("object"));
    put(draft, schema, "properties", properties);
    put(draft, schema, "required", required);
    return schema;
}

/* Replaces each template in a section of the components by one component for each collection. */
static void fill_components(struct draft *draft, const char *section) {
    const struct reel_projector *projector;
    const char *name;
    json_t *component, *all = json_object();
    json_object_foreach(json_object_get(draft->components, section), name, component) {
        if (!strstr(name, COLLECTION)) {
            put(draft, all, name, json_incref(component));
            continue;
        }
        for (size_t n = 0; (projector = reel_sink_projector(draft->host, n)); n++)
            put_filled(draft, all, name, component, &(struct place){.projector = projector});
    }
    put(draft, draft->components, section, all);
}

static void add_record_schemas(struct draft *draft) {
    const struct reel_projector *projector;
    json_t *schemas = json_object_get(draft->components, "schemas");
    for (size_t n = 0; (projector = reel_sink_projector(draft->host, n)); n++)
        put(draft, schemas, projector->collection, describe_record(draft, projector));
}

/* ---- Parameters ------------------------------------------------------------------------------ */

/* Uses the description in openapi.json under `component`; without one, it is a string. */
static void add_parameter(struct draft *draft, json_t *parameters, const char *component,
                          const char *name, const char *in) {
    if (json_object_get(json_object_get(draft->components, "parameters"), component))
        add(draft, parameters, reference("parameters", component));
    else
        add(draft, parameters,
            json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", in, "required",
                      strcmp(in, "path") == 0, "schema", "type", "string"));
}

/* The parts in braces of a filled-in path. */
static void add_path_parameters(struct draft *draft, json_t *parameters, const char *path) {
    char name[64], component[80];
    while ((path = strchr(path, '{'))) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(path + 1, "}"), path + 1);
        snprintf(component, sizeof component, "path-%s", name);
        add_parameter(draft, parameters, component, name, "path");
        path++;
    }
}

static json_t *explain_filter(const struct reel_field *field) {
    if (field->refers_to)
        return json_sprintf("The key of a record of `%s`, or its name", field->refers_to);
    if (field->flags & REEL_FIELD_ANY_CASE) return json_string("In upper or lower case");
    if (field->kind == REEL_FIELD_JSON) return json_string("The value's JSON text");
    return json_sprintf("Only records with this `%s`", field->name);
}

static void add_filter(struct draft *draft, json_t *parameters, const char *name,
                       const struct reel_field *field) {
    json_t *parameter = json_object(), *schema = json_object();
    put(draft, schema, "type", json_string(type_name(field)));
    if (field->kind == REEL_FIELD_ONE_OF) put(draft, schema, "enum", reply_texts(field->values));
    put(draft, parameter, "name", json_string(name));
    put(draft, parameter, "in", json_string("query"));
    put(draft, parameter, "description", explain_filter(field));
    put(draft, parameter, "schema", schema);
    add(draft, parameters, parameter);
}

/* What a field can be compared with besides being equal. */
static void add_comparisons(struct draft *draft, json_t *parameters, const char *name,
                            const struct reel_field *field) {
    static const char *const ranges[] = {"gte", "gt", "lte", "lt", NULL};
    bool has_range = filter_has_range(field);
    for (const char *const *range = ranges; has_range && *range; range++)
        add(draft, parameters,
            json_pack("{s:o, s:s, s:{s:s}}", "name", json_sprintf("%s.%s", name, *range), "in",
                      "query", "schema", "type", type_name(field)));
    add(draft, parameters,
        json_pack("{s:o, s:s, s:{s:[s,s]}}", "name", json_sprintf("%s.is", name), "in", "query",
                  "schema", "enum", "null", "set"));
}

static bool knows(const struct route *route, const char *param) {
    return uri_is_among(route->params, reel_text(param));
}

/* A parameter of ours comes first. */
static const char *filter_name(const struct route *route, const char *name, char space[80]) {
    if (!knows(route, name)) return name;
    snprintf(space, 80, "%s.eq", name);
    return space;
}

static bool is_filter(const struct reel_projector *projector, const char *name) {
    for (const struct reel_field *const *field = projector->fields; *field; field++)
        if ((*field)->filter && strcmp((*field)->filter, name) == 0) return true;
    return false;
}

/* A field can be filtered by the name of its filter, and by its own name, unless that is the name
 * of another field's filter. */
static void add_filters(struct draft *draft, json_t *parameters,
                        const struct reel_projector *projector, const struct route *route) {
    for (const struct reel_field *const *at = projector->fields; *at; at++) {
        const struct reel_field *field = *at;
        char space[80];
        if (field->filter)
            add_filter(draft, parameters, filter_name(route, field->filter, space), field);
        if (is_filter(projector, field->name)) continue;
        add_filter(draft, parameters, filter_name(route, field->name, space), field);
        add_comparisons(draft, parameters, field->name, field);
    }
}

static void add_parameters(struct draft *draft, json_t *parameters, const struct place *place,
                           const char *path) {
    add_path_parameters(draft, parameters, path);
    for (const char *const *name = place->route->params; *name; name++)
        add_parameter(draft, parameters, *name, *name, "query");
    if (place->route->takes_filters && place->projector)
        add_filters(draft, parameters, place->projector, place->route);
}

/* ---- Problems -------------------------------------------------------------------------------- */

static void add_problem_responses(struct draft *draft) {
    json_t *responses = json_object_get(draft->components, "responses");
    for (size_t i = 0; i < PROBLEMS; i++) {
        const struct problem_info *info = &problem_infos[i];
        json_t *response = member(draft, responses, info->name, json_object);
        put(draft, response, "description", json_string(info->title));
        put(draft, response, "content",
            json_pack("{s:{s:o}}", "application/problem+json", "schema",
                      reference("schemas", "Problem")));
    }
}

static bool looks_back(const struct route *route) {
    return route->looks_back || knows(route, "at");
}

static bool may_end_as(enum problem problem, const struct place *place, const char *path) {
    const struct route *route = place->route;
    switch (problem) {
    case PROBLEM_BAD_REQUEST:
        return true;
    case PROBLEM_UNAUTHORIZED:
    case PROBLEM_INTERNAL:
    case PROBLEM_SERVICE_UNAVAILABLE:
        return route->access != REEL_ACCESS_NONE;
    case PROBLEM_FORBIDDEN:
        return route->access >= REEL_ACCESS_WRITE || looks_back(route);
    case PROBLEM_NOT_ACCEPTABLE:
        return route->takes_filters;
    case PROBLEM_NOT_FOUND:
        return strchr(path, '{');
    case PROBLEM_CONFLICT:
        return place->command || strstr(path, "/by-name/") || knows(route, "epoch") ||
               route->access == REEL_ACCESS_ADMIN;
    case PROBLEM_CURSOR_TOO_OLD:
        return knows(route, "since") || looks_back(route);
    case PROBLEM_GENERATION_CHANGED:
        return knows(route, "generation");
    case PROBLEM_PAYLOAD_TOO_LARGE:
    case PROBLEM_UNSUPPORTED_MEDIA_TYPE:
        return route->body_max;
    case PROBLEM_PRECONDITION_FAILED:
        return place->command || route->handle == handle_post_events;
    case PROBLEM_IDEMPOTENCY_KEY_REUSED:
    case PROBLEM_TOO_MANY_REQUESTS:
        return place->command;
    case PROBLEM_REQUEST_TIMEOUT:
    case PROBLEM_EVENT_NOT_AS_DECLARED:
        return route->handle == handle_post_events;
    case PROBLEM_NOT_YET:
        return knows(route, "timeout");
    default:
        return false; /* described statuses are allowed */
    }
}

static void add_problems(struct draft *draft, json_t *responses, const struct place *place,
                         const char *path) {
    char status[16];
    for (size_t i = 0; i < PROBLEMS; i++) {
        snprintf(status, sizeof status, "%u", problem_infos[i].status);
        if (may_end_as(i, place, path) && !json_object_get(responses, status))
            put(draft, responses, status, reference("responses", problem_infos[i].name));
    }
}

/* ---- Bodies of commands ---------------------------------------------------------------------- */

/* The body that the command declares, in place of the template's. */
static void put_body(struct draft *draft, json_t *operation,
                     const struct reel_command_info *command) {
    json_t *media = json_object();
    put(draft, media, "schema", schema_of(command->members));
    schema_put_example(&media, "example", command->example);
    put(draft, operation, "requestBody",
        json_pack("{s:b, s:{s:o}}", "required", schema_is_required(command->members), "content",
                  "application/json", media));
}

/* ---- Operations ------------------------------------------------------------------------------ */

static const char *method_name(enum method method) {
    switch (method) {
    case METHOD_GET:
        return "get";
    case METHOD_POST:
        return "post";
    case METHOD_DELETE:
        return "delete";
    default:
        return NULL; /* OPTIONS is for browsers, not for clients that are generated from this */
    }
}

/* "get.cells.by-name.name": as unique as the path, because the names of collections and verbs
 * contain no dots. */
static json_t *operation_id(const char *method, const char *path) {
    CLEANUP(text_finish) struct text id = {0};
    text_append_lit(&id, method);
    if (strncmp(path, "/v1/", 4) == 0) path += 3;
    for (; *path; path++)
        if (*path == '/')
            text_append_lit(&id, ".");
        else if (*path != '{' && *path != '}')
            text_append(&id, path, 1);
    return id.failed ? NULL : json_stringn(id.data, id.len);
}

/* The roles of the bearer scheme are the accesses of tokens. */
static json_t *describe_access(const struct route *route) {
    if (route->access == REEL_ACCESS_NONE) return json_array();
    return json_pack("[{s:[s]}]", "bearer",
                     route->access == REEL_ACCESS_ADMIN   ? "admin"
                     : route->access == REEL_ACCESS_WRITE ? "write"
                     : route->looks_back                  ? "history"
                                                          : "read");
}

static json_t *describe_operation(struct draft *draft, const struct place *place,
                                  const char *method, const char *path) {
    const struct route *route = place->route;
    const char *summary = route->summary;
    if (place->command && place->command->summary) summary = place->command->summary;
    json_t *operation = json_object();
    put(draft, operation, "operationId", operation_id(method, path));
    put(draft, operation, "summary", reply_text(summary ? summary : path));
    if (place->projector)
        put(draft, operation, "tags", json_pack("[s]", place->projector->collection));
    put(draft, operation, "security", describe_access(route));

    const char *name;
    json_t *part,
        *template = json_object_get(json_object_get(draft->templates, route->path), method);
    json_object_foreach(template, name, part) put_filled(draft, operation, name, part, place);
    if (place->command && place->command->members) put_body(draft, operation, place->command);
    add_parameters(draft, member(draft, operation, "parameters", json_array), place, path);
    json_t *responses = member(draft, operation, "responses", json_object);
    if (!template) put(draft, responses, "200", json_pack("{s:s}", "description", "It was done"));
    add_problems(draft, responses, place, path);
    return operation;
}

static void add_operation(struct draft *draft, const struct place *place) {
    const char *method = method_name(place->route->method);
    AUTO_FREE char *path = fill_text(place->route->path, place);
    if (!path) draft->failed = true;
    if (!path || !method) return;
    json_t *operation = describe_operation(draft, place, method, path);
    put(draft, member(draft, draft->paths, path, json_object), method, operation);
}

/* True if the route is the one of this command. */
static bool is_route_of(const struct route *route, const struct reel_command_info *command) {
    bool is_create = strcmp(command->verb, "create") == 0;
    bool is_delete = strcmp(command->verb, "delete") == 0;
    if (strstr(route->path, VERB)) return !is_create && !is_delete;
    return route->method == METHOD_DELETE ? is_delete : is_create;
}

static void add_operations_on(struct draft *draft, const struct route *route,
                              const struct reel_projector *projector) {
    struct place place = {.route = route, .projector = projector};
    if (strstr(route->path, "/by-name/") && !projector_name_field(projector)) return;
    if (route->method == METHOD_GET) {
        add_operation(draft, &place);
        return;
    }
    for (size_t i = 0; projector->commands && projector->commands[i]; i++) {
        place.command = projector->commands[i];
        if (is_route_of(route, place.command)) add_operation(draft, &place);
    }
}

static void add_operations(struct draft *draft, const struct route *route) {
    const struct reel_projector *projector;
    if (!strstr(route->path, COLLECTION)) {
        add_operation(draft, &(struct place){.route = route});
        return;
    }
    for (size_t n = 0; (projector = reel_sink_projector(draft->host, n)); n++)
        add_operations_on(draft, route, projector);
}

/* ---- The complete description ---------------------------------------------------------------- */

static void describe_all(struct draft *draft, json_t *document) {
    struct reel_status status;
    reel_sink_status(draft->host, &status);
    put(draft, json_object_get(document, "info"), "version", reply_text(status.server));
    put(draft, document, "paths", json_incref(draft->paths));
    fill_components(draft, "responses");
    fill_components(draft, "schemas");
    add_record_schemas(draft);
    add_problem_responses(draft);
    for (const struct route *const *route = routes; *route; route++)
        if (!(*route)->is_page) add_operations(draft, *route);
}

void handle_openapi(struct request *request) {
    json_t *document = json_loads(frame, 0, NULL);
    struct draft draft = {.host = request_host_of_sink(request),
                          .components = json_object_get(document, "components"),
                          .templates = json_incref(json_object_get(document, "paths")),
                          .paths = json_object()};
    describe_all(&draft, document);
    json_decref(draft.templates);
    json_decref(draft.paths);
    if (draft.failed) {
        json_decref(document);
        document = NULL;
    }
    reply_json_take(&request->answer, document);
}
