/* config_help_test.c: the settings as people see them; and the daemon's own table. */
#include "unit.h"

#include "daemon/config/config.h"
#include "daemon/config/settings.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static const char *const levels[] = {"low", "high", NULL};
static const struct reel_setting *const samples[] = {
    REEL_SETTING(.name = "ms", .kind = REEL_SETTING_NUMBER, .unit = "ms", .max = 5, .standard = "3",
                 .help = "a time"),
    REEL_SETTING(.name = "a_name_of_many_letters", .kind = REEL_SETTING_TEXT,
                 .flags = REEL_SETTING_LIST, .help = "a | b"),
    REEL_SETTING(.name = "level", .kind = REEL_SETTING_ONE_OF, .values = levels, .standard = "low",
                 .help = "how much", .also = "OTHER_LEVEL"),
    REEL_SETTING(.name = "once", .kind = REEL_SETTING_SWITCH, .flags = SETTING_FLAG_ONLY,
                 .help = "one two three four five six seven eight nine ten eleven twelve thirteen "
                         "fourteen fifteen"),
    NULL,
};

static struct config *declared(const char *owner, const struct reel_setting *const *settings) {
    struct config *config;
    struct reel_error error;
    must_ok(config_create(&config, &error), error);
    must_ok(config_declare(config, owner, settings, &error), error);
    return config;
}

/* free() it. */
static char *printed(const struct config *config,
                     void (*print)(const struct config *config, FILE *to)) {
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    must(to);
    print(config, to);
    must(fclose(to) == 0);
    return text;
}

/* ---- On a terminal --------------------------------------------------------------------------- */

static void help_has_flag_value_meaning_range_and_default(void **state) {
    (void)state;
    struct config *config = declared("sink x", samples);
    char *text = printed(config, config_help);
    assert_string_equal(
        text, "settings of sink x:\n"
              "  --ms ms                 a time; 0 to 5; default 3\n"
              "  --a-name-of-many-letters TEXT\n"
              "                          a | b; may be repeated\n"
              "  --level WORD            how much; low, high; environment also OTHER_LEVEL;\n"
              "                          default low\n"
              "  --once                  one two three four five six seven eight nine ten\n"
              "                          eleven twelve thirteen fourteen fifteen; only as a\n"
              "                          flag\n");
    free(text);
    config_destroy(config);
}

static void help_is_grouped_by_owner(void **state) {
    (void)state;
    const struct reel_setting *const one[] = {
        REEL_SETTING(.name = "bind", .kind = REEL_SETTING_TEXT, .help = "where"), NULL};
    struct reel_error error;
    struct config *config = declared(DAEMON_OWNER, one);
    must_ok(config_declare(config, "sink x", samples, &error), error);
    char *text = printed(config, config_help);
    assert_non_null(strstr(text, "settings of the daemon:\n  --bind TEXT             where\n"
                                 "\nsettings of sink x:\n  --ms ms"));
    free(text);
    config_destroy(config);
}

static void help_fits_80_columns(void **state) {
    (void)state;
    struct config *config = declared(DAEMON_OWNER, daemon_settings);
    char *text = printed(config, config_help);
    for (char *left = text, *line; (line = strsep(&left, "\n"));)
        if (strlen(line) > 80) fail_msg("too long: %s", line);
    free(text);
    config_destroy(config);
}

static void help_lists_every_setting(void **state) {
    (void)state;
    struct config *config = declared(DAEMON_OWNER, daemon_settings);
    char *text = printed(config, config_help);
    for (size_t i = 0; daemon_settings[i]; i++) {
        char flag[80];
        snprintf(flag, sizeof flag, "\n  --%s ", daemon_settings[i]->name);
        for (char *at = flag; *at; at++)
            if (*at == '_') *at = '-';
        if (!strstr(text, flag)) fail_msg("it lacks %s", flag);
    }
    free(text);
    config_destroy(config);
}

/* ---- As Markdown ----------------------------------------------------------------------------- */

static void the_manual_has_a_row_a_setting(void **state) {
    (void)state;
    struct config *config = declared("sink x", samples);
    char *text = printed(config, config_manual);
    const char *table = strstr(text, "## ");
    assert_non_null(table);
    assert_string_equal(
        table,
        "## Settings of sink x\n\n| setting | value | default | meaning |\n|---|---|---|---|\n"
        "| `ms` | ms | `3` | a time; 0 to 5 |\n"
        "| `a_name_of_many_letters` | TEXT |  | a \\| b; may be repeated |\n"
        "| `level` | WORD | `low` | how much; low, high; environment also OTHER_LEVEL |\n"
        "| `once` |  |  | one two three four five six seven eight nine ten eleven twelve "
        "thirteen fourteen fifteen; only as a flag |\n");
    free(text);
    config_destroy(config);
}

/* ---- The daemon's own ------------------------------------------------------------------------ */

/* What the loader checks of a sink's, apart from the flags that are only for these. */
static void the_daemons_own_keep_the_rules_for_sinks(void **state) {
    (void)state;
    struct reel_setting copies[64];
    const struct reel_setting *list[64] = {0};
    for (size_t i = 0; daemon_settings[i]; i++) {
        copies[i] = *daemon_settings[i];
        copies[i].flags &= ~(SETTING_FLAG_ONLY | SETTING_SECRET);
        list[i] = &copies[i];
    }
    const struct reel_sink sink = {
        .struct_size = sizeof sink,
        .name = "daemon",
        .settings = list,
        .start = (void *)abort,
        .stop = (void *)abort,
    };
    const struct reel_sink *const sinks[] = {&sink, NULL};
    const struct reel_plugin plugin = {
        .header = REEL_PLUGIN_HEADER, .name = "daemon", .version = "1", .sinks = sinks};
    struct reel *reel;
    struct reel_error error;
    struct reel_options options = test_options(NULL, NULL);
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, &plugin, &error), error);
    reel_close(reel);
}

static void the_daemons_own_have_good_defaults(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t number;
    } cases[] = {
        {"event_bytes_max", 1 << 20},
        {"batch_events_max", 4096},
        {"batch_bytes_max", 64 << 20},
        {"views_max", 256},
        {"view_ms_max", 10000},
        {"map_bytes", UINT64_C(1) << 40},
        {"queue_events_max", 65536},
        {"queue_bytes_max", 64 << 20},
        {"retention_age_s", 0},
        {"retention_bytes", 0},
        {"retention_events", 0},
        {"drain_ms_max", 10000},
        {"new_epoch", 0},
    };
    struct config *config = declared(DAEMON_OWNER, daemon_settings);
    struct reel_error error;
    settings_forget(true);
    must_ok(config_read(config, 1, (char *[]){(char[]){"serve"}, NULL}, &error), error);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        test_context("setting %s", cases[i].name);
        assert_true(config_owns(config, DAEMON_OWNER, cases[i].name));
        assert_true(config_number(config, cases[i].name) == cases[i].number);
    }
    assert_string_equal(config_text(config, "sink", 0), "http");
    assert_string_equal(config_text(config, "source", 0), "/reel");
    assert_string_equal(config_text(config, "log_level", 0), "info");
    config_destroy(config);
}

UNIT_TESTS(config_help_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_has_flag_value_meaning_range_and_default),
        cmocka_unit_test(help_is_grouped_by_owner),
        cmocka_unit_test(help_fits_80_columns),
        cmocka_unit_test(help_lists_every_setting),
        cmocka_unit_test(the_manual_has_a_row_a_setting),
        cmocka_unit_test(the_daemons_own_keep_the_rules_for_sinks),
        cmocka_unit_test(the_daemons_own_have_good_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
