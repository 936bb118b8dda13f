/* http_problems_test.c: each kind of problem, and what is refused or allowed on every route alike:
 * parameters, methods, browsers of other origins. */
#include "http_support.h"

#include <sys/stat.h>

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", CONTRARY_SO, NULL);
    *state = &site;
    return 0;
}

/* Every route of section 5 but the two that stream. */
static const struct {
    const char *method, *path, *allow;
} routes[] = {
    {"GET", "/healthz", "GET, HEAD, OPTIONS"},
    {"GET", "/readyz", "GET, HEAD, OPTIONS"},
    {"GET", "/metrics", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/status", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/plugins", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/version", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/openapi.json", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/rejected", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/events", "GET, HEAD, POST, OPTIONS"},
    {"GET", "/v1/cells", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/formations", "GET, HEAD, POST, OPTIONS"},
    {"GET", "/v1/events/1/raw", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/cells/c", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/formations/00000000-0000-0000-0000-000000000000", "GET, HEAD, DELETE, OPTIONS"},
    {"GET", "/v1/formations/by-name/n", "GET, HEAD, DELETE, OPTIONS"},
    {"POST", "/v1/events", "GET, HEAD, POST, OPTIONS"},
    {"POST", "/v1/formations", "GET, HEAD, POST, OPTIONS"},
    {"POST", "/v1/formations/00000000-0000-0000-0000-000000000000/status", "POST, OPTIONS"},
    {"DELETE", "/v1/formations/00000000-0000-0000-0000-000000000000", "GET, HEAD, DELETE, OPTIONS"},
    {"DELETE", "/v1/formations/by-name/n", "GET, HEAD, DELETE, OPTIONS"},
};
enum { ROUTES = sizeof routes / sizeof *routes };

/* ---- On every route -------------------------------------------------------------------------- */

static void a_parameter_that_is_not_known_or_given_twice_is_a_bad_request_everywhere(void **state) {
    struct site *site = *state;
    static const char *const queries[] = {"?nothing=1", "?nothing", "?limit=1&limit=1&nothing=1",
                                          "?Limit=1",   "?=1",      "?nothing=1&nothing=1",
                                          NULL};
    for (int i = 0; i < ROUTES; i++)
        for (const char *const *query = queries; *query; query++) {
            char path[160];
            snprintf(path, sizeof path, "%s%s", routes[i].path, *query);
            check_problem(site->writer, routes[i].method, path, NULL, NULL, 400, "bad-request");
        }
    static const char *const twice[] = {"/v1/cells?limit=1&limit=1",
                                        "/v1/cells?limit=1&lim%69t=2",
                                        "/v1/cells?order=state&order=-state",
                                        "/v1/cells?after=a&after=b",
                                        "/v1/cells/c?min_cursor=0&min_cursor=0",
                                        "/v1/events?type=a&type=b",
                                        "/v1/rejected?limit=1&limit=2",
                                        NULL};
    for (const char *const *path = twice; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
}

static void a_method_that_is_not_allowed_is_told_which_are(void **state) {
    struct site *site = *state;
    static const char *const methods[] = {"PUT", "PATCH", "TRACE", "FOO", "get", NULL};
    for (int i = 0; i < ROUTES; i++)
        for (const char *const *method = methods; *method; method++) {
            struct reply reply = asked(site->writer, *method, routes[i].path, NULL, NULL, 405);
            assert_problem(&reply, 405, "method-not-allowed");
            assert_string_equal(reply_header(&reply, "Allow"), routes[i].allow);
            reply_free(&reply);
        }
    check_problem(site->writer, "DELETE", "/v1/cells", NULL, NULL, 405, "method-not-allowed");
    post_problem(site->writer, "/v1/status", "{}", 405, "method-not-allowed");
    check_problem(site->writer, "PUT", "/v1/none", NULL, NULL, 404, "not-found");
}

static void options_is_open_and_lets_other_origins_get(void **state) {
    struct site *site = *state;
    for (int i = 0; i < ROUTES; i++) {
        struct reply reply = asked(site->nobody, "OPTIONS", routes[i].path, NULL, NULL, 204);
        assert_int_equal(reply.body.len, 0);
        assert_string_equal(reply_header(&reply, "Allow"), routes[i].allow);
        assert_string_equal(reply_header(&reply, "Access-Control-Allow-Origin"), "*");
        assert_string_equal(reply_header(&reply, "Access-Control-Allow-Methods"), "GET, OPTIONS");
        static const char *const wanted[] = {"Authorization", "Cache-Control",    "Content-Type",
                                             "If-None-Match", "Last-Event-ID",    "traceparent",
                                             "tracestate",    "X-Requested-With", NULL};
        for (const char *const *header = wanted; *header; header++)
            assert_non_null(strstr(reply_header(&reply, "Access-Control-Allow-Headers"), *header));
        reply_free(&reply);
    }
}

static void answers_to_get_name_the_origin_that_is_allowed(void **state) {
    (void)state;
    struct site site = site_opened("--allow-origin", "https://console.example", NULL);
    static const struct {
        const char *path;
        long status;
    } cases[] = {{"/v1/cells", 200}, {"/v1/cells/none", 404}, {"/v1/cells?x=1", 400},
                 {"/healthz", 200},  {"/v1/version", 200},    {"/metrics", 200}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const char *const headers[] = {"Origin: https://console.example", NULL};
        struct reply reply = request(site.reader, "GET", cases[i].path, headers, NULL, 0);
        assert_int_equal(reply.status, cases[i].status);
        assert_string_equal(reply_header(&reply, "Access-Control-Allow-Origin"),
                            "https://console.example");
        bool has_forms = strncmp(cases[i].path, "/v1/cells", strlen("/v1/cells")) == 0;
        assert_string_equal(reply_header(&reply, "Vary"), has_forms ? "Accept, Origin" : "Origin");
        assert_non_null(
            strstr(reply_header(&reply, "Access-Control-Expose-Headers"), "Reel-Cursor"));
        reply_free(&reply);
    }
    struct reply reply = got(site.nobody, "/v1/cells", 401);
    assert_non_null(reply_header(&reply, "Access-Control-Allow-Origin"));
    reply_free(&reply);
    reply = sent(site.writer, "/v1/formations", FORMATION, 201);
    assert_null(reply_header(&reply, "Access-Control-Allow-Origin"));
    reply_free(&reply);
    site_closed(&site);
}

/* ---- Each kind ------------------------------------------------------------------------------- */

/* Those that have a file to themselves: not-yet (http_waiting_test.c), cursor-too-old
 * (http_log_test.c), those of admission (http_admission_test.c). */
static void each_kind_of_problem_has_its_status_and_type(void **state) {
    struct site *site = *state;
    char id[37];
    formation_made(site->writer, "twin", id);
    formation_made(site->writer, "twin", id);
    get_problem(site->nobody, "/v1/cells", 401, "unauthorized");
    post_problem(site->reader, "/v1/formations", FORMATION, 403, "forbidden");
    get_problem(site->reader, "/v1/cells?limit=x", 400, "bad-request");
    get_problem(site->reader, "/v1/cells/none", 404, "not-found");
    post_problem(site->writer, "/v1/cells", "{}", 405, "method-not-allowed");
    get_problem(site->reader, "/v1/formations/by-name/twin", 409, "conflict");
    check_problem(site->writer, "POST", "/v1/formations", "Content-Type: text/plain", FORMATION,
                  415, "unsupported-media-type");
    get_problem(site->reader, "/v1/cells?min_cursor=99&timeout=0", 504, "not-yet");
}

/* Each part of a path is compared as a whole, with what was encoded in it. */
static void a_path_that_only_resembles_a_route_is_not_found(void **state) {
    struct site *site = *state;
    static const char *const paths[] = {
        "/v1/statu",   "/v1/statusx", "/v1/status%00", "/v1/status/", "/v1%2Fstatus", "/v1",
        "/v1/",        "/v/status",   "/v1%00/status", "//v1/status", "/V1/status",   "/v1//status",
        "/healthz%00", "/healthz/",   "/consol",       "/%2Fhealthz", "/%7Bseq%7D",   "/v1/cell",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        get_problem(site->reader, paths[i], 404, "not-found");
}

static void a_decision_that_evolve_rejects_is_an_internal_error_and_changes_nothing(void **state) {
    struct site *site = *state;
    struct reply reply = sent(site->writer, "/v1/contraries", "{}", 500);
    assert_problem(&reply, 500, "internal");
    assert_non_null(strstr(reply.body.data, "contrary"));
    reply_free(&reply);
    static const char *const verbs[] = {"/v1/contraries/k/undecided", "/v1/contraries/k/unheard",
                                        "/v1/contraries/k/flood", NULL};
    for (const char *const *path = verbs; *path; path++)
        post_problem(site->writer, *path, "{}", 500, "internal");
    json_t *list = json_got(site->reader, "/v1/contraries");
    assert_int_equal(number_of(list, "cursor"), 0);
    json_decref(list);
    reply = sent(site->writer, "/v1/contraries/k/good", "{}", 200);
    assert_string_equal(reply.body.data, "{\"note\":\"as decided\"}");
    reply_free(&reply);
}

static void a_detail_shows_what_was_asked_and_stays_json(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, "/v1/formations/%22%5C%0A%C3%BC%00x", 400);
    assert_problem(&reply, 400, "bad-request");
    reply_free(&reply);
    struct text path = {0};
    text_format(&path, "/v1/cells?");
    for (int i = 0; i < 2000; i++) text_format(&path, "%%C3%%BC");
    reply = got(site->reader, path.data, 400);
    assert_problem(&reply, 400, "bad-request");
    reply_free(&reply);
    free(path.data);
}

/* ---- A full disk ----------------------------------------------------------------------------- */

/* The state's reserved size is reached as a full disk is: by records, not by the log's events. */
static void a_full_store_is_unavailable_for_writing_and_is_read_on(void **state) {
    (void)state;
    struct site site = site_opened("--map-bytes", "1048576", NULL);
    char spec[20000];
    long status = 201;
    memset(spec, 's', sizeof spec);
    cell_started(site.writer, "kept");
    for (int i = 0; i < 100 && status == 201; i++) {
        struct text data = {0}, event = {0};
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        text_format(&data, "{\"cellId\":\"%s\",\"specId\":\"", id);
        text_add(&data, spec, sizeof spec);
        text_add(&data, "\"}", 2);
        event_add(&event, id, CELL_STARTED, data.data);
        struct reply reply = post_event(site.writer, event.data, event.len);
        status = reply.status;
        if (status != 201) assert_problem(&reply, 503, "service-unavailable");
        reply_free(&reply);
        free(event.data);
        free(data.data);
    }
    assert_int_equal(status, 503);
    struct reply kept = got(site.reader, "/v1/cells/kept", 200);
    reply_free(&kept);
    get_problem(site.nobody, "/readyz", 503, "service-unavailable");
    struct reply reply = got(site.nobody, "/healthz", 200);
    reply_free(&reply);
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_parameter_that_is_not_known_or_given_twice_is_a_bad_request_everywhere),
        CASE(a_method_that_is_not_allowed_is_told_which_are),
        CASE(options_is_open_and_lets_other_origins_get),
        cmocka_unit_test(answers_to_get_name_the_origin_that_is_allowed),
        CASE(each_kind_of_problem_has_its_status_and_type),
        CASE(a_path_that_only_resembles_a_route_is_not_found),
        CASE(a_decision_that_evolve_rejects_is_an_internal_error_and_changes_nothing),
        CASE(a_detail_shows_what_was_asked_and_stays_json),
        cmocka_unit_test(a_full_store_is_unavailable_for_writing_and_is_read_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
