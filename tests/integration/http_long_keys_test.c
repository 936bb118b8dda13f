/* http_long_keys_test.c: records whose keys are longer than a target takes: they can be listed page
 * by page, and each can be asked for by its key's name (event/key_name.h). */
#include "http_support.h"

enum { LONG = 20000 };

/* A cell whose key has this many times the letter, and then the text. */
static void start(struct site *site, char letter, int count, const char *end) {
    char *id = malloc((size_t)count + strlen(end) + 1);
    memset(id, letter, (size_t)count);
    strcpy(id + count, end);
    cell_started(site->writer, id);
    free(id);
}

/* `next` as it goes into a target; free() it. NULL: there is none. */
static char *next_of(const json_t *page) {
    const char *next = json_string_value(json_object_get(page, "next"));
    struct text to = {0};
    for (; next && *next; next++) text_format(&to, "%%%02x", (unsigned char)*next);
    return to.data;
}

/* The last three bytes of each record's key, page by page of one record. */
static void check_pages(struct site *site, const char *filter, const char *wanted) {
    struct text found = {0};
    char *next = NULL;
    do {
        struct text path = {0};
        text_format(&path, "/v1/cells?limit=1%s", filter);
        if (next) text_format(&path, "&after=%s", next);
        assert_true(path.len < 2000);
        json_t *page = json_got(site->reader, path.data);
        const json_t *record;
        size_t i;
        json_array_foreach(json_object_get(page, "cells"), i, record) {
            const char *id = text_of(record, "id");
            text_format(&found, "%s,", id + strlen(id) - 3);
        }
        free(next);
        free(path.data);
        next = next_of(page);
        json_decref(page);
    } while (next);
    if (strcmp(found.data, wanted) != 0) fail_msg("%s instead of %s", found.data, wanted);
    free(found.data);
}

static void long_keys_do_not_end_the_paging(void **state) {
    struct site *site = *state;
    start(site, 'a', 3, "");
    start(site, 'k', LONG, "one");
    start(site, 'k', LONG, "two");
    start(site, 'k', LONG, "thr");
    start(site, 'k', 2000, "fou");
    start(site, 'z', 3, "");
    check_pages(site, "", "aaa,fou,one,thr,two,zzz,");
    check_pages(site, "&state=running", "aaa,fou,one,thr,two,zzz,");
}

/* Keys that begin like a name are written as one. */
static void a_key_that_begins_like_a_name_has_one(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "\\u007fab");
    cell_started(site->writer, "\\u007fabc");
    json_t *page = json_got(site->reader, "/v1/cells?limit=1");
    char *next = next_of(page);
    json_decref(page);
    struct text path = {0};
    text_format(&path, "/v1/cells/%s", next);
    json_t *record = json_got(site->reader, path.data);
    assert_string_equal(text_of(record, "id"), "\x7f"
                                               "ab");
    json_decref(record);
    free(path.data);
    free(next);
    get_problem(site->reader, "/v1/cells/%7Fab", 404, "not-found");
    get_problem(site->reader, "/v1/cells/%7Fzz", 400, "bad-request");
    get_problem(site->reader, "/v1/cells/%7F6", 400, "bad-request");
    get_problem(site->reader, "/v1/cells/%7F61.00", 400, "bad-request");
    get_problem(site->reader, "/v1/cells?after=%7Fzz", 400, "bad-request");
}

/* A name that is all of the key is like the key: the record need not exist, or not any more. */
static void a_whole_name_is_a_key(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "\\u007fone");
    json_t *page = json_got(site->writer, "/v1/cells/%7F7f6f6e65/history");
    assert_int_equal(json_array_size(json_object_get(page, "history")), 1);
    json_decref(page);
    struct reply reply = got(site->writer, "/v1/cells/%7F7f6e6f6e65/history", 404);
    must(strstr(reply.body.data, "no event of the log has changed such a record") != NULL);
    reply_free(&reply);
}

static void a_record_with_a_long_key_can_be_asked_for(void **state) {
    struct site *site = *state;
    start(site, 'k', LONG, "one");
    start(site, 'k', LONG, "two");
    start(site, 'z', 3, "");
    json_t *page = json_got(site->reader, "/v1/cells?limit=1");
    char *next = next_of(page);
    json_decref(page);
    struct text path = {0};
    text_format(&path, "/v1/cells/%s", next);
    json_t *record = json_got(site->reader, path.data);
    assert_string_equal(text_of(record, "id") + LONG, "one");
    json_decref(record);
    path.data[path.len - 1] ^= 1; /* another's hash */
    get_problem(site->reader, path.data, 404, "not-found");
    free(path.data);
    free(next);
}

/* Its name does not change when others come; where it is gone, none behind it is left out. */
static void a_page_goes_on_where_another_record_came_between(void **state) {
    struct site *site = *state;
    start(site, 'k', LONG, "one");
    start(site, 'k', LONG, "two");
    json_t *page = json_got(site->reader, "/v1/cells?limit=1");
    char *next = next_of(page);
    json_decref(page);
    start(site, 'k', LONG, "abc");
    start(site, 'k', LONG, "pqr");
    struct text path = {0};
    text_format(&path, "/v1/cells?after=%s", next);
    page = json_got(site->reader, path.data);
    const json_t *cells = json_object_get(page, "cells");
    assert_int_equal(json_array_size(cells), 2);
    assert_string_equal(text_of(json_array_get(cells, 0), "id") + LONG, "pqr");
    json_decref(page);
    path.data[path.len - 1] ^= 1; /* as if it had been deleted */
    page = json_got(site->reader, path.data);
    assert_int_equal(json_array_size(json_object_get(page, "cells")), 4);
    json_decref(page);
    free(path.data);
    free(next);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(long_keys_do_not_end_the_paging),
        CASE(a_key_that_begins_like_a_name_has_one),
        CASE(a_whole_name_is_a_key),
        CASE(a_record_with_a_long_key_can_be_asked_for),
        CASE(a_page_goes_on_where_another_record_came_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
