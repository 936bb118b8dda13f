/* config_passes_test.c: what is declared before each of the two passes over the arguments. */
#include "config_support.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Two passes ------------------------------------------------------------------------------ */

static void a_peek_passes_over_what_it_does_not_know(void **state) {
    (void)state;
    static const char line[] = "--bind 1.2.3.4:5 --plugin a.so --nope=--data --what --data d word "
                               "--config reel.json";
    struct config *config = declared_own();
    struct reel_error error;
    write_config(STR("{\"bind\": 7, \"nope\": 1, \"log_level\": \"error\"}"));
    must_ok(peek_line(config, line, &error), error);
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
    assert_int_equal(peek_line(config, "--view-ms-max soon", &error), -EINVAL);
    assert_sentence(&error, "--view-ms-max is \"soon\", wanted");
    config_destroy(config);
}

static void the_second_pass_sees_what_was_declared_meanwhile(void **state) {
    (void)state;
    static const char line[] = "--bind 1.2.3.4:5 --config reel.json";
    struct config *config = declared_own();
    struct reel_error error;
    write_config(STR("{\"bind\": \"5.6.7.8:9\", \"data\": \"d\"}"));
    must_ok(peek_line(config, line, &error), error);
    must_ok(config_declare(config, "sink http", settings_of_sink, &error), error);
    must_ok(read_line(config, line, &error), error);
    assert_value(config, "bind", "1.2.3.4:5", "--bind");
    assert_value(config, "data", "d", "config file reel.json");
    config_destroy(config);
}

static void the_second_pass_refuses_what_nobody_declared(void **state) {
    (void)state;
    struct config *config = declared_own();
    struct reel_error error;
    must_ok(peek_line(config, "--bind 1.2.3.4:5", &error), error);
    assert_int_equal(read_line(config, "--bind 1.2.3.4:5", &error), -EINVAL);
    assert_sentence(&error, "there is no flag --bind");
    config_destroy(config);
}

/* It may be a pipe. */
static void the_file_is_read_once(void **state) {
    (void)state;
    struct config *config = declared();
    struct reel_error error;
    write_config(STR("{\"data\": \"first\"}"));
    must_ok(peek_line(config, "--config reel.json", &error), error);
    must(unlink("reel.json") == 0);
    must_ok(read_line(config, "--config reel.json", &error), error);
    assert_value(config, "data", "first", "config file reel.json");
    config_destroy(config);
}

/* ---- Words of a command ---------------------------------------------------------------------- */

/* `loud` is a switch. */
static void words_that_belong_to_no_flag_are_taken(void **state) {
    (void)state;
    char *argv[] = {"plan",    "one", "--data", "dir", "--loud", "two",    "--bind=x", "three",
                    "--other", "its", "--none", "--",  "four",   "--data", NULL};
    static const char *const kept[] = {"plan",     "--data",  "dir", "--loud",
                                       "--bind=x", "--other", "its", "--none"};
    static const char *const taken[] = {"one", "two", "three", "four", "--data"};
    char *words[LENGTH(argv)];
    int argc = LENGTH(argv) - 1;
    struct config *config = declared();
    assert_int_equal(config_take_words(config, &argc, argv, words), LENGTH(taken));
    assert_int_equal(argc, LENGTH(kept));
    for (size_t i = 0; i < LENGTH(taken); i++) assert_string_equal(words[i], taken[i]);
    for (size_t i = 0; i < LENGTH(kept); i++) assert_string_equal(argv[i], kept[i]);
    assert_null(argv[argc]);
    config_destroy(config);
}

/* ---- The file again -------------------------------------------------------------------------- */

static bool only_plugins(const struct config *config, const char *name) {
    return !config_owner(config, name) || strcmp(name, "plugin") == 0;
}

static void assert_renewed(const struct config *config, const char *file, bool changed,
                           const char *text, const char *others) {
    struct reel_error error;
    struct text found = {0};
    char *renewed;
    bool is_changed;
    write_config(reel_text(file));
    must_ok(config_renew_file(config, only_plugins, &renewed, &is_changed, &found, &error), error);
    json_t *json = json_loads(renewed, 0, NULL), *wanted = json_loads(text, 0, NULL);
    assert_true(json && wanted && json_equal(json, wanted));
    assert_bytes(text_str(&found), reel_text(others));
    assert_int_equal(is_changed, changed);
    json_decref(json);
    json_decref(wanted);
    text_finish(&found);
    free(renewed);
}

static void of_the_file_only_what_may_change_is_read_again(void **state) {
    (void)state;
    struct config *config = declared();
    struct reel_error error;
    write_config(STR("{\"data\": \"d\", \"plugin\": [\"a.so\"], \"step\": 1}"));
    must_ok(peek_line(config, "--config reel.json", &error), error);
    assert_renewed(config, "{\"step\": 1, \"plugin\": [\"a.so\"], \"data\": \"d\"}", false,
                   "{\"data\": \"d\", \"plugin\": [\"a.so\"], \"step\": 1}", "");
    assert_renewed(config, "{\"data\": \"e\", \"log_level\": \"error\", \"plugin\": [\"b.so\"]}",
                   true, "{\"data\": \"d\", \"plugin\": [\"b.so\"]}", "data, log_level");
    assert_renewed(config, "{\"step\": 2}", true, "{\"data\": \"d\", \"step\": 2}", "data");
    config_destroy(config);
}

static void a_text_takes_the_place_of_the_file(void **state) {
    (void)state;
    static const char text[] = "{\"data\": \"given\"}";
    struct config *config = declared();
    struct reel_error error;
    must_ok(config_give_file(config, text, sizeof text - 1, &error), error);
    must_ok(read_line(config, "--config not-there.json", &error), error);
    assert_value(config, "data", "given", "config file not-there.json");
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
                        "setting \"bind\" of sink stdout: sink http has a setting with this name");
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

UNIT_TESTS(config_passes_test) {
    const struct CMUnitTest tests[] = {
        CONFIG_CASE(a_peek_passes_over_what_it_does_not_know),
        CONFIG_CASE(a_peek_refuses_what_it_knows),
        CONFIG_CASE(the_second_pass_sees_what_was_declared_meanwhile),
        CONFIG_CASE(the_second_pass_refuses_what_nobody_declared),
        CONFIG_CASE(the_file_is_read_once),
        CONFIG_CASE(words_that_belong_to_no_flag_are_taken),
        CONFIG_CASE(of_the_file_only_what_may_change_is_read_again),
        CONFIG_CASE(a_text_takes_the_place_of_the_file),
        CONFIG_CASE(one_name_is_one_setting),
        CONFIG_CASE(a_name_that_means_something_else_is_refused),
        CONFIG_CASE(a_sink_may_have_no_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
