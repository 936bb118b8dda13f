/* config_test.c: which value counts, how each is spelt, and the sentence for each that is wrong.
 * The tests run in a directory of their own, where the configuration file is reel.json. */
#include "unit.h"

#include "daemon/config/config.h"
#include "daemon/config/settings.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static const char *const levels[] = {"error", "warning", "info", NULL};

static const struct reel_setting *const own[] = {
    REEL_SETTING(.name = "config", .kind = REEL_SETTING_TEXT, .flags = SETTING_FLAG_ONLY,
                 .unit = "FILE", .help = "a file"),
    REEL_SETTING(.name = "data", .kind = REEL_SETTING_TEXT, .unit = "DIR", .help = "a place"),
    REEL_SETTING(.name = "plugin", .kind = REEL_SETTING_TEXT, .flags = REEL_SETTING_LIST,
                 .unit = "FILE", .default_value = "a.so,b.so", .help = "plugins"),
    REEL_SETTING(.name = "view_ms_max", .kind = REEL_SETTING_NUMBER, .unit = "ms", .min = 1,
                 .max = 3600000, .default_value = "10000", .help = "a time"),
    REEL_SETTING(.name = "count", .kind = REEL_SETTING_NUMBER, .max = UINT64_MAX,
                 .default_value = "0", .help = "a count"),
    REEL_SETTING(.name = "log_level", .kind = REEL_SETTING_ONE_OF, .values = levels,
                 .default_value = "info", .help = "a level"),
    REEL_SETTING(.name = "loud", .kind = REEL_SETTING_SWITCH, .help = "a switch"),
    REEL_SETTING(.name = "rebuild", .kind = REEL_SETTING_TEXT,
                 .flags = REEL_SETTING_LIST | SETTING_FLAG_ONLY, .help = "once"),
    NULL,
};

static const struct reel_setting *const of_sink[] = {
    REEL_SETTING(.name = "bind", .kind = REEL_SETTING_TEXT, .unit = "ADDRESS:PORT",
                 .default_value = "127.0.0.1:8080", .help = "where",
                 .aliases = "CELLOS_SERVER_BIND"),
    REEL_SETTING(.name = "place", .kind = REEL_SETTING_TEXT, .help = "another",
                 .aliases = "FIRST_PLACE SECOND_PLACE  THIRD_PLACE"),
    NULL,
};

static const char *const variables[] = {"CELLOS_SERVER_BIND", "FIRST_PLACE", "SECOND_PLACE",
                                        "THIRD_PLACE", "SECOND"};

static int enter(void **state) {
    (void)state;
    settings_forget(true);
    for (size_t i = 0; i < LENGTH(variables); i++) unsetenv(variables[i]);
    return chdir(scratch_directory());
}

static void write_file(struct reel_str text) {
    FILE *file = fopen("reel.json", "w");
    must(file && fwrite(text.data, 1, text.len, file) == text.len);
    must(fclose(file) == 0);
}

static void set(const char *variable, const char *value) {
    must(setenv(variable, value, 1) == 0);
}

/* The words of a line as arguments. */
struct arguments {
    char line[256];
    char *argv[16];
    int argc;
};
static struct arguments *arguments(struct arguments *to, const char *line) {
    static char command[] = "serve";
    char *left = to->line;
    must(strlen(line) < sizeof to->line);
    strcpy(to->line, line);
    to->argv[0] = command;
    to->argc = 1;
    for (char *word; (word = strtok_r(left, " ", &left));) to->argv[to->argc++] = word;
    to->argv[to->argc] = NULL;
    return to;
}

static int peek(struct config *config, const char *line, struct reel_error *error) {
    struct arguments args;
    arguments(&args, line);
    return config_peek(config, args.argc, args.argv, error);
}

static int read_all(struct config *config, const char *line, struct reel_error *error) {
    struct arguments args;
    arguments(&args, line);
    return config_read(config, args.argc, args.argv, error);
}

static struct config *declared(void) {
    struct config *config;
    struct reel_error error;
    must_ok(config_create(&config, &error), error);
    must_ok(config_declare(config, DAEMON_OWNER, own, &error), error);
    must_ok(config_declare(config, "sink http", of_sink, &error), error);
    return config;
}

static struct config *read_with(const char *line) {
    struct config *config = declared();
    struct reel_error error;
    must_ok(read_all(config, line, &error), error);
    return config;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_value(const struct config *config, const char *name, const char *value,
                         const char *origin) {
    test_context("setting %s", name);
    if (value)
        assert_string_equal(config_text(config, name, 0), value);
    else
        assert_null(config_text(config, name, 0));
    assert_string_equal(config_origin(config, name), origin);
}

static void assert_list(const struct config *config, const char *name, const char *joined) {
    char found[256] = "";
    const char *item;
    for (size_t n = 0; (item = config_text(config, name, n)); n++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", n ? " " : "", item);
    assert_string_equal(found, joined);
}

static void assert_refused(const char *line, int code, const char *sentence) {
    struct config *config = declared();
    struct reel_error error;
    assert_int_equal(read_all(config, line, &error), code);
    assert_string_equal(error.text, sentence);
    assert_sentence(&error, "");
    config_destroy(config);
}

/* ---- Which value counts ---------------------------------------------------------------------- */

static void a_setting_that_is_not_given_has_its_default(void **state) {
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

    write_file(STR("{\"log_level\": \"info\", \"data\": \"in-file\"}"));
    config = read_with("--config reel.json");
    assert_value(config, "log_level", "info", "config file reel.json");
    assert_value(config, "data", "in-file", "config file reel.json");
    config_destroy(config);

    set("REEL_LOG_LEVEL", "warning");
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
    set("CELLOS_SERVER_BIND", "0.0.0.0:1");
    struct config *config = read_with("");
    assert_value(config, "bind", "0.0.0.0:1", "environment CELLOS_SERVER_BIND");
    config_destroy(config);

    set("REEL_BIND", "0.0.0.0:2");
    config = read_with("");
    assert_value(config, "bind", "0.0.0.0:2", "environment REEL_BIND");
    config_destroy(config);
}

static void of_several_other_names_the_first_that_is_set_counts(void **state) {
    (void)state;
    set("SECOND", "no name of it");
    set("THIRD_PLACE", "third");
    struct config *config = read_with("");
    assert_value(config, "place", "third", "environment THIRD_PLACE");
    config_destroy(config);

    set("FIRST_PLACE", "");
    set("SECOND_PLACE", "second");
    config = read_with("");
    assert_value(config, "place", "second", "environment SECOND_PLACE");
    config_destroy(config);

    set("FIRST_PLACE", "first");
    config = read_with("");
    assert_value(config, "place", "first", "environment FIRST_PLACE");
    config_destroy(config);

    set("REEL_PLACE", "own");
    config = read_with("");
    assert_value(config, "place", "own", "environment REEL_PLACE");
    config_destroy(config);
}

static void an_empty_variable_is_none(void **state) {
    (void)state;
    set("REEL_DATA", "");
    set("REEL_VIEW_MS_MAX", "");
    set("REEL_REBUILD", "");
    set("REEL_BIND", "");
    set("CELLOS_SERVER_BIND", "0.0.0.0:1");
    struct config *config = read_with("");
    assert_value(config, "data", NULL, "default");
    assert_value(config, "view_ms_max", "10000", "default");
    assert_value(config, "bind", "0.0.0.0:1", "environment CELLOS_SERVER_BIND");
    config_destroy(config);
}

static void a_variable_of_no_setting_is_refused(void **state) {
    (void)state;
    set("REEL_NOBODYS", "at all");
    assert_refused("", -EINVAL, "environment REEL_NOBODYS: there is no such setting");
    struct config *config = declared();
    struct reel_error error;
    must_ok(peek(config, "", &error), error); /* it may be a sink's */
    config_destroy(config);
}

static void variables_that_are_not_settings_are_passed_over(void **state) {
    (void)state;
    set("REEL_TOKEN", "t");
    set("REEL_URL", "http://127.0.0.1:8080");
    set("REEL_NOBODYS", ""); /* an empty one is none */
    set("REELING", "x");
    set("THE_REEL_DATA", "x");
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
        set(cases[i].variable, cases[i].value);
        write_file(reel_text(cases[i].file));
        int rc = read_all(config, line, &error);
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

    write_file(STR("{\"plugin\": [\"c:d.so\", \"e.so\"]}"));
    config = read_with("--config reel.json");
    assert_list(config, "plugin", "c:d.so e.so");
    config_destroy(config);

    set("REEL_PLUGIN", "f.so,g.so,h.so");
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
    write_file(STR("{\"plugin\": []}"));
    struct config *config = read_with("--config reel.json");
    assert_list(config, "plugin", "");
    assert_value(config, "plugin", NULL, "config file reel.json");
    config_destroy(config);
}

static void each_reading_forgets_the_one_before(void **state) {
    (void)state;
    struct reel_error error;
    struct config *config = read_with("--data x --loud --plugin c.so");
    must_ok(read_all(config, "", &error), error);
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
    write_file(STR("{\"view_ms_max\": 3600000, \"count\": 9223372036854775807}"));
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
        set("REEL_LOUD", cases[i].variable);
        write_file(reel_text(cases[i].file));
        snprintf(line, sizeof line, "--config reel.json %s", cases[i].flags);
        struct config *config = read_with(line);
        assert_int_equal(config_number(config, "loud"), cases[i].number);
        config_destroy(config);
    }
}

static void a_text_is_kept_as_it_stands(void **state) {
    (void)state;
    write_file(STR("{\"data\": \"\\u00e4 \\\"b\\\"\\n\"}"));
    struct config *config = read_with("--config reel.json");
    assert_value(config, "data", "\xC3\xA4 \"b\"\n", "config file reel.json");
    config_destroy(config);
}

static void a_name_that_is_not_a_setting_has_no_value(void **state) {
    (void)state;
    struct config *config = read_with("");
    assert_value(config, "nope", NULL, "default");
    assert_int_equal(config_number(config, "nope"), 0);
    assert_false(config_owns(config, "sink http", "nope"));
    assert_false(config_owns(config, "sink http", "data"));
    assert_true(config_owns(config, "sink http", "bind"));
    config_destroy(config);
}

/* ---- What is refused ------------------------------------------------------------------------- */

static void a_wrong_flag_is_told(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"--nope", "there is no flag --nope"},
        {"--nope=3", "there is no flag --nope"},
        {"--", "there is no flag --"},
        {"--view_ms_max 3", "there is no flag --view_ms_max"},
        {"--view-ms 3", "there is no flag --view-ms"},
        {"word", "`word` does not belong to a flag"},
        {"-d", "`-d` does not belong to a flag"},
        {"--loud true", "`true` does not belong to a flag"},
        {"--data", "--data is without a value, wanted a text (DIR)"},
        {"--data --loud", "--data is without a value, wanted a text (DIR)"},
        {"--data=", "--data is \"\", wanted a text (DIR)"},
        {"--data a --data b", "--data is given twice"},
        {"--loud --loud", "--loud is given twice"},
        {"--loud=true", "--loud is \"true\", wanted no value"},
        {"--loud=", "--loud is \"\", wanted no value"},
        {"--plugin=", "--plugin is \"\", wanted a text (FILE)"},
        {"--plugin", "--plugin is without a value, wanted a text (FILE)"},
        {"--log-level loud", "--log-level is \"loud\", wanted one of error, warning, info"},
        {"--log-level INFO", "--log-level is \"INFO\", wanted one of error, warning, info"},
        {"--view-ms-max",
         "--view-ms-max is without a value, wanted a number from 1 to 3600000 (ms)"},
        {"--view-ms-max soon", "--view-ms-max is \"soon\", wanted a number from 1 to 3600000 (ms)"},
        {"--view-ms-max=0", "--view-ms-max is \"0\", wanted a number from 1 to 3600000 (ms)"},
        {"--view-ms-max=3600001",
         "--view-ms-max is \"3600001\", wanted a number from 1 to 3600000 (ms)"},
        {"--view-ms-max=5s", "--view-ms-max is \"5s\", wanted a number from 1 to 3600000 (ms)"},
        {"--view-ms-max=+5", "--view-ms-max is \"+5\", wanted a number from 1 to 3600000 (ms)"},
        {"--view-ms-max=0x5", "--view-ms-max is \"0x5\", wanted a number from 1 to 3600000 (ms)"},
        {"--count -1", "--count is \"-1\", wanted a number from 0 to 18446744073709551615"},
        {"--count 18446744073709551616",
         "--count is \"18446744073709551616\", wanted a number from 0 to 18446744073709551615"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) assert_refused(cases[i][0], -EINVAL, cases[i][1]);
}

static void a_wrong_variable_is_told(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"REEL_VIEW_MS_MAX", "soon",
         "environment REEL_VIEW_MS_MAX is \"soon\", wanted a number from 1 to 3600000 (ms)"},
        {"REEL_VIEW_MS_MAX", "5 ",
         "environment REEL_VIEW_MS_MAX is \"5 \", wanted a number from 1 to 3600000 (ms)"},
        {"REEL_LOUD", "1", "environment REEL_LOUD is \"1\", wanted true or false"},
        {"REEL_LOG_LEVEL", "loud",
         "environment REEL_LOG_LEVEL is \"loud\", wanted one of error, warning, info"},
        {"REEL_PLUGIN", "a,,b",
         "environment REEL_PLUGIN is \"a,,b\", wanted texts separated by commas (FILE)"},
        {"REEL_PLUGIN", "a,",
         "environment REEL_PLUGIN is \"a,\", wanted texts separated by commas (FILE)"},
        {"REEL_PLUGIN", ",a",
         "environment REEL_PLUGIN is \",a\", wanted texts separated by commas (FILE)"},
        {"REEL_CONFIG", "x", "environment REEL_CONFIG is set, which may only be given as --config"},
        {"REEL_REBUILD", "x",
         "environment REEL_REBUILD is set, which may only be given as --rebuild"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        set(cases[i][0], cases[i][1]);
        assert_refused("", -EINVAL, cases[i][2]);
        unsetenv(cases[i][0]);
    }
}

static void a_wrong_key_is_told(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"nope\": 1}", "there is no setting \"nope\""},
        {"{\"view-ms-max\": 1}", "there is no setting \"view-ms-max\""},
        {"{\"rebuild\": [\"cells\"]}", "\"rebuild\" may only be given as --rebuild"},
        {"{\"config\": \"other.json\"}", "\"config\" may only be given as --config"},
        {"{\"view_ms_max\": \"soon\"}",
         "\"view_ms_max\" is \"soon\", wanted a number from 1 to 3600000 (ms)"},
        {"{\"view_ms_max\": \"5\"}",
         "\"view_ms_max\" is \"5\", wanted a number from 1 to 3600000 (ms)"},
        {"{\"view_ms_max\": 0}", "\"view_ms_max\" is 0, wanted a number from 1 to 3600000 (ms)"},
        {"{\"view_ms_max\": -1}", "\"view_ms_max\" is -1, wanted a number from 1 to 3600000 (ms)"},
        {"{\"view_ms_max\": 5.0}",
         "\"view_ms_max\" is 5.0, wanted a number from 1 to 3600000 (ms)"},
        {"{\"view_ms_max\": null}",
         "\"view_ms_max\" is null, wanted a number from 1 to 3600000 (ms)"},
        {"{\"view_ms_max\": [1]}",
         "\"view_ms_max\" is [1], wanted a number from 1 to 3600000 (ms)"},
        {"{\"count\": -1}", "\"count\" is -1, wanted a number from 0 to 18446744073709551615"},
        {"{\"loud\": \"true\"}", "\"loud\" is \"true\", wanted true or false"},
        {"{\"loud\": 1}", "\"loud\" is 1, wanted true or false"},
        {"{\"log_level\": \"loud\"}",
         "\"log_level\" is \"loud\", wanted one of error, warning, info"},
        {"{\"log_level\": 1}", "\"log_level\" is 1, wanted one of error, warning, info"},
        {"{\"data\": 1}", "\"data\" is 1, wanted a text (DIR)"},
        {"{\"data\": \"\"}", "\"data\" is \"\", wanted a text (DIR)"},
        {"{\"data\": [\"a\"]}", "\"data\" is [\"a\"], wanted a text (DIR)"},
        {"{\"plugin\": \"a\"}", "\"plugin\" is \"a\", wanted a list of texts (FILE)"},
        {"{\"plugin\": [\"a\", 1]}", "\"plugin\" is [\"a\",1], wanted a list of texts (FILE)"},
        {"{\"plugin\": [\"\"]}", "\"plugin\" is [\"\"], wanted a list of texts (FILE)"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char sentence[512];
        write_file(reel_text(cases[i][0]));
        snprintf(sentence, sizeof sentence, "config file reel.json: %s", cases[i][1]);
        assert_refused("--config reel.json", -EINVAL, sentence);
    }
}

static void a_value_that_a_flag_overrides_is_checked(void **state) {
    (void)state;
    set("REEL_VIEW_MS_MAX", "soon");
    assert_refused(
        "--view-ms-max 5", -EINVAL,
        "environment REEL_VIEW_MS_MAX is \"soon\", wanted a number from 1 to 3600000 (ms)");
}

static void a_long_value_is_cut(void **state) {
    (void)state;
    char line[256] = "--log-level ", sentence[256];
    for (int i = 0; i < 30; i++) strcat(line, "\xE2\x82\xAC");
    snprintf(sentence, sizeof sentence,
             "--log-level is \"%.78s…, wanted one of error, warning, info", strchr(line, '\xE2'));
    assert_refused(line, -EINVAL, sentence);
}

/* ---- The file -------------------------------------------------------------------------------- */

/* `part`: jansson says the rest. */
static void assert_file_refused(struct reel_str text, const char *part) {
    struct config *config = declared();
    struct reel_error error;
    write_file(text);
    assert_int_equal(read_all(config, "--config reel.json", &error), -EINVAL);
    assert_sentence(&error, part);
    assert_true(strncmp(error.text, "config file reel.json: ", 23) == 0);
    config_destroy(config);
}

static void a_file_that_is_no_json_object_is_told(void **state) {
    (void)state;
    assert_file_refused(STR("[1]"), "it is not a JSON object");
    assert_file_refused(STR(""), "line 1: ");
    assert_file_refused(STR("{\n\"data\": \"a\",\n}"), "line 3: ");
    assert_file_refused(STR("{} {}"), "line 1: end of file expected");
    assert_file_refused(STR("{\"data\":\"a\",\n\"data\":\"b\"}"), "line 2: duplicate object key");
    assert_file_refused(STR("{\"data\":\"a\\u0000b\"}"), "line 1: ");
    assert_file_refused(STR("{\"data\":\"a\0b\"}"), "line 1: ");
    assert_file_refused(STR("{\"data\":\"\xFF\"}"), "line 1: unable to decode byte 0xff");
    assert_file_refused(STR("{\"count\":18446744073709551615}"), "too big integer");
}

static void a_file_that_cannot_be_read_is_told(void **state) {
    (void)state;
    must(mkdir("directory", 0700) == 0);
    assert_refused("--config absent.json", -ENOENT,
                   "config file absent.json: No such file or directory");
    assert_refused("--config directory", -EISDIR, "config file directory: Is a directory");
}

static void a_file_has_at_most_a_mebibyte(void **state) {
    (void)state;
    enum { BOUND = 1 << 20 };
    char *text = malloc(BOUND + 1);
    must(text);
    memset(text, ' ', BOUND + 1);
    memcpy(text, "{}", 2);
    write_file((struct reel_str){text, BOUND});
    config_destroy(read_with("--config reel.json"));
    write_file((struct reel_str){text, BOUND + 1});
    assert_refused("--config reel.json", -EFBIG,
                   "config file reel.json: it has more than 1048576 bytes");
    free(text);
}

/* ---- Two passes ------------------------------------------------------------------------------ */

static struct config *declared_own(void) {
    struct config *config;
    struct reel_error error;
    must_ok(config_create(&config, &error), error);
    must_ok(config_declare(config, DAEMON_OWNER, own, &error), error);
    return config;
}

static void a_peek_passes_over_what_it_does_not_know(void **state) {
    (void)state;
    static const char line[] = "--bind 1.2.3.4:5 --plugin a.so --nope=--data --what --data d word "
                               "--config reel.json";
    struct config *config = declared_own();
    struct reel_error error;
    write_file(STR("{\"bind\": 7, \"nope\": 1, \"log_level\": \"error\"}"));
    must_ok(peek(config, line, &error), error);
    assert_list(config, "plugin", "a.so");
    assert_value(config, "data", "d", "--data");
    assert_value(config, "log_level", "error", "config file reel.json");
    assert_value(config, "bind", NULL, "default");
    config_destroy(config);
}

static void a_peek_refuses_what_it_knows(void **state) {
    (void)state;
    struct config *config = declared_own();
    struct reel_error error;
    assert_int_equal(peek(config, "--view-ms-max soon", &error), -EINVAL);
    assert_sentence(&error, "--view-ms-max is \"soon\", wanted");
    config_destroy(config);
}

static void the_second_pass_sees_what_was_declared_meanwhile(void **state) {
    (void)state;
    static const char line[] = "--bind 1.2.3.4:5 --config reel.json";
    struct config *config = declared_own();
    struct reel_error error;
    write_file(STR("{\"bind\": \"5.6.7.8:9\", \"data\": \"d\"}"));
    must_ok(peek(config, line, &error), error);
    must_ok(config_declare(config, "sink http", of_sink, &error), error);
    must_ok(read_all(config, line, &error), error);
    assert_value(config, "bind", "1.2.3.4:5", "--bind");
    assert_value(config, "data", "d", "config file reel.json");
    config_destroy(config);
}

static void the_second_pass_refuses_what_nobody_declared(void **state) {
    (void)state;
    struct config *config = declared_own();
    struct reel_error error;
    must_ok(peek(config, "--bind 1.2.3.4:5", &error), error);
    assert_int_equal(read_all(config, "--bind 1.2.3.4:5", &error), -EINVAL);
    assert_sentence(&error, "there is no flag --bind");
    config_destroy(config);
}

/* It may be a pipe. */
static void the_file_is_read_once(void **state) {
    (void)state;
    struct config *config = declared();
    struct reel_error error;
    write_file(STR("{\"data\": \"first\"}"));
    must_ok(peek(config, "--config reel.json", &error), error);
    must(unlink("reel.json") == 0);
    must_ok(read_all(config, "--config reel.json", &error), error);
    assert_value(config, "data", "first", "config file reel.json");
    config_destroy(config);
}

/* ---- Declaring ------------------------------------------------------------------------------- */

static void one_name_is_one_setting(void **state) {
    (void)state;
    const struct reel_setting *const second[] = {
        REEL_SETTING(.name = "bind", .kind = REEL_SETTING_TEXT, .help = "where"), NULL};
    struct config *config = declared();
    struct reel_error error;
    assert_int_equal(config_declare(config, "sink stdout", second, &error), -EEXIST);
    assert_string_equal(error.text,
                        "setting \"bind\" of sink stdout: sink http has one of that name");
    config_destroy(config);
}

static void a_name_that_means_something_else_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {"help", "version", "token", "url"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        const struct reel_setting *const list[] = {
            REEL_SETTING(.name = names[i], .kind = REEL_SETTING_TEXT, .help = "it"), NULL};
        struct config *config = declared();
        struct reel_error error;
        assert_int_equal(config_declare(config, "sink x", list, &error), -EEXIST);
        assert_sentence(&error, " of sink x: the name is reserved");
        config_destroy(config);
    }
}

static void a_sink_may_have_no_settings(void **state) {
    (void)state;
    struct config *config = declared();
    struct reel_error error;
    must_ok(config_declare(config, "sink stdout", NULL, &error), error);
    config_destroy(config);
    config_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup(name, enter)

UNIT_TESTS(config_test) {
    const struct CMUnitTest tests[] = {
        TEST(a_setting_that_is_not_given_has_its_default),
        TEST(a_flag_counts_before_environment_before_file_before_default),
        TEST(another_name_in_the_environment_counts_for_less),
        TEST(of_several_other_names_the_first_that_is_set_counts),
        TEST(an_empty_variable_is_none),
        TEST(a_variable_of_no_setting_is_refused),
        TEST(variables_that_are_not_settings_are_passed_over),
        TEST(variables_of_services_around_are_passed_over),
        TEST(a_value_must_pass_the_check_of_its_setting),
        TEST(a_list_replaces_the_lower_ones),
        TEST(an_empty_list_in_the_file_is_one),
        TEST(each_reading_forgets_the_one_before),
        TEST(a_flag_has_its_value_behind_a_space_or_an_equals_sign),
        TEST(numbers_reach_to_their_bounds),
        TEST(a_switch_is_on_or_off),
        TEST(a_text_is_kept_as_it_stands),
        TEST(a_name_that_is_not_a_setting_has_no_value),
        TEST(a_wrong_flag_is_told),
        TEST(a_wrong_variable_is_told),
        TEST(a_wrong_key_is_told),
        TEST(a_value_that_a_flag_overrides_is_checked),
        TEST(a_long_value_is_cut),
        TEST(a_file_that_is_no_json_object_is_told),
        TEST(a_file_that_cannot_be_read_is_told),
        TEST(a_file_has_at_most_a_mebibyte),
        TEST(a_peek_passes_over_what_it_does_not_know),
        TEST(a_peek_refuses_what_it_knows),
        TEST(the_second_pass_sees_what_was_declared_meanwhile),
        TEST(the_second_pass_refuses_what_nobody_declared),
        TEST(the_file_is_read_once),
        TEST(one_name_is_one_setting),
        TEST(a_name_that_means_something_else_is_refused),
        TEST(a_sink_may_have_no_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
