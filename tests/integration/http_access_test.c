/* http_access_test.c: who may do what: every route that the API describes, tokens from file and
 * environment, their change while running; and that no token is ever shown. */
#include "http_support.h"
#include "load.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- Routes ---------------------------------------------------------------------------------- */

struct route {
    char method[8], path[160];
    bool open, writes, looks_back;
};

/* The path with something for each of its parts in braces. */
static void fill_in(const char *template, char *ret, size_t size) {
    size_t len = 0;
    while (*template && len + 40 < size) {
        if (*template == '{') {
            len += (size_t)snprintf(
                ret + len, size - len, "%s",
                strncmp(template, "{seq}", 5) == 0 ? "1" : "00000000-0000-0000-0000-000000000000");
            template = strchr(template, '}') + 1;
        } else {
            ret[len++] = *template ++;
        }
    }
    ret[len] = '\0';
}

/* What /v1/openapi.json describes, which is made from routes[]. */
static size_t routes_of(struct site *site, struct route *ret, size_t room) {
    json_t *api = json_got(site->reader, "/v1/openapi.json");
    json_t *methods, *operation;
    const char *path, *method;
    size_t count = 0;
    json_object_foreach(json_object_get(api, "paths"), path, methods) {
        json_object_foreach(methods, method, operation) {
            struct route *route = &ret[count++];
            must(count <= room);
            const json_t *security = json_array_get(json_object_get(operation, "security"), 0);
            const json_t *role = json_array_get(json_object_get(security, "bearer"), 0);
            route->open = !security;
            route->writes = role && strcmp(json_string_value(role), "write") == 0;
            route->looks_back = role && strcmp(json_string_value(role), "history") == 0;
            fill_in(path, route->path, sizeof route->path);
            size_t len = 0;
            for (; method[len] && len + 1 < sizeof route->method; len++)
                route->method[len] = (char)(method[len] - 'a' + 'A');
            route->method[len] = '\0';
        }
    }
    json_decref(api);
    return count;
}

/* Without a body, and with one, which must not be waited for. */
static void check_refused(struct client *client, const struct route *route, const char *header,
                          long status, const char *problem) {
    check_problem(client, route->method, route->path, header, NULL, status, problem);
    if (route->writes)
        check_problem(client, route->method, route->path, header, FORMATION, status, problem);
}

static void every_route_but_health_wants_a_token_and_writing_one_that_may(void **state) {
    (void)state;
    struct route routes[64];
    struct site site = site_opened(NULL);
    struct client *stranger = client_opened(&site.daemon, "unknown-token-of-the-tests");
    struct client *prefix = client_opened(&site.daemon, "write-token-of-the-test");
    size_t count = routes_of(&site, routes, 64), open = 0, writing = 0, looking = 0;
    wait_until_ready(site.nobody);
    for (size_t i = 0; i < count; i++) {
        const struct route *route = &routes[i];
        if (route->open) {
            struct reply reply = asked(site.nobody, route->method, route->path, NULL, NULL, 200);
            reply_free(&reply);
            open++;
            continue;
        }
        check_refused(site.nobody, route, NULL, 401, "unauthorized");
        check_refused(site.nobody, route, "Authorization: Bearer ", 401, "unauthorized");
        check_refused(site.nobody, route, "Authorization: " WRITE_TOKEN, 401, "unauthorized");
        check_refused(site.nobody, route, "Authorization: Basic " WRITE_TOKEN, 401, "unauthorized");
        check_refused(stranger, route, NULL, 401, "unauthorized");
        check_refused(prefix, route, NULL, 401, "unauthorized");
        if (route->writes || route->looks_back)
            check_refused(site.reader, route, NULL, 403, "forbidden");
        writing += route->writes;
        looking += route->looks_back;
    }
    assert_int_equal(open, 2); /* /healthz and /readyz */
    assert_int_equal(writing, 6);
    assert_int_equal(looking, 2); /* the histories of cells and formations */
    assert_true(count >= 17);
    client_close(prefix);
    client_close(stranger);
    site_closed(&site);
}

static void without_a_token_missing_routes_look_like_existing_ones(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    static const char *const paths[] = {"/v1/none", "/v1/cells/none", "/none", "/v1/cells?x=1",
                                        NULL};
    for (const char *const *path = paths; *path; path++)
        get_problem(site.nobody, *path, 401, "unauthorized");
    check_problem(site.nobody, "PUT", "/v1/cells", NULL, NULL, 401, "unauthorized");
    struct reply reply = got(site.nobody, "/v1/cells", 401);
    assert_non_null(strstr(reply_header(&reply, "WWW-Authenticate"), "Bearer"));
    assert_null(reply_header(&reply, "Reel-Cursor"));
    reply_free(&reply);
    reply = asked(site.nobody, "OPTIONS", "/v1/cells", NULL, NULL, 204);
    reply_free(&reply);
    site_closed(&site);
}

/* ---- Where tokens come from ------------------------------------------------------------------ */

static const char *token_file(const char *text) {
    const char *path = path_in(scratch_directory(), "tokens");
    FILE *file = fopen(path, "w");
    must(file != NULL && fputs(text, file) >= 0);
    must(fchmod(fileno(file), 0600) == 0 && fclose(file) == 0);
    return path;
}

static void rewrite(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    must(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void check_access(const struct daemon *daemon, const char *token, long read, long write) {
    struct client *client = client_opened(daemon, token);
    test_context("token %s", token);
    struct reply reply = got(client, "/v1/cells", read);
    reply_free(&reply);
    reply = asked(client, "POST", "/v1/events", "Content-Type: application/cloudevents-batch+json",
                  "[]", write);
    reply_free(&reply);
    client_close(client);
    test_context("%s", "");
}

/* With the usual plugins, in a directory of its own. */
#define launched(environment, ...)                                                                 \
    daemon_launched((const char *const[]){"serve", "--data", scratch_directory(), "--plugin",      \
                                          CELL_SO, "--plugin", FORMATION_SO, __VA_ARGS__, NULL},   \
                    environment)

static void there_may_be_several_tokens_and_one_in_the_environment(void **state) {
    (void)state;
    const char *file = token_file("# people\nwrite writer-number-1\nwriter-number-2\n\n"
                                  "read reader-number-1\n  read\treader-number-2  \r\n");
    struct daemon daemon =
        launched(((const char *const[]){"REEL_TOKEN=from-the-environment", NULL}), "--bind",
                 "127.0.0.1:0", "--token-file", file);
    daemon_wait_until_it_listens(&daemon);
    check_access(&daemon, "writer-number-1", 200, 200);
    check_access(&daemon, "writer-number-2", 200, 200);
    check_access(&daemon, "from-the-environment", 200, 200);
    check_access(&daemon, "reader-number-1", 200, 403);
    check_access(&daemon, "reader-number-2", 200, 403);
    check_access(&daemon, "reader-number-3", 401, 401);
    daemon_end(&daemon);
}

static void the_reference_s_variables_work_and_count_for_less(void **state) {
    (void)state;
    const char *const reference[] = {"CELLOS_SERVER_API_TOKEN=cellos",
                                     "CELLOS_SERVER_BIND=127.0.0.1:0", NULL};
    struct daemon daemon = launched(reference, "--log-level", "debug");
    daemon_wait_until_it_listens(&daemon);
    check_access(&daemon, "cellos", 200, 200);
    daemon_end(&daemon);
    const char *const both[] = {"CELLOS_SERVER_API_TOKEN=cellos", "REEL_TOKEN=reel",
                                "CELLOS_SERVER_BIND=256.0.0.1:0", "REEL_BIND=127.0.0.1:0", NULL};
    daemon = launched(both, "--log-level", "debug");
    daemon_wait_until_it_listens(&daemon);
    check_access(&daemon, "reel", 200, 200);
    check_access(&daemon, "cellos", 401, 401);
    daemon_end(&daemon);
}

static void without_a_token_it_does_not_start_and_says_how_to_give_one(void **state) {
    (void)state;
    static const char *const none[] = {NULL};
    static const char *const empty[] = {"REEL_TOKEN=", "CELLOS_SERVER_API_TOKEN=", NULL};
    for (int i = 0; i < 2; i++) {
        struct daemon daemon = launched(i == 0 ? none : empty, "--bind", "127.0.0.1:0");
        int status = daemon_wait(&daemon);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
        char *log = daemon_log(&daemon);
        static const char *const parts[] = {"no bearer token", "--token-file", "REEL_TOKEN",
                                            "CELLOS_SERVER_API_TOKEN", NULL};
        for (const char *const *part = parts; *part; part++) assert_non_null(strstr(log, *part));
        assert_null(strstr(log, "listening"));
        free(log);
    }
}

static void the_token_file_is_read_again_on_sighup_and_kept_when_it_is_wrong(void **state) {
    (void)state;
    const char *file = token_file("write first-token\nread reading-token\n");
    struct daemon daemon = launched(NULL, "--bind", "127.0.0.1:0", "--token-file", file);
    daemon_wait_until_it_listens(&daemon);
    check_access(&daemon, "first-token", 200, 200);
    rewrite(file, "write second-token\n");
    check_access(&daemon, "second-token", 401, 401);
    must(kill(daemon.pid, SIGHUP) == 0);
    daemon_wait_for_log(&daemon, "the tokens were read again");
    check_access(&daemon, "first-token", 401, 401);
    check_access(&daemon, "reading-token", 401, 401);
    check_access(&daemon, "second-token", 200, 200);
    rewrite(file, "write second-token\nread padded/token==\n");
    must(kill(daemon.pid, SIGHUP) == 0);
    daemon_wait_for_log(&daemon, "bearer.b64.");
    check_access(&daemon, "padded/token==", 200, 403);
    rewrite(file, "write third-token\nwrite not a token\n");
    must(kill(daemon.pid, SIGHUP) == 0);
    daemon_wait_for_log(&daemon, "the old tokens stay valid");
    check_access(&daemon, "third-token", 401, 401);
    check_access(&daemon, "second-token", 200, 200);
    daemon_end(&daemon);
}

/* ---- What is never shown --------------------------------------------------------------------- */

static bool file_has(pid_t pid, const char *name, const char *part) {
    char path[64], buffer[65536];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "r");
    must(file != NULL);
    size_t len = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    return memmem(buffer, len, part, strlen(part)) != NULL;
}

static void use_everything(struct client *client) {
    static const char *const paths[] = {"/v1/cells",     "/v1/none", "/v1/cells/%zz",
                                        "/v1/cells?x=1", "/healthz", NULL};
    for (const char *const *path = paths; *path; path++) {
        struct reply reply = get(client, *path);
        assert_null(strstr(reply.body.data, "secret"));
        assert_null(strstr(reply.headers.data, "secret"));
        reply_free(&reply);
    }
    struct reply reply = post_json(client, "/v1/formations", FORMATION);
    reply_free(&reply);
    reply = post_json(client, "/v1/formations", "{");
    reply_free(&reply);
}

static void no_token_is_ever_shown(void **state) {
    (void)state;
    const char *file = token_file("write secret-of-the-file\nread secret-of-readers\n");
    const char *const environment[] = {"REEL_TOKEN=secret-of-the-environment", "THE_MARK=visible",
                                       "CELLOS_SERVER_API_TOKEN=secret-of-cellos", NULL};
    struct daemon daemon = launched(environment, "--bind", "127.0.0.1:0", "--token-file", file,
                                    "--log-level", "debug");
    daemon_wait_until_it_listens(&daemon);
    static const char *const tokens[] = {"secret-of-the-environment", "secret-of-the-file",
                                         "secret-of-readers", "secret-that-nobody-knows", NULL};
    for (const char *const *token = tokens; *token; token++) {
        struct client *client = client_opened(&daemon, *token);
        use_everything(client);
        client_close(client);
    }
    rewrite(file, "write secret-of-the-file\nwrite secret words\n");
    must(kill(daemon.pid, SIGHUP) == 0);
    daemon_wait_for_log(&daemon, "the old tokens stay valid");
    struct client *client = client_opened(&daemon, "secret-of-the-environment");
    static const char *const paths[] = {"/metrics",         "/v1/status",  "/v1/plugins",
                                        "/v1/openapi.json", "/v1/version", "/v1/events",
                                        "/readyz",          NULL};
    for (const char *const *path = paths; *path; path++) {
        struct reply reply = got(client, *path, 200);
        assert_null(strstr(reply.body.data, "secret"));
        reply_free(&reply);
    }
    client_close(client);
    assert_true(file_has(daemon.pid, "environ", "THE_MARK=visible"));
    assert_false(file_has(daemon.pid, "environ", "secret"));
    assert_true(file_has(daemon.pid, "cmdline", "--token-file"));
    assert_false(file_has(daemon.pid, "cmdline", "secret"));
    daemon_end(&daemon);
    char *log = daemon_log(&daemon);
    assert_null(strstr(log, "secret"));
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_but_health_wants_a_token_and_writing_one_that_may),
        cmocka_unit_test(without_a_token_missing_routes_look_like_existing_ones),
        cmocka_unit_test(there_may_be_several_tokens_and_one_in_the_environment),
        cmocka_unit_test(the_reference_s_variables_work_and_count_for_less),
        cmocka_unit_test(without_a_token_it_does_not_start_and_says_how_to_give_one),
        cmocka_unit_test(the_token_file_is_read_again_on_sighup_and_kept_when_it_is_wrong),
        cmocka_unit_test(no_token_is_ever_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
