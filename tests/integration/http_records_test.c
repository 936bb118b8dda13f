/* http_records_test.c: reading records over HTTP: lists and their pages, one by its key, one by its
 * name, and the headers of every read. */
#include "http_support.h"

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", LIBRARY_SO, NULL);
    *state = &site;
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* GET and HEAD give the same but for the body, and say where they stand. */
static void check_read(struct site *site, const char *path, long status) {
    struct reply reply = got(site->reader, path, status);
    struct reply head = asked(site->reader, "HEAD", path, NULL, NULL, status);
    static const char *const same[] = {"Content-Type", "Content-Length", "Reel-Cursor",
                                       "Reel-Epoch",   "ETag",           NULL};
    assert_int_equal(head.body.len, 0);
    for (const char *const *name = same; *name; name++) {
        const char *value = reply_header(&reply, *name);
        char *kept = strdup(value ? value : "none");
        value = reply_header(&head, *name);
        if (strcmp(kept, value ? value : "none") != 0) fail_msg("%s of HEAD %s", *name, path);
        free(kept);
    }
    assert_int_equal(strlen(reply_header(&reply, "Reel-Epoch")), 36);
    assert_non_null(reply_header(&reply, "Reel-Cursor"));
    assert_int_equal(strtoul(reply_header(&reply, "Content-Length"), NULL, 10), reply.body.len);
    assert_string_equal(reply_header(&reply, "Access-Control-Allow-Origin"), "*");
    if (status >= 400) assert_problem(&reply, status, status == 404 ? "not-found" : "conflict");
    reply_free(&reply);
    reply_free(&head);
}

static void check_cell(struct site *site, const char *path, const char *id, size_t len) {
    test_context("%s", path);
    json_t *cell = json_got(site->reader, path);
    const json_t *found = json_object_get(cell, "id");
    assert_int_equal(json_string_length(found), len);
    assert_memory_equal(json_string_value(found), id, len);
    json_decref(cell);
}

/* ---- Every read ------------------------------------------------------------------------------ */

static void every_read_says_where_it_stands_and_head_gives_the_same_headers(void **state) {
    struct site *site = *state;
    char id[37], path[128];
    cell_started(site->writer, "c1");
    formation_made(site->writer, "one", id);
    snprintf(path, sizeof path, "/v1/formations/%s", id);
    check_read(site, path, 200);
    static const struct {
        const char *path;
        long status;
    } reads[] = {{"/v1/cells", 200},
                 {"/v1/cells?limit=1&state=running", 200},
                 {"/v1/cells/c1", 200},
                 {"/v1/cells/c2", 404},
                 {"/v1/formations", 200},
                 {"/v1/formations/00000000-0000-0000-0000-000000000000", 404},
                 {"/v1/formations/by-name/one", 200},
                 {"/v1/formations/by-name/two", 404},
                 {"/v1/events", 200},
                 {"/v1/events?limit=1", 200},
                 {"/v1/events/1/raw", 200},
                 {"/v1/events/99/raw", 404},
                 {"/v1/rejected", 200}};
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        check_read(site, reads[i].path, reads[i].status);
    formation_made(site->writer, "one", id);
    check_read(site, "/v1/formations/by-name/one", 409);
}

static void an_empty_log_is_at_cursor_0_and_its_lists_are_empty(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, "/v1/cells", 200);
    assert_int_equal(cursor_of(&reply), 0);
    json_t *list = json_taken(reply);
    assert_int_equal(json_object_size(list), 3);
    assert_int_equal(number_of(list, "cursor"), 0);
    assert_int_equal(json_array_size(json_object_get(list, "cells")), 0);
    assert_int_equal(strlen(text_of(list, "epoch")), 36);
    json_decref(list);
    assert_int_equal(cell_started(site->writer, "first"), 1);
}

static void a_list_its_headers_and_status_tell_the_same_cursor_and_epoch(void **state) {
    struct site *site = *state;
    uint64_t seq = cell_started(site->writer, "c1");
    struct reply reply = got(site->reader, "/v1/cells", 200);
    json_t *status = json_got(site->reader, "/v1/status");
    assert_int_equal(cursor_of(&reply), seq);
    assert_string_equal(reply_header(&reply, "Reel-Epoch"), text_of(status, "epoch"));
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    json_t *list = json_taken(reply);
    assert_int_equal(number_of(list, "cursor"), seq);
    assert_int_equal(number_of(status, "cursor"), seq);
    assert_string_equal(text_of(list, "epoch"), text_of(status, "epoch"));
    json_decref(list);
    json_decref(status);
}

static void a_cell_has_every_field_in_the_declared_order(void **state) {
    struct site *site = *state;
    posted(site->writer, "e1", CELL_STARTED, "{\"cellId\":\"c\",\"specId\":\"s\",\"runId\":\"r\"}",
           "applied");
    struct reply reply = got(site->reader, "/v1/cells/c", 200);
    assert_string_equal(reply.body.data,
                        "{\"id\":\"c\",\"spec_id\":\"s\",\"run_id\":\"r\",\"state\":\"running\","
                        "\"status\":\"running\",\"formation_id\":null,\"started_at\":null,"
                        "\"destroyed_at\":null,\"outcome\":null,\"exit_code\":null}");
    reply_free(&reply);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static void keys_of_any_characters_are_found_percent_encoded(void **state) {
    struct site *site = *state;
    static const char *const ids[] = {
        "",  "a/b",   "a b",     "a\\u0000b", "\\u0000", "gr\xC3\xBC",
        "%", "a+b",   "by-name", "..",        "a?b#c",   "\xF0\x9F\x8E\x9E",
        "&", "a\\nb", "=",       "\\\"",      "%2F",     NULL};
    for (const char *const *id = ids; *id; id++) cell_started(site->writer, *id);
    check_cell(site, "/v1/cells/", "", 0);
    check_cell(site, "/v1/cells/a%2Fb", "a/b", 3);
    check_cell(site, "/v1/cells/a%2fb", "a/b", 3);
    check_cell(site, "/v1/cells/a%20b", "a b", 3);
    check_cell(site, "/v1/cells/a%00b", "a\0b", 3);
    check_cell(site, "/v1/cells/%00", "", 1);
    check_cell(site, "/v1/cells/gr%C3%BC", "gr\xC3\xBC", 4);
    check_cell(site, "/v1/cells/gr\xC3\xBC", "gr\xC3\xBC", 4);
    check_cell(site, "/v1/cells/%25", "%", 1);
    check_cell(site, "/v1/cells/a+b", "a+b", 3);
    check_cell(site, "/v1/cells/a%2Bb", "a+b", 3);
    check_cell(site, "/v1/cells/by-name", "by-name", 7);
    check_cell(site, "/v1/cells/..", "..", 2);
    check_cell(site, "/v1/cells/a%3Fb%23c", "a?b#c", 5);
    check_cell(site, "/v1/cells/%F0%9F%8E%9E", "\xF0\x9F\x8E\x9E", 4);
    check_cell(site, "/v1/cells/&", "&", 1);
    check_cell(site, "/v1/cells/a%0Ab", "a\nb", 3);
    check_cell(site, "/v1/cells/=", "=", 1);
    check_cell(site, "/v1/cells/%22", "\"", 1);
    check_cell(site, "/v1/cells/%252F", "%2F", 3);
}

static void a_target_that_is_not_percent_encoded_utf8_is_a_bad_request(void **state) {
    struct site *site = *state;
    static const char *const paths[] = {"/v1/cells/%",         "/v1/cells/%2",
                                        "/v1/cells/%zz",       "/v1/cells/a%2",
                                        "/v1/cells/%ff",       "/v1/cells/%C3",
                                        "/v1/cells/%C0%AF",    "/v1/cells/%ED%A0%80",
                                        "/v1/%cells",          "/v1/cells?after=%f",
                                        "/v1/cells?after=%ff", "/v1/cells?%zz=1",
                                        "/v1/cells/%+1",       NULL};
    for (const char *const *path = paths; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
}

static void a_slash_that_is_not_encoded_separates_segments(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "a/b");
    get_problem(site->reader, "/v1/cells/a/b", 404, "not-found");
    get_problem(site->reader, "//v1/cells", 404, "not-found");
    get_problem(site->reader, "/v1//cells", 404, "not-found");
    get_problem(site->reader, "/v1/cells/a/b/c/d/e/f/g/h", 400, "bad-request");
    get_problem(site->reader, "/v1%2Fcells", 404, "not-found");
    get_problem(site->reader, "//", 404, "not-found");
}

static void a_formation_is_found_by_its_uuid_in_any_form_and_a_key_that_is_none_is_400(
    void **state) {
    struct site *site = *state;
    posted(site->writer, "e1", "dev.cellos.events.cell.formation.v1.created",
           "{\"formationId\":\"0123ABCD-4567-89ab-cdef-0123456789ab\",\"name\":\"n\"}", "applied");
    static const char *const forms[] = {
        "/v1/formations/0123abcd-4567-89ab-cdef-0123456789ab",
        "/v1/formations/0123ABCD-4567-89AB-CDEF-0123456789AB",
        "/v1/formations/0123abcd456789abcdef0123456789ab",
        "/v1/formations/%7B0123abcd-4567-89ab-cdef-0123456789ab%7D",
        "/v1/formations/urn:uuid:0123abcd-4567-89ab-cdef-0123456789ab",
        NULL};
    for (const char *const *form = forms; *form; form++) {
        json_t *record = json_got(site->reader, *form);
        assert_string_equal(text_of(record, "id"), "0123abcd-4567-89ab-cdef-0123456789ab");
        json_decref(record);
    }
    static const char *const wrong[] = {
        "/v1/formations/", "/v1/formations/n", "/v1/formations/0123abcd-4567-89ab-cdef-0123456789a",
        "/v1/formations/0123abcd-4567-89ab-cdef-0123456789ab%00", NULL};
    for (const char *const *path = wrong; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* What a page's `next` is: NULL when there is none. */
static char *page(struct site *site, const char *path, const char *ids) {
    json_t *list = json_got(site->reader, path);
    char *all = listed(json_object_get(list, "cells"), "id");
    if (strcmp(all, ids) != 0) fail_msg("%s: %s instead of %s", path, all, ids);
    const json_t *next = json_object_get(list, "next");
    char *copy = next ? strdup(json_string_value(next)) : NULL;
    free(all);
    json_decref(list);
    return copy;
}

static void check_page(struct site *site, const char *path, const char *ids, const char *next) {
    char *found = page(site, path, ids);
    if (!next) assert_null(found);
    if (next) assert_non_null(found);
    if (next) assert_string_equal(found, next);
    free(found);
}

static void pages_follow_each_other_by_the_bytes_of_the_keys(void **state) {
    struct site *site = *state;
    static const char *const ids[] = {"b", "a", "\xC3\xA9", "", "B", "ab", NULL};
    for (const char *const *id = ids; *id; id++) cell_started(site->writer, *id);
    check_page(site, "/v1/cells", ",B,a,ab,b,\xC3\xA9,", NULL);
    check_page(site, "/v1/cells?limit=1", ",", "");
    check_page(site, "/v1/cells?limit=1&after=", "B,", "B");
    check_page(site, "/v1/cells?limit=1&after", "B,", "B");
    check_page(site, "/v1/cells?limit=2&after=B", "a,ab,", "ab");
    check_page(site, "/v1/cells?limit=2&after=ab", "b,\xC3\xA9,", NULL);
    check_page(site, "/v1/cells?limit=3&after=ab", "b,\xC3\xA9,", NULL);
    check_page(site, "/v1/cells?after=ab", "b,\xC3\xA9,", NULL);
    check_page(site, "/v1/cells?after=aa", "ab,b,\xC3\xA9,", NULL);
    check_page(site, "/v1/cells?after=%C3%A9", "", NULL);
    check_page(site, "/v1/cells?limit=6", ",B,a,ab,b,\xC3\xA9,", NULL);
    check_page(site, "/v1/cells?limit=5", ",B,a,ab,b,", "b");
}

static void limit_is_clamped_from_1_to_1000_and_absent_gives_all(void **state) {
    struct site *site = *state;
    struct text batch = {0};
    text_add(&batch, "[", 1);
    for (int i = 0; i < 1001; i++) {
        char id[32], data[64];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(data, sizeof data, "{\"cellId\":\"%04d\",\"specId\":\"s\"}", i);
        if (i > 0) text_add(&batch, ",", 1);
        event_add(&batch, id, CELL_STARTED, data);
    }
    text_add(&batch, "]", 1);
    struct reply reply = asked(site->writer, "POST", "/v1/events",
                               "Content-Type: application/cloudevents-batch+json", batch.data, 201);
    reply_free(&reply);
    free(batch.data);
    static const struct {
        const char *path;
        size_t records;
        const char *next;
    } cases[] = {{"/v1/cells", 1001, NULL},
                 {"/v1/cells?limit=1000", 1000, "0999"},
                 {"/v1/cells?limit=1001", 1000, "0999"},
                 {"/v1/cells?limit=99999999999999999999999999", 1000, "0999"},
                 {"/v1/cells?limit=0", 1, "0000"},
                 {"/v1/cells?limit=1000&after=0000", 1000, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *list = json_got(site->reader, cases[i].path);
        assert_int_equal(json_array_size(json_object_get(list, "cells")), cases[i].records);
        if (cases[i].next) assert_string_equal(text_of(list, "next"), cases[i].next);
        if (!cases[i].next) assert_null(json_object_get(list, "next"));
        json_decref(list);
    }
    static const char *const wrong[] = {"/v1/cells?limit=", "/v1/cells?limit=x",
                                        "/v1/cells?limit=-1", "/v1/cells?limit=1.5", NULL};
    for (const char *const *path = wrong; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
}

/* ---- By name --------------------------------------------------------------------------------- */

static void by_name_gives_the_one_record_or_says_that_there_is_none_or_several(void **state) {
    struct site *site = *state;
    char first[37], second[37];
    get_problem(site->reader, "/v1/formations/by-name/twin", 404, "not-found");
    formation_made(site->writer, "twin", first);
    json_t *record = json_got(site->reader, "/v1/formations/by-name/twin");
    assert_string_equal(text_of(record, "id"), first);
    json_decref(record);
    formation_made(site->writer, "twin", second);
    formation_made(site->writer, "twi", second);
    formation_made(site->writer, "twin", second);
    struct reply reply = got(site->reader, "/v1/formations/by-name/twin", 409);
    assert_problem(&reply, 409, "conflict");
    assert_non_null(strstr(reply.body.data, first));
    assert_non_null(strstr(reply.body.data, second));
    reply_free(&reply);
    get_problem(site->reader, "/v1/formations/by-name/TWIN", 404, "not-found");
}

static void names_of_any_characters_are_found(void **state) {
    struct site *site = *state;
    static const char *const names[][2] = {{"a/b", "a%2Fb"},
                                           {"a\\u0000b", "a%00b"},
                                           {"\\\"quoted\\\"", "%22quoted%22"},
                                           {"back\\\\slash", "back%5Cslash"},
                                           {"gr\xC3\xBC", "gr%C3%BC"},
                                           {"gr\\u00fcn", "gr\xC3\xBCn"},
                                           {"line\\nend", "line%0Aend"},
                                           {"", ""},
                                           {"status", "status"}};
    char id[37], path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        formation_made(site->writer, names[i][0], id);
        snprintf(path, sizeof path, "/v1/formations/by-name/%s", names[i][1]);
        json_t *record = json_got(site->reader, path);
        assert_string_equal(text_of(record, "id"), id);
        json_decref(record);
    }
}

static void a_collection_without_names_has_no_by_name(void **state) {
    struct site *site = *state;
    get_problem(site->reader, "/v1/cells/by-name/c", 404, "not-found");
    get_problem(site->reader, "/v1/nothing/by-name/c", 404, "not-found");
    get_problem(site->reader, "/v1/nothing", 404, "not-found");
}

static void a_record_with_the_empty_key_is_found_and_removed_by_its_name(void **state) {
    struct site *site = *state;
    posted(site->writer, "e1", "test.library.v1.book", "{\"key\":\"\",\"title\":\"none\"}",
           "applied");
    posted(site->writer, "e2", "test.library.v1.book", "{\"key\":\"by-name\",\"title\":\"other\"}",
           "applied");
    json_t *record = json_got(site->reader, "/v1/books/by-name/none");
    assert_string_equal(text_of(record, "title"), "none");
    json_decref(record);
    struct reply reply = asked(site->writer, "DELETE", "/v1/books/by-name/none", NULL, NULL, 200);
    reply_free(&reply);
    check_listed(site->reader, "/v1/books", "books", "title", "other,");
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* GET of this path shows the record at that one. */
static void check_location(struct site *site, const char *path, const char *wanted) {
    struct reply reply = got(site->reader, path, 200);
    const char *location = reply_header(&reply, "Content-Location");
    assert_string_equal(location ? location : "(none)", wanted);
    reply_free(&reply);
}

static void a_record_s_own_target_is_told_however_it_was_found(void **state) {
    struct site *site = *state;
    char id[37], path[128], wanted[128];
    formation_made(site->writer, "one", id);
    snprintf(wanted, sizeof wanted, "/v1/formations/%s", id);
    check_location(site, "/v1/formations/by-name/one", wanted);
    check_location(site, wanted, wanted);
    snprintf(path, sizeof path, "/v1/formations/urn:uuid:%s", id);
    check_location(site, path, wanted);
    posted(site->writer, "b", "test.library.v1.shelf",
           "{\"key\":\"a/b \\u00e9\",\"name\":\"shelf 1\"}", "applied");
    check_location(site, "/v1/shelves/by-name/shelf%201", "/v1/shelves/a%2Fb%20%C3%A9");
    struct reply reply = got(site->reader, "/v1/formations", 200);
    assert_null(reply_header(&reply, "Content-Location"));
    reply_free(&reply);
    reply = asked(site->writer, "POST", "/v1/formations", "Content-Type: application/json",
                  "{\"name\":\"two\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}", 201);
    assert_null(reply_header(&reply, "Content-Location"));
    assert_non_null(reply_header(&reply, "Location"));
    reply_free(&reply);
}

static void check_body(struct site *site, const char *path, const char *accept,
                       const char *wanted) {
    struct reply reply = asked(site->reader, "GET", path, accept, NULL, 200);
    if (strncmp(reply.body.data, wanted, strlen(wanted)) != 0)
        fail_msg("%s: %s instead of %s", path, reply.body.data, wanted);
    reply_free(&reply);
}

#define BOOK                                                                                       \
    "{\"title\":%s,\"author\":null,\"pages\":null,\"weight\":null,\"lent\":null,\"tags\":null,"    \
    "\"binding\":null,\"shelf_id\":null}"

/* A book does not say its key. */
static void a_list_of_frames_has_the_key_of_each_record(void **state) {
    struct site *site = *state;
    char wanted[1024];
    posted(site->writer, "b1", "test.library.v1.book", "{\"key\":\"b\",\"title\":\"B\"}",
           "applied");
    posted(site->writer, "b2", "test.library.v1.book", "{\"key\":\"a\",\"title\":\"A\"}",
           "applied");
    snprintf(wanted, sizeof wanted,
             "{\"books\":[{\"seq\":2,\"key\":\"a\",\"record\":" BOOK
             "},{\"seq\":1,\"key\":\"b\",\"record\":" BOOK "}],\"cursor\":2,",
             "\"A\"", "\"B\"");
    check_body(site, "/v1/books?frames=true", NULL, wanted);
    snprintf(wanted, sizeof wanted,
             "{\"seq\":2,\"key\":\"a\",\"record\":" BOOK
             "}\n{\"seq\":1,\"key\":\"b\",\"record\":" BOOK "}\n",
             "\"A\"", "\"B\"");
    check_body(site, "/v1/books?frames=true", "Accept: application/x-ndjson", wanted);
    snprintf(wanted, sizeof wanted, "{\"books\":[" BOOK "," BOOK "],\"cursor\":2,", "\"A\"",
             "\"B\"");
    check_body(site, "/v1/books?frames=false", NULL, wanted);
    json_t *page =
        json_got(site->reader, "/v1/books?frames=true&order=-changed&limit=1&count=true");
    const json_t *first = json_array_get(json_object_get(page, "books"), 0);
    assert_string_equal(text_of(first, "key"), "a");
    assert_int_equal(number_of(page, "count"), 2);
    assert_non_null(json_object_get(page, "next"));
    json_decref(page);
    static const char *const wrong[] = {"/v1/books?frames=yes",
                                        "/v1/books?frames=true&group=binding",
                                        "/v1/books?frames=true&since=0", NULL};
    for (const char *const *path = wrong; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
    check_problem(site->reader, "GET", "/v1/books?frames=true", "Accept: text/csv", NULL, 400,
                  "bad-request");
    check_problem(site->reader, "GET", "/v1/books?frames=true", "Accept: text/event-stream", NULL,
                  400, "bad-request");
}

/* Longer than what is made at once: it is counted first, and made in blocks. */
static void a_long_list_of_frames_is_complete(void **state) {
    struct site *site = *state;
    enum { BOOKS = 20000 };
    struct text lines = {0};
    for (int i = 0; i < BOOKS; i++)
        text_format(&lines,
                    "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"/b\",\"type\":"
                    "\"test.library.v1.book\",\"data\":{\"key\":\"book-%05d\"}}\n",
                    i, i);
    post_lines(site->writer, &lines);
    json_t *list = json_got(site->reader, "/v1/books?frames=true");
    const json_t *frame;
    size_t i;
    json_array_foreach(json_object_get(list, "books"), i, frame) {
        char key[32];
        snprintf(key, sizeof key, "book-%05zu", i);
        assert_string_equal(text_of(frame, "key"), key);
        assert_int_equal(number_of(frame, "seq"), i + 1);
    }
    assert_int_equal(json_array_size(json_object_get(list, "books")), BOOKS);
    json_decref(list);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_read_says_where_it_stands_and_head_gives_the_same_headers),
        CASE(an_empty_log_is_at_cursor_0_and_its_lists_are_empty),
        CASE(a_list_its_headers_and_status_tell_the_same_cursor_and_epoch),
        CASE(a_cell_has_every_field_in_the_declared_order),
        CASE(keys_of_any_characters_are_found_percent_encoded),
        CASE(a_target_that_is_not_percent_encoded_utf8_is_a_bad_request),
        CASE(a_slash_that_is_not_encoded_separates_segments),
        CASE(a_formation_is_found_by_its_uuid_in_any_form_and_a_key_that_is_none_is_400),
        CASE(pages_follow_each_other_by_the_bytes_of_the_keys),
        CASE(limit_is_clamped_from_1_to_1000_and_absent_gives_all),
        CASE(by_name_gives_the_one_record_or_says_that_there_is_none_or_several),
        CASE(names_of_any_characters_are_found),
        CASE(a_collection_without_names_has_no_by_name),
        CASE(a_record_with_the_empty_key_is_found_and_removed_by_its_name),
        CASE(a_record_s_own_target_is_told_however_it_was_found),
        CASE(a_list_of_frames_has_the_key_of_each_record),
        CASE(a_long_list_of_frames_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
