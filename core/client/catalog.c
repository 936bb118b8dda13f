/* catalog.c: see catalog.h. */
#include "client/catalog.h"

#include "base/chars.h"
#include "base/cleanup.h"
#include "client/fetch.h"
#include "client/problem.h"
#include "event/key_name.h"

/* ---- The declarations ------------------------------------------------------------------------ */

int catalog_load(struct client *client, const json_t **ret, struct failure *failure) {
    int code =
        client->plugins ? 0 : fetch_json(client->http, "/v1/plugins", &client->plugins, failure);
    if (code == 0) *ret = client->plugins;
    return code;
}

const char *catalog_text(const json_t *object, const char *member) {
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

uint64_t catalog_number(const json_t *object, const char *member) {
    json_int_t number = json_integer_value(json_object_get(object, member));
    return number > 0 ? (uint64_t)number : 0;
}

void catalog_names(struct text *to, const json_t *array, const char *member, const char *between) {
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)array, i, one) {
        const char *name = json_string_value(member ? json_object_get(one, member) : one);
        if (i > 0) text_append_lit(to, between);
        text_append_lit(to, name ? name : "");
    }
}

const json_t *catalog_find(const json_t *array, const char *member, const char *text) {
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)array, i, one) {
        if (strcmp(catalog_text(one, member), text) == 0) return one;
    }
    return NULL;
}

static int refuse_collection(const json_t *collections, struct reel_str name,
                             struct failure *failure) {
    CLEANUP(text_finish) struct text names = {0};
    catalog_names(&names, collections, "name", ", ");
    failure_set(failure, "there is no collection `%.*s`", REEL_FMT(name));
    return failure_advise(failure, EXIT_FAILED, "The server has %.*s.", REEL_FMT(text_str(&names)));
}

int catalog_collection(struct client *client, struct reel_str name, const json_t **ret,
                       struct failure *failure) {
    const json_t *catalog;
    int code = catalog_load(client, &catalog, failure);
    if (code != 0) return code;
    const json_t *collections = json_object_get(catalog, "collections");
    AUTO_FREE char *text = str_copy(name);
    if (!text) return failure_memory(failure);
    *ret = catalog_find(collections, "name", text);
    return *ret ? 0 : refuse_collection(collections, name, failure);
}

int catalog_advise(const struct http_answer *answer, struct reel_str collection, int code,
                   struct failure *failure) {
    if (!problem_is(answer, "bad-request") || failure->advice[0]) return code;
    return failure_advise(failure, code, "reel plugins %.*s shows the fields and commands.",
                          REEL_FMT(collection));
}

const json_t *catalog_name_field(const json_t *collection) {
    size_t i;
    const json_t *field;
    json_array_foreach(json_object_get(collection, "fields"), i, field) {
        if (json_is_true(json_object_get(field, "is_name"))) return field;
    }
    return NULL;
}

/* ---- Records --------------------------------------------------------------------------------- */

struct target target_of(const char *operand) {
    size_t len = strcspn(operand, "/");
    struct target target = {.collection = {operand, len}, .key = {NULL, 0}};
    if (operand[len]) target.key = reel_text(operand + len + 1);
    return target;
}

void target_path(struct text *to, struct reel_str collection, struct reel_str key) {
    if (key.data) {
        key_target_append(to, collection, key);
        return;
    }
    text_append_lit(to, "/v1/");
    text_append_percent(to, collection, "-._~");
}

/* The key in the target of a record, or its short form: what is behind the last slash. Empty: there
 * is no target. */
static void read_location(const struct text *location, struct text *ret) {
    const char *at = location->len > 0 ? strrchr(location->data, '/') : NULL;
    for (at = at ? at + 1 : ""; *at; at++) {
        int high = at[0] == '%' ? char_hex_value(at[1]) : -1;
        int low = high < 0 ? -1 : char_hex_value(at[2]);
        char byte = low < 0 ? *at : (char)(high << 4 | low);
        if (low >= 0) at += 2;
        text_append(ret, &byte, 1);
    }
}

/* The server says where the record is that it has found. */
static int find_by_name(struct client *client, const json_t *collection, struct reel_str name,
                        struct text *ret, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const char *of = catalog_text(collection, "name");
    target_path(&path, reel_text(of), reel_text("by-name"));
    text_append_lit(&path, "/");
    text_append_percent(&path, name, "-._~");
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    int code = http_ask(client->http, &(struct http_request){.path = path.data}, &answer, failure);
    if (code != 0) return code;
    bool is_none = problem_is(&answer, "not-found"), are_several = problem_is(&answer, "conflict");
    if (!is_none && !are_several && answer.status != 200) return problem_failure(&answer, failure);
    if (answer.status == 200) {
        read_location(&answer.location, ret);
        text_append(ret, "", 1);
        if (ret->failed) return failure_memory(failure);
        ret->len--;
        if (key_is_name(text_str(ret)))
            return failure_set(failure, "the key of `%.*s` is not known: it has more than %d bytes",
                               REEL_FMT(name), KEY_PLAIN_MAX);
        return answer.location.len > 0 ? 0
                                       : failure_set(failure, "the server has not said the key");
    }
    failure_set(failure,
                is_none ? "there is no record `%.*s` in %s, and none of this name"
                        : "several records have the name `%.*s` in %s",
                REEL_FMT(name), of);
    return failure_advise(failure, EXIT_FAILED, "reel get %s lists the records.", of);
}

int target_key(struct client *client, const json_t *collection, struct reel_str given,
               struct text *ret, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const json_t *field = catalog_name_field(collection);
    target_path(&path, reel_text(catalog_text(collection, "name")), given);
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    if (field) {
        int code =
            http_ask(client->http, &(struct http_request){.path = path.data}, &answer, failure);
        if (code != 0) return code;
        if (problem_is(&answer, "not-found") || problem_is(&answer, "bad-request"))
            return find_by_name(client, collection, given, ret, failure);
        if (answer.status != 200) return problem_failure(&answer, failure);
    }
    text_append_str(ret, given);
    text_append(ret, "", 1);
    if (ret->failed) return failure_memory(failure);
    ret->len--;
    return 0;
}
