/* nats_access_test.c: brokers that ask who comes (user, token, credentials file) or that speak TLS.
 * With what they ask for the daemon follows the stream; without it, it says so and goes on trying;
 * its log has no secret in it. */
#include "nats_support.h"

#define SECRET "secret-of-the-tests"

/* The daemon follows the stream that is there, and takes an event. */
static void check_follows(struct mirror *mirror, const char *const *arguments) {
    mirror->daemon = daemon_started_list(mirror->directory, arguments);
    mirror->client = client_opened(&mirror->daemon, WRITE_TOKEN);
    wait_until_ready(mirror->client);
    uint64_t seq = cell_started(mirror->client, "posted");
    assert_true(seq >= 1);
    char *log = daemon_log(&mirror->daemon);
    assert_null(strstr(log, SECRET));
    free(log);
    mirror_end(mirror);
}

/* It does not, and serves what it has. */
static void check_kept_out(const char *const *arguments, const char *part) {
    struct daemon daemon = daemon_started_list(scratch_directory(), arguments);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    daemon_wait_for_log(&daemon, part);
    wait_until_not_ready(client, part);
    struct reply reply = got(client, "/v1/cells", 200);
    reply_free(&reply);
    char *log = daemon_log(&daemon);
    assert_null(strstr(log, SECRET));
    free(log);
    client_close(client);
    daemon_end(&daemon);
}

static struct mirror mirror_asking(const char *config) {
    return (struct mirror){.broker = broker_started(config), .directory = scratch_directory()};
}

static void mirror_gone(struct mirror *mirror) {
    broker_free(mirror->broker);
}

static void a_user_with_a_password(void **state) {
    (void)state;
    struct mirror mirror =
        mirror_asking("authorization { user: someone, password: \"" SECRET "\" }");
    char url[128];
    snprintf(url, sizeof url, "nats://someone:" SECRET "@127.0.0.1:%d", mirror.broker->port);
    const char *const by_flags[] = {
        "--nats", mirror.broker->url, "--nats-user", "someone", "--nats-password", SECRET, NULL};
    const char *const by_url[] = {"--nats", url, NULL};
    const char *const wrong[] = {"--nats",          mirror.broker->url, "--nats-user", "someone",
                                 "--nats-password", SECRET "-not",      NULL};
    const char *const none[] = {"--nats", mirror.broker->url, NULL};
    check_follows(&mirror, by_flags);
    check_follows(&mirror, by_url);
    check_kept_out(wrong, "Violation");
    check_kept_out(none, "Violation");
    mirror_gone(&mirror);
}

static void a_token(void **state) {
    (void)state;
    struct mirror mirror = mirror_asking("authorization { token: \"" SECRET "\" }");
    const char *const given[] = {"--nats", mirror.broker->url, "--nats-token", SECRET, NULL};
    const char *const none[] = {"--nats", mirror.broker->url, NULL};
    check_follows(&mirror, given);
    check_kept_out(none, "Violation");
    mirror_gone(&mirror);
}

static void a_credentials_file(void **state) {
    (void)state;
    struct mirror mirror = {.broker = broker_prepared("include \"operator.conf\""),
                            .directory = scratch_directory()};
    const char *const copy[] = {"cp", source_path("tests/support/nats/operator.conf"),
                                mirror.broker->directory, NULL};
    must(program_ran(copy));
    broker_start(mirror.broker);
    const char *const given[] = {"--nats", mirror.broker->url, "--nats-creds",
                                 source_path("tests/support/nats/reeld.creds"), NULL};
    const char *const none[] = {"--nats", mirror.broker->url, NULL};
    check_follows(&mirror, given);
    check_kept_out(none, "Violation");
    mirror_gone(&mirror);
}

/* ---- Permissions ----------------------------------------------------------------------------- */

/* An account in which `test` may do everything, and `reeld` has these permissions. */
static struct mirror mirror_permitting(const char *permissions) {
    struct text config = {0};
    text_format(&config,
                "no_auth_user: test\nauthorization { users: [ { user: test, password: t }\n"
                "{ user: reeld, password: \"" SECRET "\", permissions: { %s } } ] }",
                permissions);
    struct mirror mirror = mirror_prepared(config.data);
    free(config.data);
    stream_make(&mirror.stream, NULL);
    const char *const given[] = {"--nats-user", "reeld", "--nats-password", SECRET, NULL};
    mirror_run_list(&mirror, given);
    return mirror;
}

static uint64_t count_sessions(struct client *client) {
    return (uint64_t)metric_of(client, "\nreel_feed_sessions_total ");
}

/* Sessions that begin, and fail as the one before, add nothing to the log. */
static void check_said_once(struct mirror *mirror) {
    static const char part[] = "following stream";
    for (uint64_t began = now_ms(); count_sessions(mirror->client) < 4; usleep(5000))
        must(now_ms() - began < 60000);
    char *log = daemon_log(&mirror->daemon), *first = strstr(log, part);
    must(first != NULL);
    assert_null(strstr(first + 1, part));
    free(log);
}

static void refused_permissions_are_reported_in_the_words_of_the_server(void **state) {
    (void)state;
    static const struct {
        const char *permissions, *words;
    } cases[] = {
        {"publish: { deny: \"$JS.API.CONSUMER.CREATE.>\" }", "Violation for Publish to"},
        {"publish: { deny: \"$JS.API.CONSUMER.MSG.NEXT.>\" }", "Violation for Publish to"},
        {"publish: { deny: \"$JS.API.STREAM.INFO.>\" }", "Violation for Publish to"},
        {"subscribe: { deny: \"_INBOX.>\" }", "Violation for Subscription to"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_context("%s", cases[i].permissions);
        struct mirror mirror = mirror_permitting(cases[i].permissions);
        daemon_wait_for_log(&mirror.daemon, cases[i].words);
        wait_until_not_ready(mirror.client, cases[i].words);
        if (strstr(cases[i].permissions, "MSG.NEXT")) check_said_once(&mirror);
        mirror_closed(&mirror);
    }
    test_context("%s", "");
}

static void an_event_that_may_not_be_published_is_refused_at_once_and_others_are_taken(
    void **state) {
    (void)state;
    struct mirror mirror = mirror_permitting("publish: { deny: \"cellos.events.event.>\" }");
    wait_until_ready(mirror.client);
    struct text event = {0};
    event_add(&event, "one", CELL_STARTED, "{\"cellId\":\"c\",\"specId\":\"s\"}");
    struct reply reply = post_event(mirror.client, event.data, event.len);
    assert_problem(&reply, 503, "service-unavailable");
    assert_non_null(strstr(reply.body.data, "Permissions Violation for Publish to"));
    assert_null(strstr(reply.body.data, "it will be there once"));
    reply_free(&reply);
    free(event.data);
    reply = post_json(mirror.client, "/v1/formations", FORMATION);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    mirror_closed(&mirror);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

/* A key and a certificate that it has signed itself, for `name`, as NAME.key and NAME.pem. */
static void make_certificate(const char *directory, const char *name) {
    char subject[64], key[64], pem[64], other[64];
    snprintf(subject, sizeof subject, "/CN=%s", name);
    snprintf(other, sizeof other, "subjectAltName=DNS:%s", name);
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(pem, sizeof pem, "%s.pem", name);
    const char *const make[] = {"openssl",  "req",
                                "-x509",    "-nodes",
                                "-newkey",  "ec",
                                "-pkeyopt", "ec_paramgen_curve:prime256v1",
                                "-days",    "3650",
                                "-subj",    subject,
                                "-addext",  other,
                                "-keyout",  path_in(directory, key),
                                "-out",     path_in(directory, pem),
                                NULL};
    must(program_ran(make));
}

static void tls_on_both_sides(void **state) {
    (void)state;
    const char *keys = scratch_directory();
    make_certificate(keys, "localhost");
    make_certificate(keys, "reeld");
    struct text config = {0};
    text_format(&config,
                "tls { cert_file: \"%s/localhost.pem\", key_file: \"%s/localhost.key\",\n"
                "ca_file: \"%s/reeld.pem\", verify: true }",
                keys, keys, keys);
    struct mirror mirror = mirror_asking(config.data);
    char url[64];
    snprintf(url, sizeof url, "tls://localhost:%d", mirror.broker->port);
    const char *server = path_in(keys, "localhost.pem"), *ours = path_in(keys, "reeld.pem"),
               *key = path_in(keys, "reeld.key");
    const char *const given[] = {"--nats", url,          "--nats-ca", server, "--nats-cert",
                                 ours,     "--nats-key", key,         NULL};
    const char *const no_trust[] = {"--nats", url, "--nats-cert", ours, "--nats-key", key, NULL};
    const char *const unknown[] = {"--nats", url, "--nats-ca", server, NULL};
    check_follows(&mirror, given);
    check_kept_out(no_trust, "cannot connect to the broker");
    check_kept_out(unknown, "the broker");
    free(config.data);
    mirror_gone(&mirror);
}

/* ---- Settings -------------------------------------------------------------------------------- */

static void secrets_come_by_the_environment_as_well(void **state) {
    (void)state;
    struct mirror mirror =
        mirror_asking("authorization { user: someone, password: \"" SECRET "\" }");
    const char *const url[] = {"--nats", mirror.broker->url, NULL};
    setenv("REEL_NATS_USER", "someone", 1);
    setenv("REEL_NATS_PASSWORD", SECRET, 1);
    check_follows(&mirror, url);
    unsetenv("REEL_NATS_USER");
    unsetenv("REEL_NATS_PASSWORD");
    mirror_gone(&mirror);
}

static void the_url_comes_by_either_name_of_its_variable(void **state) {
    (void)state;
    static const char *const names[] = {"REEL_NATS_URL", "CELLOS_NATS_URL"};
    struct mirror mirror = mirror_asking(NULL);
    for (size_t i = 0; i < 2; i++) {
        char url[96];
        snprintf(url, sizeof url, "%s=%s", names[i], mirror.broker->url);
        const char *const environment[] = {"REEL_TOKEN=" READ_TOKEN, url, NULL};
        const char *const arguments[] = {
            "serve",    "--bind", "127.0.0.1:0", "--data",     scratch_directory(),
            "--plugin", CELL_SO,  "--plugin",    FORMATION_SO, NULL};
        struct daemon daemon = daemon_launched(arguments, environment);
        daemon_wait_until_it_listens(&daemon);
        struct client *client = client_opened(&daemon, READ_TOKEN);
        wait_until_ready(client);
        json_t *status = json_got(client, "/v1/status");
        assert_string_equal(text_of(json_object_get(status, "feed"), "kind"), "jetstream");
        json_decref(status);
        client_close(client);
        daemon_end(&daemon);
    }
    mirror_gone(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_with_a_password),
        cmocka_unit_test(a_token),
        cmocka_unit_test(a_credentials_file),
        cmocka_unit_test(refused_permissions_are_reported_in_the_words_of_the_server),
        cmocka_unit_test(
            an_event_that_may_not_be_published_is_refused_at_once_and_others_are_taken),
        cmocka_unit_test(tls_on_both_sides),
        cmocka_unit_test(secrets_come_by_the_environment_as_well),
        cmocka_unit_test(the_url_comes_by_either_name_of_its_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
