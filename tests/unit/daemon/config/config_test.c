/* config_test.c: which value counts, and how each is spelt. */
#include "config_support.h"

#include "daemon/config/settings.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Which value counts ---------------------------------------------------------------------- */

static void what_is_not_given_has_its_default(void **state) {
    (void)state;
    struct config *config = read_with("");
    assert_value(config, "data", NULL, "default");
    assert_value(config, "log_level", "info", "default");
    assert_value(config, "bind", "127.0.0.1:8080", "default");
    assert_int_equal(config_number(config, "view_ms_max"), 10000);
    assert_int_equal(config_number(config, "loud"), 0);
    config_destroy(config);
}

static void a_flag_counts_before_environment_before_file_before_default(void **state) {
    (void)state;
    struct config *config = read_with("");
    assert_value(config, "log_level", "info", "default");
    config_destroy(config);

    write_config(STR("{\"log_level\": \"info\", \"data\": \"in-file\"}"));
    config = read_with("--config reel.json");
    assert_value(config, "log_level", "info", "config file reel.json");
    assert_value(config, "data", "in-file", "config file reel.json");
    config_destroy(config);

    set_variable("REEL_LOG_LEVEL", "warning");
    config = read_with("--config reel.json");
    assert_value(config, "log_level", "warning", "environment REEL_LOG_LEVEL");
    config_destroy(config);

    config = read_with("--config reel.json --log-level error");
    assert_value(config, "log_level", "error", "--log-level");
    assert_value(config, "data", "in-file", "config file reel.json");
    config_destroy(config);
}

static void another_name_in_the_environment_counts_for_less(void **state) {
    (void)state;
    set_variable("CELLOS_SERVER_BIND", "0.0.0.0:1");
    struct config *config = read_with("");
    assert_value(config, "bind", "0.0.0.0:1", "environment CELLOS_SERVER_BIND");
    config_destroy(config);

    set_variable("REEL_BIND", "0.0.0.0:2");
    config = read_with("");
    assert_value(config, "bind", "0.0.0.0:2", "environment REEL_BIND");
    config_destroy(config);
}

static void of_several_other_names_the_first_that_is_set_counts(void **state) {
    (void)state;
    set_variable("SECOND", "no name of it");
    set_variable("THIRD_PLACE", "third");
    struct config *config = read_with("");
    assert_value(config, "place", "third", "environment THIRD_PLACE");
    config_destroy(config);

    set_variable("FIRST_PLACE", "");
    set_variable("SECOND_PLACE", "second");
    config = read_with("");
    assert_value(config, "place", "second", "environment SECOND_PLACE");
    config_destroy(config);

    set_variable("FIRST_PLACE", "first");
    config = read_with("");
    assert_value(config, "place", "first", "environment FIRST_PLACE");
    config_destroy(config);

    set_variable("REEL_PLACE", "own");
    config = read_with("");
    assert_value(config, "place", "own", "environment REEL_PLACE");
    config_destroy(config);
}

static void an_empty_variable_is_none(void **state) {
    (void)state;
    set_variable("REEL_DATA", "");
    set_variable("REEL_VIEW_MS_MAX", "");
    set_variable("REEL_REBUILD", "");
    set_variable("REEL_BIND", "");
    set_variable("CELLOS_SERVER_BIND", "0.0.0.0:1");
    struct config *config = read_with("");
    assert_value(config, "data", NULL, "default");
    assert_value(config, "view_ms_max", "10000", "default");
    assert_value(config, "bind", "0.0.0.0:1", "environment CELLOS_SERVER_BIND");
    config_destroy(config);
}

static void a_variable_of_no_setting_is_refused(void **state) {
    (void)state;
    set_variable("REEL_NOBODYS", "at all");
    assert_refused("", -EINVAL, "environment REEL_NOBODYS: there is no such setting");
    struct config *config = declared();
    struct reel_error error;
    must_ok(peek_line(config, "", &error), error); /* it may be a sink's */
    config_destroy(config);
}

static void variables_that_are_not_settings_are_passed_over(void **state) {
    (void)state;
    set_variable("REEL_TOKEN", "t");
    set_variable("REEL_URL", "http://127.0.0.1:8080");
    set_variable("REEL_NOBODYS", ""); /* an empty one is none */
    set_variable("REELING", "x");
    set_variable("THE_REEL_DATA", "x");
    config_destroy(read_with(""));
    unsetenv("REELING");
    unsetenv("THE_REEL_DATA");
}

/* As Kubernetes and Docker set them, unasked, for services that are called `reel` or `reel-…`. */
static void variables_of_services_around_are_passed_over(void **state) {
    (void)state;
    static const char *const theirs[][2] = {
        {"REEL_SERVICE_HOST", "10.0.0.7"},         {"REEL_SERVICE_PORT", "80"},
        {"REEL_SERVICE_PORT_HTTP", "80"},          {"REEL_PORT", "tcp://10.0.0.7:80"},
        {"REEL_PORT_80_TCP", "tcp://10.0.0.7:80"}, {"REEL_PORT_80_TCP_PROTO", "tcp"},
        {"REEL_PORT_80_TCP_PORT", "80"},           {"REEL_PORT_80_TCP_ADDR", "10.0.0.7"},
        {"REEL_WEB_SERVICE_HOST", "10.0.0.8"},     {"REEL_WEB_PORT", "udp://10.0.0.8:53"},
        {"REEL_WEB_PORT_53_UDP_ADDR", "10.0.0.8"},
    };
    static const char *const not_theirs[][2] = {
        {"REEL_PORT", "8080"},  {"REEL_PORT_80_TCPX", "80"}, {"REEL_PORT_TCP", "80"},
        {"REEL_PORT_80", "80"}, {"REEL_SERVICE", "x"},
    };
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        setenv(theirs[i][0], theirs[i][1], 1);
    config_destroy(read_with(""));
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) unsetenv(theirs[i][0]);
    for (size_t i = 0; i < sizeof not_theirs / sizeof *not_theirs; i++) {
        char wanted[100];
        setenv(not_theirs[i][0], not_theirs[i][1], 1);
        snprintf(wanted, sizeof wanted, "environment %s: there is no such setting",
                 not_theirs[i][0]);
        assert_refused("", -EINVAL, wanted);
        unsetenv(not_theirs[i][0]);
    }
}

static bool is_even(const char *value, struct reel_error *error) {
    if ((value[strlen(value) - 1] - '0') % 2 == 0) return true;
    error_set(error, "it is odd");
    return false;
}

/* Wherever it comes from, also where a higher layer hides it. */
static void a_value_must_pass_the_check_of_its_setting(void **state) {
    (void)state;
    const struct reel_setting *const list[] = {
        REEL_SETTING(.name = "even", .kind = REEL_SETTING_TEXT, .check = is_even, .help = "it"),
        REEL_SETTING(.name = "evens", .kind = REEL_SETTING_TEXT, .flags = REEL_SETTING_LIST,
                     .check = is_even, .help = "them"),
        REEL_SETTING(.name = "secret", .kind = REEL_SETTING_TEXT, .flags = SETTING_SECRET,
                     .check = is_even, .help = "it"),
        NULL};
    static const struct {
        const char *line, *variable, *value, *file, *sentence;
    } cases[] = {
        {"--even 3", "REEL_EVEN", "", "{}", "--even is \"3\": it is odd"},
        {"--even 2", "REEL_EVEN", "5", "{}", "environment REEL_EVEN is \"5\": it is odd"},
        {"--even 2", "REEL_EVEN", "4", "{\"even\": \"7\"}",
         "config file reel.json: \"even\" is \"7\": it is odd"},
        {"--evens 2 --evens 9", "REEL_EVENS", "", "{}", "--evens is \"9\": it is odd"},
        {"", "REEL_EVENS", "2,4,5", "{}", "environment REEL_EVENS is \"5\": it is odd"},
        {"", "REEL_EVENS", "", "{\"evens\": [\"2\", \"1\"]}",
         "config file reel.json: \"evens\" is \"1\": it is odd"},
        {"--secret 13", "REEL_EVEN", "", "{}", "--secret is (not shown): it is odd"},
        {"--secret 2", "REEL_EVEN", "", "{\"secret\": 17}",
         "config file reel.json: \"secret\" is (not shown), wanted a text"},
        {"--even 2", "REEL_EVENS", "2,4", "{\"evens\": [\"8\"]}", NULL},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct config *config = declared();
        struct reel_error error = {0};
        char line[128];
        must_ok(config_declare(config, "sink x", list, &error), error);
        snprintf(line, sizeof line, "%s --config reel.json", cases[i].line);
        test_context("%s", line);
        set_variable(cases[i].variable, cases[i].value);
        write_config(reel_text(cases[i].file));
        int rc = read_line(config, line, &error);
        assert_int_equal(rc, cases[i].sentence ? -EINVAL : 0);
        if (cases[i].sentence) assert_string_equal(error.text, cases[i].sentence);
        unsetenv(cases[i].variable);
        config_destroy(config);
    }
}

static void a_list_replaces_the_lower_ones(void **state) {
    (void)state;
    struct config *config = read_with("");
    assert_list(config, "plugin", "a.so b.so");
    config_destroy(config);

    write_config(STR("{\"plugin\": [\"c:d.so\", \"e.so\"]}"));
    config = read_with("--config reel.json");
    assert_list(config, "plugin", "c:d.so e.so");
    config_destroy(config);

    set_variable("REEL_PLUGIN", "f.so,g.so,h.so");
    config = read_with("--config reel.json");
    assert_list(config, "plugin", "f.so g.so h.so");
    config_destroy(config);

    config = read_with("--plugin i.so --config reel.json --plugin=j:k.so");
    assert_list(config, "plugin", "i.so j:k.so");
    assert_null(config_text(config, "plugin", 7));
    config_destroy(config);
}

static void an_empty_list_in_the_file_is_one(void **state) {
    (void)state;
    write_config(STR("{\"plugin\": []}"));
    struct config *config = read_with("--config reel.json");
    assert_list(config, "plugin", "");
    assert_value(config, "plugin", NULL, "config file reel.json");
    config_destroy(config);
}

static void each_reading_forgets_the_one_before(void **state) {
    (void)state;
    struct reel_error error;
    struct config *config = read_with("--data x --loud --plugin c.so");
    must_ok(read_line(config, "", &error), error);
    assert_value(config, "data", NULL, "default");
    assert_int_equal(config_number(config, "loud"), 0);
    assert_list(config, "plugin", "a.so b.so");
    config_destroy(config);
}

/* ---- How it is spelt ------------------------------------------------------------------------- */

static void a_flag_has_its_value_behind_a_space_or_an_equals_sign(void **state) {
    (void)state;
    struct config *config = read_with("--view-ms-max 5 --data=--a=b");
    assert_value(config, "view_ms_max", "5", "--view-ms-max");
    assert_int_equal(config_number(config, "view_ms_max"), 5);
    assert_value(config, "data", "--a=b", "--data");
    config_destroy(config);
    config = read_with("--view-ms-max=6 --data -");
    assert_int_equal(config_number(config, "view_ms_max"), 6);
    assert_value(config, "data", "-", "--data");
    config_destroy(config);
}

static void numbers_reach_to_their_bounds(void **state) {
    (void)state;
    struct config *config = read_with("--view-ms-max=1 --count=18446744073709551615");
    assert_int_equal(config_number(config, "view_ms_max"), 1);
    assert_true(config_number(config, "count") == UINT64_MAX);
    config_destroy(config);
    write_config(STR("{\"view_ms_max\": 3600000, \"count\": 9223372036854775807}"));
    config = read_with("--config=reel.json");
    assert_int_equal(config_number(config, "view_ms_max"), 3600000);
    assert_true(config_number(config, "count") == INT64_MAX);
    config_destroy(config);
}

static void a_switch_is_on_or_off(void **state) {
    (void)state;
    static const struct {
        const char *flags, *variable, *file;
        uint64_t number;
    } cases[] = {
        {"--loud", "", "{}", 1},
        {"", "true", "{}", 1},
        {"", "false", "{\"loud\": true}", 0},
        {"", "", "{\"loud\": true}", 1},
        {"", "", "{\"loud\": false}", 0},
        {"--loud", "false", "{\"loud\": false}", 1},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char line[64];
        set_variable("REEL_LOUD", cases[i].variable);
        write_config(reel_text(cases[i].file));
        snprintf(line, sizeof line, "--config reel.json %s", cases[i].flags);
        struct config *config = read_with(line);
        assert_int_equal(config_number(config, "loud"), cases[i].number);
        config_destroy(config);
    }
}

static void a_text_is_kept_as_it_stands(void **state) {
    (void)state;
    write_config(STR("{\"data\": \"\\u00e4 \\\"b\\\"\\n\"}"));
    struct config *config = read_with("--config reel.json");
    assert_value(config, "data", "\xC3\xA4 \"b\"\n", "config file reel.json");
    config_destroy(config);
}

static void what_is_no_setting_has_no_value(void **state) {
    (void)state;
    struct config *config = read_with("");
    assert_value(config, "nope", NULL, "default");
    assert_int_equal(config_number(config, "nope"), 0);
    assert_false(config_owns(config, "sink http", "nope"));
    assert_false(config_owns(config, "sink http", "data"));
    assert_true(config_owns(config, "sink http", "bind"));
    config_destroy(config);
}

UNIT_TESTS(config_test) {
    const struct CMUnitTest tests[] = {
        CONFIG_CASE(what_is_not_given_has_its_default),
        CONFIG_CASE(a_flag_counts_before_environment_before_file_before_default),
        CONFIG_CASE(another_name_in_the_environment_counts_for_less),
        CONFIG_CASE(of_several_other_names_the_first_that_is_set_counts),
        CONFIG_CASE(an_empty_variable_is_none),
        CONFIG_CASE(a_variable_of_no_setting_is_refused),
        CONFIG_CASE(variables_that_are_not_settings_are_passed_over),
        CONFIG_CASE(variables_of_services_around_are_passed_over),
        CONFIG_CASE(a_value_must_pass_the_check_of_its_setting),
        CONFIG_CASE(a_list_replaces_the_lower_ones),
        CONFIG_CASE(an_empty_list_in_the_file_is_one),
        CONFIG_CASE(each_reading_forgets_the_one_before),
        CONFIG_CASE(a_flag_has_its_value_behind_a_space_or_an_equals_sign),
        CONFIG_CASE(numbers_reach_to_their_bounds),
        CONFIG_CASE(a_switch_is_on_or_off),
        CONFIG_CASE(a_text_is_kept_as_it_stands),
        CONFIG_CASE(what_is_no_setting_has_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
