/* http_console_test.c: the files of the console over HTTP: their headers, conditions, and under
 * which names they are served. console_test.c shows them in a browser. */
#include "http_raw.h"
#include "load.h"

/* ---- Requests -------------------------------------------------------------------------------- */

/* GET with this header Host; the answer must have this status. */
static void check_host(struct site *site, const char *host, long status) {
    char header[256];
    snprintf(header, sizeof header, "Host: %s", host);
    test_context("%s", header);
    struct reply reply = asked(site->nobody, "GET", "/", header, NULL, status);
    if (status == 403) assert_problem(&reply, 403, "forbidden");
    reply_free(&reply);
    test_context("%s", "");
}

static void check_header(const struct reply *reply, const char *name, const char *wanted) {
    const char *value = reply_header(reply, name);
    if (!value || strcmp(value, wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s: %s instead of %s", name, value ? value : "(none)",
                       wanted);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_page_needs_no_token_and_may_do_little(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->nobody, "/", 200);
    check_header(&reply, "Content-Type", "text/html; charset=utf-8");
    check_header(&reply, "X-Content-Type-Options", "nosniff");
    check_header(&reply, "Referrer-Policy", "no-referrer");
    check_header(&reply, "Cache-Control", "no-cache");
    const char *policy = reply_header(&reply, "Content-Security-Policy");
    must(policy != NULL);
    static const char *const parts[] = {
        "default-src 'none'",     "script-src 'self'", "style-src 'self'",  "connect-src 'self'",
        "frame-ancestors 'none'", "base-uri 'none'",   "form-action 'none'"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) must(strstr(policy, parts[i]));
    assert_null(strstr(policy, "unsafe"));
    assert_non_null(strstr(reply.body.data, "<!doctype html>"));
    assert_null(strstr(reply.body.data, "://"));
    reply_free(&reply);
}

/* Each file that a file names is there, with its type; and names nothing elsewhere. */
static void each_file_is_there(void **state) {
    struct site *site = *state;
    static const struct {
        const char *path, *type;
    } files[] = {{"/console/index.html", "text/html; charset=utf-8"},
                 {"/console/console.css", "text/css; charset=utf-8"},
                 {"/console/icon.svg", "image/svg+xml"},
                 {"/console/app.js", "text/javascript; charset=utf-8"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct reply reply = got(site->nobody, files[i].path, 200);
        check_header(&reply, "Content-Type", files[i].type);
        check_header(&reply, "X-Content-Type-Options", "nosniff");
        reply_free(&reply);
    }
    struct reply app = got(site->nobody, "/console/app.js", 200);
    size_t imports = 0;
    for (const char *at = app.body.data; (at = strstr(at, " from \"./")); imports++) {
        char path[128];
        at += strlen(" from \"./");
        snprintf(path, sizeof path, "/console/%.*s", (int)strcspn(at, "\""), at);
        struct reply reply = got(site->nobody, path, 200);
        reply_free(&reply);
    }
    must(imports > 5);
    reply_free(&app);
    get_problem(site->nobody, "/console/none.js", 404, "not-found");
    get_problem(site->nobody, "/console/..%2Fconsole.c", 404, "not-found");
    get_problem(site->nobody, "/console/app.js?x=1", 400, "bad-request");
    get_problem(site->nobody, "/console/", 404, "not-found");
    get_problem(site->nobody, "/console", 401, "unauthorized");
    check_problem(site->writer, "POST", "/", NULL, "", 405, "method-not-allowed");
}

/* The file in the source tree, byte for byte. */
static void files_are_served_as_they_are(void **state) {
    struct site *site = *state;
    static const char *const names[] = {"app.js", "console.css", "index.html", "icon.svg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "sinks/http/console/%s", names[i]);
        struct text file = text_of_file(source_path(path));
        snprintf(path, sizeof path, "/console/%s", names[i]);
        struct reply reply = got(site->nobody, path, 200);
        assert_int_equal(reply.body.len, file.len);
        assert_memory_equal(reply.body.data, file.data, file.len);
        free(file.data);
        reply_free(&reply);
    }
}

static void what_a_browser_has_is_not_sent_again(void **state) {
    struct site *site = *state;
    char condition[128], several[192];
    struct reply reply = got(site->nobody, "/console/app.js", 200);
    snprintf(condition, sizeof condition, "If-None-Match: %s", reply_header(&reply, "ETag"));
    snprintf(several, sizeof several, "If-None-Match: \"x\", W/%s", reply_header(&reply, "ETag"));
    reply_free(&reply);
    const char *const given[] = {condition, several, "If-None-Match: *"};
    for (size_t i = 0; i < 3; i++) {
        reply = asked(site->nobody, "GET", "/console/app.js", given[i], NULL, 304);
        assert_int_equal(reply.body.len, 0);
        must(reply_header(&reply, "ETag") && reply_header(&reply, "Content-Security-Policy"));
        reply_free(&reply);
    }
    reply = asked(site->nobody, "GET", "/console/console.css", condition, NULL, 200);
    reply_free(&reply);
    reply = asked(site->nobody, "HEAD", "/", NULL, NULL, 200);
    must(reply_header(&reply, "ETag") != NULL);
    reply_free(&reply);
}

static void the_page_is_served_under_names_of_the_machine(void **state) {
    struct site *site = *state;
    check_host(site, "localhost:1234", 200);
    check_host(site, "LOCALHOST", 200);
    check_host(site, "127.0.0.1:80", 200);
    check_host(site, "[::1]:8080", 200);
    check_host(site, "reel.example.org", 403);
    check_host(site, "localhost.example.org", 403);
    check_host(site, "127.0.0.1.example.org:80", 403);
    check_host(site, "192.0.2.1", 403);
}

static void the_page_is_served_under_names_that_are_set(void **state) {
    (void)state;
    struct site site =
        site_opened("--console-host", "reel.example.org", "--console-host", "[2001:db8::1]", NULL);
    check_host(&site, "reel.example.org", 200);
    check_host(&site, "Reel.Example.org:8443", 200);
    check_host(&site, "[2001:DB8::1]:8080", 200);
    check_host(&site, "localhost", 403);
    check_host(&site, "www.reel.example.org", 403);
    site_closed(&site);
}

static void the_console_can_be_left_out(void **state) {
    (void)state;
    struct site site = site_opened("--no-console", NULL);
    get_problem(site.nobody, "/", 401, "unauthorized");
    get_problem(site.reader, "/", 404, "not-found");
    get_problem(site.reader, "/console/app.js", 404, "not-found");
    site_closed(&site);
}

static void the_status_says_what_the_token_may_do(void **state) {
    struct site *site = *state;
    json_t *status = json_got(site->reader, "/v1/status");
    assert_string_equal(text_of(status, "access"), "read");
    json_decref(status);
    status = json_got(site->writer, "/v1/status");
    assert_string_equal(text_of(status, "access"), "write");
    json_decref(status);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_page_needs_no_token_and_may_do_little),
        CASE(each_file_is_there),
        CASE(files_are_served_as_they_are),
        CASE(what_a_browser_has_is_not_sent_again),
        CASE(the_page_is_served_under_names_of_the_machine),
        cmocka_unit_test(the_page_is_served_under_names_that_are_set),
        cmocka_unit_test(the_console_can_be_left_out),
        CASE(the_status_says_what_the_token_may_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
