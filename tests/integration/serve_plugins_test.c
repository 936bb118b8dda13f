/* serve_plugins_test.c: plugins under `reeld serve`: pinned files, and settings of projectors from
 * flags and file. */
#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEDGER build_path("tests/integration/plugins/ledger.so")

/* ---- Fixture --------------------------------------------------------------------------------- */

/* The daemon does not start, and says this. */
static void assert_refused(const char *const *arguments, int code, const char *sentence) {
    char *log;
    int status = daemon_refused(scratch_directory(), arguments, &log);
    must(WIFEXITED(status));
    if (!strstr(log, sentence)) support_failed(__FILE__, __LINE__, "no `%s`: %s", sentence, log);
    assert_int_equal(WEXITSTATUS(status), code);
    free(log);
}

static void post_note(const struct daemon *daemon) {
    struct client *client = client_opened(daemon, WRITE_TOKEN);
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/t\","
                                "\"type\":\"test.ledger.v1.noted\",\"subject\":\"a\"}";
    struct reply reply = post_event(client, event, sizeof event - 1);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    client_close(client);
}

static void assert_ledger(const struct daemon *daemon, const char *part) {
    struct client *client = client_opened(daemon, WRITE_TOKEN);
    struct reply reply = get(client, "/v1/ledger/a");
    assert_int_equal(reply.status, 200);
    if (!strstr(reply.body.data, part))
        support_failed(__FILE__, __LINE__, "no %s in %s", part, reply.body.data);
    reply_free(&reply);
    client_close(client);
}

/* ---- Cases: pins ----------------------------------------------------------------------------- */

static void pinned_plugins_are_loaded(void **state) {
    (void)state;
    struct daemon daemon =
        daemon_started(scratch_directory(), "--plugin-sha256", pin_of(CELL_SO, "cell.so"),
                       "--plugin-sha256", pin_of(FORMATION_SO, FORMATION_SO), NULL);
    daemon_end(&daemon);
}

static void a_plugin_that_is_not_the_pinned_one_is_refused(void **state) {
    (void)state;
    const char *const arguments[] = {"--plugin-sha256", pin_of(FORMATION_SO, "cell.so"),
                                     "--plugin-sha256", pin_of(FORMATION_SO, "formation.so"), NULL};
    assert_refused(arguments, 2, "cell.so: its SHA-256 is ");
    assert_refused(arguments, 2, "but plugin_sha256 says ");
}

static void a_plugin_without_a_pin_is_refused_if_others_have_one(void **state) {
    (void)state;
    const char *const arguments[] = {"--plugin-sha256", pin_of(CELL_SO, "cell.so"), NULL};
    assert_refused(arguments, 2,
                   "formation.so: plugin_sha256 has no entry for it; its SHA-256 is ");
}

static void one_file_may_have_several_pins(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(
        scratch_directory(), "--plugin-sha256", pin_of(FORMATION_SO, "cell.so"), "--plugin-sha256",
        pin_of(CELL_SO, "cell.so"), "--plugin-sha256", pin_of(FORMATION_SO, "formation.so"), NULL);
    daemon_end(&daemon);
}

static void a_pin_that_is_no_pin_is_wrong_usage(void **state) {
    (void)state;
    static const char *const bad[] = {"cell.so", "cell.so=12", "=", "cell.so=zz"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const arguments[] = {"--plugin-sha256", bad[i], NULL};
        assert_refused(arguments, 2, "wanted the name of a file, `=`, and 64 hexadecimal digits");
    }
}

static void a_copy_over_the_file_does_not_reach_the_daemon(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "ledger.so");
    copy_over(LEDGER, path);
    struct daemon daemon = daemon_started(scratch_directory(), "--plugin", path, NULL);
    must(truncate(path, 0) == 0);
    post_note(&daemon);
    assert_ledger(&daemon, "\"currency\":\"EUR\"");
    daemon_end(&daemon);
}

static void a_file_that_is_given_twice_is_refused(void **state) {
    (void)state;
    const char *const arguments[] = {"--plugin", LEDGER, "--plugin", LEDGER, NULL};
    assert_refused(arguments, 1, "ledger.so: it is loaded already");
}

/* ---- Cases: settings ------------------------------------------------------------------------- */

static void a_projector_reads_the_flags(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon =
        daemon_started(directory, "--plugin", LEDGER, "--ledger-currency", "SEK", "--ledger-rate",
                       "9", "--ledger-rounded", "--ledger-tags", "a", "--ledger-tags", "b", NULL);
    post_note(&daemon);
    assert_ledger(&daemon, "\"currency\":\"SEK\",\"rate\":9,\"mode\":\"plain\",\"rounded\":true,"
                           "\"tags\":\"[a][b]\"");
    daemon_end(&daemon);
    daemon = daemon_started(directory, "--plugin", LEDGER, NULL);
    daemon_wait_for_log(&daemon, "its settings have changed");
    daemon_wait_for_log(&daemon, "ledger");
    for (int waited = 0; waited < 30000; waited += 10) {
        struct client *client = client_opened(&daemon, WRITE_TOKEN);
        struct reply reply = get(client, "/v1/ledger/a");
        bool rebuilt = reply.status == 200;
        reply_free(&reply);
        client_close(client);
        if (rebuilt) break;
        usleep(10000);
    }
    assert_ledger(&daemon, "\"currency\":\"EUR\",\"rate\":2");
    daemon_end(&daemon);
}

static void a_projector_reads_the_file(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "reeld.json");
    FILE *file = fopen(path, "w");
    must(file &&
         fputs("{\"ledger_currency\": \"NOK\", \"ledger_rate\": 3, \"ledger_rounded\": true,"
               " \"ledger_tags\": [\"a,b\", \"c\"]}",
               file) >= 0);
    fclose(file);
    struct daemon daemon =
        daemon_started(scratch_directory(), "--plugin", LEDGER, "--config", path, NULL);
    post_note(&daemon);
    assert_ledger(&daemon, "\"currency\":\"NOK\",\"rate\":3,\"mode\":\"plain\",\"rounded\":true,"
                           "\"tags\":\"[a,b][c]\"");
    daemon_end(&daemon);
}

static void a_value_that_is_not_allowed_is_wrong_usage(void **state) {
    (void)state;
    const char *const rate[] = {"--plugin", LEDGER, "--ledger-rate", "0", NULL};
    assert_refused(rate, 2, "--ledger-rate is \\\"0\\\", wanted a number from 1 to 100");
    const char *const currency[] = {"--plugin", LEDGER, "--ledger-currency", "EURO", NULL};
    assert_refused(currency, 2, "--ledger-currency is \\\"EURO\\\": wanted three characters");
    const char *const unknown[] = {"--plugin", LEDGER, "--ledger-colour", "red", NULL};
    assert_refused(unknown, 2, "there is no flag --ledger-colour");
}

/* ---- Cases: principals ----------------------------------------------------------------------- */

static void settings_are_listed_as_they_are_declared(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), "--plugin", LEDGER, NULL);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct reply reply = get(client, "/v1/plugins");
    assert_int_equal(reply.status, 200);
    static const char *const parts[] = {
        "\"settings\":[{\"name\":\"ledger_currency\",\"kind\":\"text\",\"list\":false,"
        "\"default\":\"EUR\",\"unit\":\"CODE\",\"help\":\"currency of the amounts\"}",
        "\"default\":\"2\",\"unit\":null,\"help\":\"rate of the amounts\",\"min\":1,\"max\":100}",
        "\"kind\":\"one_of\",\"list\":false,\"default\":\"plain\",\"unit\":null,"
        "\"help\":\"how it is done\",\"values\":[\"plain\",",
        "\"name\":\"ledger_rounded\",\"kind\":\"switch\",\"list\":false,\"default\":null,",
        "\"name\":\"ledger_tags\",\"kind\":\"text\",\"list\":true,",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(reply.body.data, parts[i]))
            support_failed(__FILE__, __LINE__, "no %s in %s", parts[i], reply.body.data);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
}

static void a_command_has_the_name_of_its_token(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), "--plugin", LEDGER, NULL);
    struct client *client = client_opened(&daemon, OTHER_TOKEN); /* the third line of the file */
    struct reply reply = post_json(client, "/v1/ledger", "{}");
    assert_int_equal(reply.status, 201);
    must(strstr(reply.body.data, "\"by\":\"line 3\",\"decided\":{\"principal\":\"line 3\""));
    reply_free(&reply);
    reply = get(client, "/v1/events/1");
    must(strstr(reply.body.data, ",\"principal\":\"line 3\",\"outcomes\":["));
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
}

static void a_sender_cannot_give_itself_a_name(void **state) {
    (void)state;
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/tests\","
                                "\"type\":\"test.ledger.v1.noted\",\"subject\":\"a\","
                                "\"principal\":\"somebody else\"}";
    struct daemon daemon = daemon_started(scratch_directory(), "--plugin", LEDGER, NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = post_event(client, event, sizeof event - 1);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    reply = get(client, "/v1/events/1");
    must(strstr(reply.body.data, "\"principal\":\"somebody else\"}")); /* its own claim */
    must(strstr(reply.body.data, ",\"principal\":null,\"outcomes\":["));
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pinned_plugins_are_loaded),
        cmocka_unit_test(a_plugin_that_is_not_the_pinned_one_is_refused),
        cmocka_unit_test(a_plugin_without_a_pin_is_refused_if_others_have_one),
        cmocka_unit_test(one_file_may_have_several_pins),
        cmocka_unit_test(a_pin_that_is_no_pin_is_wrong_usage),
        cmocka_unit_test(a_copy_over_the_file_does_not_reach_the_daemon),
        cmocka_unit_test(a_file_that_is_given_twice_is_refused),
        cmocka_unit_test(a_projector_reads_the_flags),
        cmocka_unit_test(a_projector_reads_the_file),
        cmocka_unit_test(a_value_that_is_not_allowed_is_wrong_usage),
        cmocka_unit_test(settings_are_listed_as_they_are_declared),
        cmocka_unit_test(a_command_has_the_name_of_its_token),
        cmocka_unit_test(a_sender_cannot_give_itself_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
