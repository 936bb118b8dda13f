/* config_refusals_test.c: the sentence for each value, key, variable and file that is wrong. */
#include "config_support.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
        set_variable(cases[i][0], cases[i][1]);
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
        write_config(reel_text(cases[i][0]));
        snprintf(sentence, sizeof sentence, "config file reel.json: %s", cases[i][1]);
        assert_refused("--config reel.json", -EINVAL, sentence);
    }
}

static void what_a_flag_hides_is_checked_all_the_same(void **state) {
    (void)state;
    set_variable("REEL_VIEW_MS_MAX", "soon");
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
    write_config(text);
    assert_int_equal(read_line(config, "--config reel.json", &error), -EINVAL);
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
    write_config((struct reel_str){text, BOUND});
    config_destroy(read_with("--config reel.json"));
    write_config((struct reel_str){text, BOUND + 1});
    assert_refused("--config reel.json", -EFBIG,
                   "config file reel.json: it has more than 1048576 bytes");
    free(text);
}

UNIT_TESTS(config_refusals_test) {
    const struct CMUnitTest tests[] = {
        CONFIG_CASE(a_wrong_flag_is_told),
        CONFIG_CASE(a_wrong_variable_is_told),
        CONFIG_CASE(a_wrong_key_is_told),
        CONFIG_CASE(what_a_flag_hides_is_checked_all_the_same),
        CONFIG_CASE(a_long_value_is_cut),
        CONFIG_CASE(a_file_that_is_no_json_object_is_told),
        CONFIG_CASE(a_file_that_cannot_be_read_is_told),
        CONFIG_CASE(a_file_has_at_most_a_mebibyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
