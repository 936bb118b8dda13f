/* http_filters_test.c: `?field=value` on lists: every kind of field, references and names. */
#include "http_support.h"

#define BOOK  "test.library.v1.book"
#define SHELF "test.library.v1.shelf"

/* Books a to f on two shelves. */
static void fill(struct site *site) {
    static const char *const books[] = {
        "{\"key\":\"a\",\"title\":\"A\",\"author\":\"Ann\",\"pages\":0,\"weight\":1.50,\"lent\":"
        "true,"
        "\"tags\":[1,\"x\"],\"binding\":\"Cloth\",\"shelf\":\"s1\"}",
        "{\"key\":\"b\",\"title\":\"B\",\"author\":\"ANN\",\"pages\":-12,\"weight\":-0.0,\"lent\":"
        "false,"
        "\"tags\":null,\"binding\":\"Paper\",\"shelf\":\"s2\"}",
        "{\"key\":\"c\",\"title\":\"C\",\"author\":\"Bob\",\"pages\":120,\"weight\":1e21,\"shelf\":"
        "\"s3\"}",
        "{\"key\":\"d\",\"title\":\"D\",\"author\":\"null\",\"tags\":\"plain\"}",
        "{\"key\":\"e\",\"title\":\"E\",\"author\":\"a\\u0000\\\"\\\\\\u00fc\\n/\","
        "\"shelf\":\"null\"}",
        "{\"key\":\"f\",\"title\":\"F\",\"author\":\"\",\"pages\":9223372036854775807}",
        NULL};
    char id[16];
    for (size_t i = 0; books[i]; i++) {
        snprintf(id, sizeof id, "book-%zu", i);
        posted(site->writer, id, BOOK, books[i], "applied");
    }
    posted(site->writer, "s1", SHELF, "{\"key\":\"s1\",\"name\":\"top\"}", "applied");
    posted(site->writer, "s2", SHELF, "{\"key\":\"s2\",\"name\":\"top\"}", "applied");
    posted(site->writer, "s3", SHELF, "{\"key\":\"s3\",\"name\":\"s1\"}", "applied");
}

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", LIBRARY_SO, NULL);
    fill(&site);
    *state = &site;
    return 0;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void check_books(struct site *site, const char *query, const char *titles) {
    char path[256];
    snprintf(path, sizeof path, "/v1/books?%s", query);
    check_listed(site->reader, path, "books", "title", titles);
}

static void each_kind_of_field_filters_by_its_value(void **state) {
    struct site *site = *state;
    static const char *const cases[][2] = {
        {"title=A", "A,"},
        {"title=", ""},
        {"title=a", ""},
        {"author=ann", "A,B,"},
        {"author=aNN", "A,B,"},
        {"author=", "F,"},
        {"author=a%00%22%5C%C3%BC%0A%2F", "E,"},
        {"author=a%00%22%5C%C3%BC%0A/", "E,"},
        {"pages=0", "A,"},
        {"pages=-12", "B,"},
        {"pages=9223372036854775807", "F,"},
        {"pages=1", ""},
        {"weight=1.5", "A,"},
        {"weight=1.500", "A,"},
        {"weight=15e-1", "A,"},
        {"weight=0", "B,"},
        {"weight=-0", "B,"},
        {"weight=0.0", "B,"},
        {"weight=1e%2B21", "C,"},
        {"weight=1000000000000000000000", "C,"},
        {"weight=1.4999999999999999", "A,"}, /* the same double */
        {"weight=1.5000000000000002", ""},
        {"lent=true", "A,"},
        {"lent=false", "B,"},
        {"tags=[1,%22x%22]", "A,"},
        {"tags=plain", "D,"},
        {"binding=Cloth", "A,"},
        {"author=ann&lent=true", "A,"},
        {"author=ann&lent=true&pages=7", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_books(site, cases[i][0], cases[i][1]);
}

static void a_value_that_a_field_cannot_have_is_a_bad_request(void **state) {
    struct site *site = *state;
    static const char *const paths[] = {"/v1/books?pages=x",
                                        "/v1/books?pages=",
                                        "/v1/books?pages=1.5",
                                        "/v1/books?pages=null",
                                        "/v1/books?pages=-",
                                        "/v1/books?lent=yes",
                                        "/v1/books?lent=TRUE",
                                        "/v1/books?lent=",
                                        "/v1/books?binding=cloth",
                                        "/v1/books?binding=x",
                                        "/v1/books?binding=",
                                        "/v1/cells?state=gone",
                                        "/v1/cells?state=",
                                        "/v1/cells?exit_code=x",
                                        "/v1/formations?status=DONE",
                                        "/v1/books?key=a",
                                        "/v1/books?Title=A",
                                        "/v1/books?title%00=A",
                                        "/v1/books?titl",
                                        "/v1/cells?status=LOUD",
                                        "/v1/books?=a",
                                        "/v1/books?weight=x",
                                        "/v1/books?weight=",
                                        "/v1/books?weight=NaN",
                                        "/v1/books?weight=Infinity",
                                        "/v1/books?weight=01",
                                        "/v1/books?weight=1e999",
                                        "/v1/books?weight=null",
                                        NULL};
    for (const char *const *path = paths; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
}

static void a_field_that_is_not_set_has_no_value_to_be_found_by(void **state) {
    struct site *site = *state;
    check_books(site, "author=null", "D,");
    check_books(site, "author=NULL", "D,");
    check_books(site, "shelf=null", "E,");
    check_books(site, "shelf_id=null", "E,");
    posted(site->writer, "s4", SHELF, "{\"key\":\"s4\",\"name\":\"null\"}", "applied");
    check_books(site, "shelf=null", "E,");
}

static void a_reference_is_asked_for_by_key_or_by_any_record_of_that_name(void **state) {
    struct site *site = *state;
    check_books(site, "shelf=s2", "B,");
    check_books(site, "shelf=top", "A,B,");
    check_books(site, "shelf_id=top", "A,B,");
    check_books(site, "shelf=s1", "A,C,");
    check_books(site, "shelf=s9", "");
    check_books(site, "shelf=top&limit=1", "A,");
}

static void cells_are_found_by_state_in_any_case(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "c1");
    cell_started(site->writer, "c2");
    cell_event(site->writer, CELL_DESTROYED, "c2");
    posted(site->writer, "done", "dev.cellos.events.cell.command.v1.completed",
           "{\"cellId\":\"c3\",\"specId\":\"s\",\"exitCode\":-3}", "applied");
    static const char *const cases[][2] = {
        {"/v1/cells?state=running", "c1,"},   {"/v1/cells?state=RUNNING", "c1,"},
        {"/v1/cells?state=Destroyed", "c2,"}, {"/v1/cells?state=pEnDiNg", "c3,"},
        {"/v1/cells?status=running", "c1,"},  {"/v1/cells?exit_code=-3", "c3,"},
        {"/v1/cells?id=c2", "c2,"},           {"/v1/cells?spec_id=s", "c1,c2,c3,"},
        {"/v1/cells?run_id=null", ""},        {"/v1/cells?outcome=", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_listed(site->reader, cases[i][0], "cells", "id", cases[i][1]);
}

static void cells_are_found_by_their_formation_s_id_in_any_form_and_by_its_name(void **state) {
    struct site *site = *state;
    static const char *const events[] = {
        "{\"cellId\":\"c1\",\"specId\":\"s\","
        "\"formationId\":\"0123abcd-4567-89ab-cdef-0123456789ab\"}",
        "{\"cellId\":\"c2\",\"specId\":\"s\",\"correlation\":{"
        "\"formationId\":\"0123ABCD-4567-89AB-CDEF-0123456789AB\"}}",
        "{\"cellId\":\"c3\",\"specId\":\"s\","
        "\"formationId\":\"ffffffff-4567-89ab-cdef-0123456789ab\"}",
        "{\"cellId\":\"c4\",\"specId\":\"s\"}", NULL};
    char id[16];
    for (size_t i = 0; events[i]; i++) {
        snprintf(id, sizeof id, "cell-%zu", i);
        posted(site->writer, id, CELL_STARTED, events[i], "applied");
    }
    posted(site->writer, "f1", "dev.cellos.events.cell.formation.v1.created",
           "{\"formationId\":\"0123abcd-4567-89ab-cdef-0123456789ab\",\"name\":\"crew\"}",
           "applied");
    static const char *const cases[][2] = {
        {"/v1/cells?formation=0123abcd-4567-89ab-cdef-0123456789ab", "c1,c2,"},
        {"/v1/cells?formation=0123ABCD456789ABCDEF0123456789AB", "c1,c2,"},
        {"/v1/cells?formation_id=0123abcd-4567-89ab-cdef-0123456789ab", "c1,c2,"},
        {"/v1/cells?formation=ffffffff-4567-89ab-cdef-0123456789ab", "c3,"},
        {"/v1/cells?formation=crew", "c1,c2,"},
        {"/v1/cells?formation=CREW", ""},
        {"/v1/cells?formation=", ""},
        {"/v1/cells?formation=null", ""},
        {"/v1/cells?formation=crew&id=c2", "c2,"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_listed(site->reader, cases[i][0], "cells", "id", cases[i][1]);
}

static void formations_are_found_by_status_in_any_case_and_by_name(void **state) {
    struct site *site = *state;
    char first[37], second[37], wanted[80], path[128];
    formation_made(site->writer, "one", first);
    formation_made(site->writer, "two", second);
    snprintf(path, sizeof path, "/v1/formations/%s", second);
    struct reply reply = asked(site->writer, "DELETE", path, NULL, NULL, 200);
    reply_free(&reply);
    snprintf(wanted, sizeof wanted, "%s,", first);
    check_listed(site->reader, "/v1/formations?status=pending", "formations", "id", wanted);
    check_listed(site->reader, "/v1/formations?name=one", "formations", "id", wanted);
    snprintf(wanted, sizeof wanted, "%s,", second);
    check_listed(site->reader, "/v1/formations?status=CANCELLED", "formations", "id", wanted);
    check_listed(site->reader, "/v1/formations?name=none", "formations", "id", "");
}

static void pages_of_a_filtered_list_skip_what_is_left_out(void **state) {
    struct site *site = *state;
    json_t *list = json_got(site->reader, "/v1/books?author=ann&limit=1");
    assert_string_equal(text_of(list, "next"), "a");
    json_decref(list);
    list = json_got(site->reader, "/v1/books?author=ann&limit=1&after=a");
    assert_null(json_object_get(list, "next"));
    json_decref(list);
    check_books(site, "author=ann&limit=1&after=a", "B,");
    check_books(site, "author=ann&after=b", "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(each_kind_of_field_filters_by_its_value),
        CASE(a_value_that_a_field_cannot_have_is_a_bad_request),
        CASE(a_field_that_is_not_set_has_no_value_to_be_found_by),
        CASE(a_reference_is_asked_for_by_key_or_by_any_record_of_that_name),
        CASE(cells_are_found_by_state_in_any_case),
        CASE(cells_are_found_by_their_formation_s_id_in_any_form_and_by_its_name),
        CASE(formations_are_found_by_status_in_any_case_and_by_name),
        CASE(pages_of_a_filtered_list_skip_what_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
