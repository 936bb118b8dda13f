/* openapi_test.c: the API's description holds together, and says what the routes and the
 * projectors do. That it is OpenAPI is for validators to say. */
#include "sinks/http/sink_host.h"

#include <stdlib.h>

/* ---- Assertions ------------------------------------------------------------------------------ */

static json_t *described(struct fake_host *fake) {
    return answered_json(fake, handle_openapi, 200);
}

/* What `#/a/b` names; NULL if nothing. Our names have neither ~ nor %. */
static json_t *resolved(json_t *document, const char *ref) {
    char part[128];
    json_t *at = document;
    must(strncmp(ref, "#/", 2) == 0);
    for (ref += 2; at; ref++) {
        size_t len = strcspn(ref, "/");
        must(len < sizeof part);
        snprintf(part, sizeof part, "%.*s", (int)len, ref);
        at = json_object_get(at, part);
        ref += len;
        if (!*ref) break;
    }
    return at;
}

/* The thing itself, if it is a reference. */
static json_t *followed(json_t *document, json_t *thing) {
    const char *ref = json_string_value(json_object_get(thing, "$ref"));
    return ref ? resolved(document, ref) : thing;
}

static json_t *operation_at(json_t *document, const char *path, const char *method) {
    return json_object_get(json_object_get(json_object_get(document, "paths"), path), method);
}

static json_t *parameter_of(json_t *document, json_t *operation, const char *in, const char *name) {
    size_t i;
    json_t *given;
    json_array_foreach(json_object_get(operation, "parameters"), i, given) {
        json_t *parameter = followed(document, given);
        if (strcmp(json_string_value(json_object_get(parameter, "in")), in) == 0 &&
            strcmp(json_string_value(json_object_get(parameter, "name")), name) == 0)
            return parameter;
    }
    return NULL;
}

typedef void (*operation_fn)(json_t *document, const char *path, const char *method,
                             json_t *operation);

/* How many there were. */
static size_t each_operation(json_t *document, operation_fn fn) {
    const char *path, *method;
    json_t *item, *operation;
    size_t count = 0;
    json_object_foreach(json_object_get(document, "paths"), path, item) {
        json_object_foreach(item, method, operation) {
            test_context("%s %s", method, path);
            fn(document, path, method, operation);
            count++;
        }
    }
    test_context("all operations");
    return count;
}

/* ---- It holds together ----------------------------------------------------------------------- */

static size_t check_refs(json_t *document, json_t *at) {
    const char *name;
    json_t *part;
    size_t i, count = 0;
    json_object_foreach(at, name, part) {
        if (strcmp(name, "$ref") == 0) {
            count++;
            if (!resolved(document, json_string_value(part)))
                fail_msg("%s is not there", json_string_value(part));
        }
        count += check_refs(document, part);
    }
    json_array_foreach(at, i, part) count += check_refs(document, part);
    return count;
}

static void every_reference_leads_somewhere(void **state) {
    json_t *document = described(*state);
    must(check_refs(document, document) > 100);
    json_decref(document);
}

static void no_template_is_left(void **state) {
    struct fake_host *fake = *state;
    json_decref(described(fake));
    must(!strstr(fake->request.answer.body.data, "{collection}"));
    must(!strstr(fake->request.answer.body.data, "{verb}"));
}

static void check_path_parameters(json_t *document, const char *path, const char *method,
                                  json_t *operation) {
    size_t i, in_path = 0, declared = 0;
    json_t *given;
    (void)method;
    for (const char *at = path; (at = strchr(at, '{')); at++, in_path++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
        json_t *parameter = parameter_of(document, operation, "path", name);
        if (!parameter) fail_msg("{%s} is not declared", name);
        must(json_is_true(json_object_get(parameter, "required")));
    }
    json_array_foreach(json_object_get(operation, "parameters"), i, given) {
        json_t *parameter = followed(document, given);
        must(json_object_get(parameter, "schema"));
        declared += strcmp(json_string_value(json_object_get(parameter, "in")), "path") == 0;
    }
    assert_int_equal(in_path, declared);
}

static void every_path_has_its_parameters_declared(void **state) {
    json_t *document = described(*state);
    must(each_operation(document, check_path_parameters) >= 20);
    json_decref(document);
}

static void check_no_parameter_twice(json_t *document, const char *path, const char *method,
                                     json_t *operation) {
    json_t *parameters = json_object_get(operation, "parameters"), *given;
    size_t i;
    (void)path, (void)method;
    json_array_foreach(parameters, i, given) {
        json_t *parameter = followed(document, given);
        const char *name = json_string_value(json_object_get(parameter, "name"));
        const char *in = json_string_value(json_object_get(parameter, "in"));
        if (parameter_of(document, operation, in, name) != parameter)
            fail_msg("%s is declared twice", name);
    }
}

static void no_parameter_is_declared_twice(void **state) {
    json_t *document = described(*state);
    each_operation(document, check_no_parameter_twice);
    json_decref(document);
}

static void check_responses(json_t *document, const char *path, const char *method,
                            json_t *operation) {
    const char *status;
    json_t *given;
    bool good = false;
    (void)path, (void)method;
    json_object_foreach(json_object_get(operation, "responses"), status, given) {
        json_t *response = followed(document, given);
        const char *text = json_string_value(json_object_get(response, "description"));
        must(text && text[0]);
        if (strcmp(text, "It was done") == 0) fail_msg("openapi.json does not know it");
        if (status[0] < '4') good = true;
    }
    must(good);
}

/* A route that openapi.json does not know would be described with less. */
static void every_route_has_its_answers_described(void **state) {
    json_t *document = described(*state);
    each_operation(document, check_responses);
    json_decref(document);
}

static json_t *ids; /* seen so far */

static void check_id(json_t *document, const char *path, const char *method, json_t *operation) {
    const char *id = json_string_value(json_object_get(operation, "operationId"));
    (void)document, (void)path, (void)method;
    must(id && !json_object_get(ids, id));
    json_object_set_new(ids, id, json_true());
}

static void operations_have_ids_of_their_own(void **state) {
    json_t *document = described(*state);
    ids = json_object();
    each_operation(document, check_id);
    must(json_object_get(ids, "get.cells.key"));
    must(json_object_get(ids, "delete.formations.by-name.name"));
    json_decref(ids);
    json_decref(document);
}

/* ---- Routes ---------------------------------------------------------------------------------- */

static void every_route_is_there(void **state) {
    json_t *document = described(*state);
    for (size_t i = 0; routes[i]; i++) {
        if (strchr(routes[i]->path, '{') || routes[i]->is_page) continue;
        const char *method = routes[i]->method == METHOD_GET ? "get" : "post";
        if (!operation_at(document, routes[i]->path, method))
            fail_msg("there is no %s %s", method, routes[i]->path);
    }
    must(!operation_at(document, "/", "get")); /* the console is not part of the API */
    json_decref(document);
}

static void only_health_is_open(void **state) {
    json_t *document = described(*state);
    json_t *open = operation_at(document, "/healthz", "get");
    json_t *read = operation_at(document, "/v1/cells", "get");
    json_t *write = operation_at(document, "/v1/events", "post");
    json_t *history = operation_at(document, "/v1/cells/{key}/history", "get");
    assert_json_take(json_incref(json_object_get(history, "security")),
                     json_pack("[{s:[s]}]", "bearer", "history"));
    assert_json_take(json_incref(json_object_get(open, "security")), json_array());
    assert_json_take(json_incref(json_object_get(read, "security")),
                     json_pack("[{s:[s]}]", "bearer", "read"));
    assert_json_take(json_incref(json_object_get(write, "security")),
                     json_pack("[{s:[s]}]", "bearer", "write"));
    json_decref(document);
}

static void problems_follow_from_the_route(void **state) {
    json_t *document = described(*state);
    json_t *one = json_object_get(operation_at(document, "/v1/cells/{key}", "get"), "responses");
    must(json_object_get(one, "404") && json_object_get(one, "504"));
    must(json_object_get(one, "403") && json_object_get(one, "410"));  /* with `at` */
    must(json_object_get(one, "409") && !json_object_get(one, "413")); /* with `epoch` */
    json_t *now = json_object_get(operation_at(document, "/v1/plugins", "get"), "responses");
    must(!json_object_get(now, "403") && !json_object_get(now, "410"));
    json_t *command =
        json_object_get(operation_at(document, "/v1/formations", "post"), "responses");
    must(json_object_get(command, "403") && json_object_get(command, "409") &&
         json_object_get(command, "413"));
    must(!json_object_get(command, "404") && !json_object_get(command, "504"));
    json_decref(document);
}

static void events_are_taken_in_three_modes(void **state) {
    json_t *document = described(*state);
    json_t *operation = operation_at(document, "/v1/events", "post");
    json_t *content = json_object_get(json_object_get(operation, "requestBody"), "content");
    must(json_object_get(content, "application/cloudevents+json"));
    must(json_object_get(content, "application/cloudevents-batch+json"));
    must(json_object_get(content, "*/*"));
    must(parameter_of(document, operation, "header", "ce-id"));
    json_decref(document);
}

/* ---- Collections ----------------------------------------------------------------------------- */

static void a_collection_has_what_it_declares(void **state) {
    json_t *document = described(*state);
    must(operation_at(document, "/v1/cells", "get"));
    must(operation_at(document, "/v1/cells/{key}", "get"));
    must(!operation_at(document, "/v1/cells/by-name/{name}", "get"));
    must(!operation_at(document, "/v1/cells", "post"));
    must(operation_at(document, "/v1/formations/by-name/{name}", "get"));
    must(operation_at(document, "/v1/formations/by-name/{name}", "delete"));
    must(operation_at(document, "/v1/formations", "post"));
    must(operation_at(document, "/v1/formations/{key}", "delete"));
    must(operation_at(document, "/v1/formations/{key}/status", "post"));
    must(!operation_at(document, "/v1/formations/{key}/create", "post"));
    must(!operation_at(document, "/v1/formations/{key}/delete", "post"));
    json_decref(document);
}

static void a_command_is_summed_up_by_its_projector(void **state) {
    json_t *document = described(*state);
    json_t *status = operation_at(document, "/v1/formations/{key}/status", "post");
    json_t *deletion = operation_at(document, "/v1/formations/{key}", "delete");
    assert_string_equal(json_string_value(json_object_get(status, "summary")), "Report a phase");
    must(json_object_get(deletion, "summary"));
    json_decref(document);
}

static void filters_are_parameters(void **state) {
    json_t *document = described(*state);
    json_t *list = operation_at(document, "/v1/cells", "get");
    json_t *filter = parameter_of(document, list, "query", "state");
    assert_json_take(json_incref(json_object_get(filter, "schema")),
                     json_pack("{s:s, s:[s, s]}", "type", "string", "enum", "pending", "running"));
    must(parameter_of(document, list, "query", "formation"));
    must(parameter_of(document, list, "query", "formation_id"));
    must(parameter_of(document, list, "query", "limit"));
    must(parameter_of(document, list, "query", "min_cursor"));
    json_t *one = operation_at(document, "/v1/cells/{key}", "get");
    must(!parameter_of(document, one, "query", "state"));
    json_decref(document);
}

static void a_record_has_its_fields_or_null(void **state) {
    json_t *document = described(*state);
    assert_json_take(json_incref(resolved(document, "#/components/schemas/cells")),
                     json_pack("{s:s, s:{s:{s:[s, s]}, s:{s:[s, s], s:[s, s, n]}, s:{s:[s, s]},"
                               " s:{s:[s, s], s:s}, s:{s:[s, s]}}, s:[s, s, s, s, s]}",
                               "type", "object", "properties", "id", "type", "string", "null",
                               "state", "type", "string", "null", "enum", "pending", "running",
                               "formation_id", "type", "string", "null", "exit_code", "type",
                               "integer", "null", "format", "int64", "lost", "type", "boolean",
                               "null", "required", "id", "state", "formation_id", "exit_code",
                               "lost"));
    assert_json_take(
        json_incref(resolved(document, "#/components/schemas/formations/properties/document")),
        json_object());
    json_decref(document);
}

static void without_collections_the_rest_is_described(void **state) {
    static const struct reel_projector *const none[] = {NULL};
    struct fake_host *fake = *state;
    fake->projectors = none;
    json_t *document = described(fake);
    must(operation_at(document, "/v1/status", "get"));
    check_refs(document, document);
    json_decref(document);
}

static const struct reel_field *const odd_fields[] = {
    REEL_FIELD(.name = "a", .kind = REEL_FIELD_STRING, .filter = "b"),
    REEL_FIELD(.name = "b", .kind = REEL_FIELD_STRING, .filter = "c"),
    REEL_FIELD(.name = "d", .kind = REEL_FIELD_STRING, .filter = "d"),
    NULL,
};
static const struct reel_projector odd = {
    .struct_size = sizeof odd, .revision = 1, .collection = "odd", .fields = odd_fields};

static void a_filter_goes_before_a_field_of_its_name(void **state) {
    static const struct reel_projector *const projectors[] = {&odd, NULL};
    struct fake_host *fake = *state;
    fake->projectors = projectors;
    json_t *document = described(fake);
    json_t *list = operation_at(document, "/v1/odd", "get");
    each_operation(document, check_no_parameter_twice);
    assert_string_equal(json_string_value(json_object_get(
                            parameter_of(document, list, "query", "b"), "description")),
                        "Only records with this `a`");
    must(parameter_of(document, list, "query", "a") && parameter_of(document, list, "query", "c"));
    json_decref(document);
}

static void without_memory_it_is_a_problem(void **state) {
    assert_survives_no_memory(*state, handle_openapi, 31);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, sink_host_setup, sink_host_teardown)

UNIT_TESTS(openapi_test) {
    const struct CMUnitTest tests[] = {
        CASE(every_reference_leads_somewhere),
        CASE(no_template_is_left),
        CASE(every_path_has_its_parameters_declared),
        CASE(no_parameter_is_declared_twice),
        CASE(every_route_has_its_answers_described),
        CASE(operations_have_ids_of_their_own),
        CASE(every_route_is_there),
        CASE(only_health_is_open),
        CASE(problems_follow_from_the_route),
        CASE(events_are_taken_in_three_modes),
        CASE(a_collection_has_what_it_declares),
        CASE(a_command_is_summed_up_by_its_projector),
        CASE(filters_are_parameters),
        CASE(a_record_has_its_fields_or_null),
        CASE(without_collections_the_rest_is_described),
        CASE(a_filter_goes_before_a_field_of_its_name),
        CASE(without_memory_it_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
