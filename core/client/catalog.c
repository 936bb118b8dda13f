/* catalog.c: see catalog.h. */
#include "client/catalog.h"

#include "base/cleanup.h"
#include "client/fetch.h"
#include "client/lines.h"
#include "client/problem.h"

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
    text_append_lit(to, "/v1/");
    text_append_percent(to, collection, "-._~");
    if (!key.data) return;
    text_append_lit(to, "/");
    text_append_percent(to, key, "-._~");
}

/* The keys that a record stream brings, up to the end of its snapshot. */
struct key_search {
    struct sse sse;
    struct text *key;
    size_t found;
    bool is_over;
};

static int take_frame(void *context, struct reel_str data) {
    struct key_search *search = context;
    json_t *frame = http_read_json(data);
    const json_t *key = json_object_get(frame, "key");
    search->is_over = json_is_true(json_object_get(frame, "snapshot"));
    if (json_is_string(key) && json_is_object(json_object_get(frame, "record"))) {
        search->key->len = 0;
        text_append(search->key, json_string_value(key), json_string_length(key));
        search->found++;
    }
    json_decref(frame);
    return search->is_over || search->found > 1;
}

static int take_bytes(void *context, struct reel_str bytes) {
    struct key_search *search = context;
    return sse_feed(&search->sse, bytes);
}

/* A list does not say the keys of its records, but a record stream does. */
static int find_by_name(struct client *client, const json_t *collection, const json_t *field,
                        struct reel_str name, struct text *ret, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    struct key_search search = {.key = ret};
    search.sse.take = take_frame;
    search.sse.context = &search;
    const char *of = catalog_text(collection, "name");
    target_path(&path, reel_text(of), (struct reel_str){NULL, 0});
    text_append_lit(&path, "?");
    text_append_percent(&path, reel_text(catalog_text(field, "filter")), "-._~");
    text_append_lit(&path, "=");
    text_append_percent(&path, name, "-._~");
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    const struct http_request request = {
        .path = path.data, .accept = "text/event-stream", .take = take_bytes, .context = &search};
    int code = http_ask(client->http, &request, &answer, failure);
    sse_finish(&search.sse);
    if (code != 0) return code;
    if (answer.status != 200) return problem_failure(&answer, failure);
    text_append(ret, "", 1);
    if (ret->failed) return failure_memory(failure);
    ret->len--;
    if (search.found == 1) return 0;
    failure_set(failure,
                search.found == 0 ? "there is no record `%.*s` in %s, and none of this name"
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
            return find_by_name(client, collection, field, given, ret, failure);
        if (answer.status != 200) return problem_failure(&answer, failure);
    }
    text_append_str(ret, given);
    text_append(ret, "", 1);
    if (ret->failed) return failure_memory(failure);
    ret->len--;
    return 0;
}
