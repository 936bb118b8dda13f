/* http_generic_test.c: a plugin that nobody knew of (plugins/library.c): its collections, fields,
 * filters and commands are served and described without a line about them in the HTTP sink. */
#include "http_support.h"

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", LIBRARY_SO, NULL);
    *state = &site;
    return 0;
}

static const json_t *named(const json_t *list, const char *name) {
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)list, i, item) {
        if (strcmp(text_of(item, "name"), name) == 0) return item;
    }
    return NULL;
}

/* ---- Served ---------------------------------------------------------------------------------- */

static void its_records_are_served_with_every_declared_field(void **state) {
    struct site *site = *state;
    posted(
        site->writer, "e1", "test.library.v1.book",
        "{\"key\":\"a/"
        "b\",\"title\":\"T\",\"pages\":3,\"weight\":0.250,\"lent\":false,\"tags\":{\"x\":[1.50]},"
        "\"binding\":\"Paper\",\"shelf\":\"s\"}",
        "applied");
    static const char wanted[] =
        "{\"title\":\"T\",\"author\":null,\"pages\":3,\"weight\":0.25,\"lent\":false,"
        "\"tags\":{\"x\":[1.50]},\"binding\":\"Paper\",\"shelf_id\":\"s\"}";
    struct reply reply = got(site->reader, "/v1/books/a%2Fb", 200);
    assert_string_equal(reply.body.data, wanted);
    assert_non_null(strstr(reply_header(&reply, "ETag"), "-7-0-1\"")); /* its revision */
    reply_free(&reply);
    reply = got(site->reader, "/v1/books/by-name/T", 200);
    assert_string_equal(reply.body.data, wanted);
    reply_free(&reply);
    check_listed(site->reader, "/v1/books", "books", "title", "T,");
    check_listed(site->reader, "/v1/books?shelf=s&lent=false&pages=3", "books", "title", "T,");
    json_t *shelves = json_got(site->reader, "/v1/shelves");
    assert_int_equal(json_array_size(json_object_get(shelves, "shelves")), 0);
    json_decref(shelves);
}

static void rejections_are_listed_under_their_collection(void **state) {
    struct site *site = *state;
    posted(site->writer, "e1", "test.library.v1.book", "{}", "rejected");
    json_t *answer = json_got(site->reader, "/v1/rejected");
    const json_t *one = json_array_get(json_object_get(answer, "rejected"), 0);
    assert_string_equal(text_of(one, "collection"), "books");
    assert_string_equal(text_of(one, "reason"), "book without a key");
    json_decref(answer);
}

static void its_commands_are_taken(void **state) {
    struct site *site = *state;
    struct reply reply =
        sent(site->writer, "/v1/books", "{\"title\":\"New\",\"author\":\"A\"}", 201);
    const char *location = reply_header(&reply, "Location");
    assert_memory_equal(location, "/v1/books/", 10);
    assert_int_equal(strlen(location), 46);
    reply_free(&reply);
    reply = sent(site->writer, "/v1/books", "{\"title\":\"Own\",\"key\":\"a/b c\\u0000\"}", 201);
    assert_string_equal(reply_header(&reply, "Location"), "/v1/books/a%2Fb%20c%00");
    assert_non_null(strstr(reply.body.data, ",\"shelf_id\":null,\"cursor\":2}"));
    reply_free(&reply);
    reply = sent(site->writer, "/v1/books/a%2Fb%20c%00/lend", "{\"lent\":true}", 200);
    assert_non_null(strstr(reply.body.data, "\"lent\":true"));
    reply_free(&reply);
    reply = asked(site->writer, "DELETE", "/v1/books/by-name/Own", NULL, NULL, 200);
    assert_string_equal(reply.body.data, "null"); /* there is no record any more */
    assert_int_equal(cursor_of(&reply), 4);
    reply_free(&reply);
    get_problem(site->reader, "/v1/books/a%2Fb%20c%00", 404, "not-found");
    check_listed(site->reader, "/v1/books", "books", "title", "New,");
}

static void its_refusals_are_problems_of_its_own_names(void **state) {
    struct site *site = *state;
    static const char book[] = "{\"title\":\"T\",\"key\":\"k\"}";
    struct reply reply = sent(site->writer, "/v1/books", book, 201);
    reply_free(&reply);
    post_problem(site->writer, "/v1/books", book, 409, "book-exists");
    post_problem(site->writer, "/v1/books/none/lend", "{}", 404, "not-found");
    post_problem(site->writer, "/v1/books/k/burn", "{}", 404, "not-found");
    post_problem(site->writer, "/v1/shelves", "{}", 405, "method-not-allowed");
    check_problem(site->writer, "DELETE", "/v1/shelves/s", NULL, NULL, 405, "method-not-allowed");
    post_problem(site->reader, "/v1/books", book, 403, "forbidden");
    post_problem(site->nobody, "/v1/books", book, 401, "unauthorized");
    get_problem(site->reader, "/v1/books?key=k", 400, "bad-request");
}

/* ---- Described ------------------------------------------------------------------------------- */

static void it_is_among_the_plugins_with_what_it_declares(void **state) {
    struct site *site = *state;
    json_t *answer = json_got(site->reader, "/v1/plugins");
    const json_t *plugins = json_object_get(answer, "plugins");
    const json_t *plugin = named(plugins, "library");
    assert_non_null(plugin);
    assert_string_equal(text_of(plugin, "version"), "2.5.1");
    assert_string_equal(text_of(plugin, "path"), LIBRARY_SO);
    assert_non_null(named(plugins, "cell"));
    assert_non_null(named(plugins, "formation"));
    const json_t *books = named(json_object_get(answer, "collections"), "books");
    assert_int_equal(number_of(books, "revision"), 7);
    char *fields = listed(json_object_get(books, "fields"), "name");
    assert_string_equal(fields, "title,author,pages,weight,lent,tags,binding,shelf_id,");
    free(fields);
    char *kinds = listed(json_object_get(books, "fields"), "kind");
    assert_string_equal(kinds, "string,string,integer,number,boolean,json,one_of,string,");
    free(kinds);
    char *verbs = listed(json_object_get(books, "commands"), "verb");
    assert_string_equal(verbs, "create,delete,lend,");
    free(verbs);
    json_decref(answer);
}

static const json_t *operation(const json_t *api, const char *path, const char *method) {
    const json_t *paths = json_object_get(api, "paths");
    const json_t *found = json_object_get(json_object_get(paths, path), method);
    if (!found) fail_msg("no %s %s", method, path);
    return found;
}

static void its_routes_filters_and_records_are_in_the_api_s_description(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, "/v1/openapi.json", 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    json_t *api = json_taken(reply);
    assert_memory_equal(text_of(api, "openapi"), "3.1", 3);
    operation(api, "/v1/books/{key}", "get");
    operation(api, "/v1/books/{key}", "delete");
    operation(api, "/v1/books/by-name/{name}", "get");
    operation(api, "/v1/books/by-name/{name}", "delete");
    assert_string_equal(text_of(operation(api, "/v1/books", "post"), "summary"), "Buy a book");
    assert_string_equal(text_of(operation(api, "/v1/books/{key}/lend", "post"), "summary"),
                        "Say whether a book is lent");
    const json_t *parameters = json_object_get(operation(api, "/v1/books", "get"), "parameters");
    static const char *const filters[] = {"title", "pages",    "weight", "binding",
                                          "shelf", "shelf_id", NULL};
    for (const char *const *filter = filters; *filter; filter++) {
        const json_t *item;
        size_t i, found = 0;
        json_array_foreach((json_t *)parameters, i, item) {
            const char *name = json_string_value(json_object_get(item, "name"));
            if (name && strcmp(name, *filter) == 0) found++;
        }
        assert_int_equal(found, 1);
    }
    const json_t *schemas = json_object_get(json_object_get(api, "components"), "schemas");
    const json_t *book = json_object_get(json_object_get(schemas, "books"), "properties");
    assert_int_equal(json_object_size(book), 8);
    assert_string_equal(text_of(json_object_get(book, "weight"), "format"), "double");
    assert_null(
        json_object_get(json_object_get(json_object_get(api, "paths"), "/v1/shelves"), "post"));
    json_decref(api);
}

/* Each reference within the description leads somewhere. */
static void check_references(const json_t *api, const json_t *part) {
    const char *name;
    const json_t *inner;
    size_t i;
    json_array_foreach((json_t *)part, i, inner) check_references(api, inner);
    json_object_foreach((json_t *)part, name, inner) {
        check_references(api, inner);
        if (strcmp(name, "$ref") != 0) continue;
        char section[64], component[128];
        const json_t *components = json_object_get(api, "components");
        must(sscanf(json_string_value(inner), "#/components/%63[^/]/%127s", section, component) ==
             2);
        if (!json_object_get(json_object_get(components, section), component))
            fail_msg("%s leads nowhere", json_string_value(inner));
    }
}

static void every_reference_of_the_description_leads_somewhere(void **state) {
    struct site *site = *state;
    json_t *api = json_got(site->reader, "/v1/openapi.json");
    check_references(api, api);
    json_decref(api);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(its_records_are_served_with_every_declared_field),
        CASE(rejections_are_listed_under_their_collection),
        CASE(its_commands_are_taken),
        CASE(its_refusals_are_problems_of_its_own_names),
        CASE(it_is_among_the_plugins_with_what_it_declares),
        CASE(its_routes_filters_and_records_are_in_the_api_s_description),
        CASE(every_reference_of_the_description_leads_somewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
