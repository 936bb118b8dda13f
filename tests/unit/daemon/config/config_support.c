/* config_support.c: see config_support.h. */
#include "config_support.h"

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

const struct reel_setting *const settings_of_sink[] = {
    REEL_SETTING(.name = "bind", .kind = REEL_SETTING_TEXT, .unit = "ADDRESS:PORT",
                 .default_value = "127.0.0.1:8080", .help = "where",
                 .aliases = "CELLOS_SERVER_BIND"),
    REEL_SETTING(.name = "place", .kind = REEL_SETTING_TEXT, .help = "another",
                 .aliases = "FIRST_PLACE SECOND_PLACE  THIRD_PLACE"),
    NULL,
};

static const char *const variables[] = {"CELLOS_SERVER_BIND", "FIRST_PLACE", "SECOND_PLACE",
                                        "THIRD_PLACE", "SECOND"};

int config_enter(void **state) {
    (void)state;
    settings_forget(true);
    for (size_t i = 0; i < LENGTH(variables); i++) unsetenv(variables[i]);
    return chdir(scratch_directory());
}

void write_config(struct reel_str text) {
    FILE *file = fopen("reel.json", "w");
    must(file && fwrite(text.data, 1, text.len, file) == text.len);
    must(fclose(file) == 0);
}

void set_variable(const char *variable, const char *value) {
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

int peek_line(struct config *config, const char *line, struct reel_error *error) {
    struct arguments args;
    arguments(&args, line);
    return config_peek(config, args.argc, args.argv, error);
}

int read_line(struct config *config, const char *line, struct reel_error *error) {
    struct arguments args;
    arguments(&args, line);
    return config_read(config, args.argc, args.argv, error);
}

struct config *declared(void) {
    struct config *config;
    struct reel_error error;
    must_ok(config_create(&config, &error), error);
    must_ok(config_declare(config, DAEMON_OWNER, own, &error), error);
    must_ok(config_declare(config, "sink http", settings_of_sink, &error), error);
    return config;
}

struct config *read_with(const char *line) {
    struct config *config = declared();
    struct reel_error error;
    must_ok(read_line(config, line, &error), error);
    return config;
}

struct config *declared_own(void) {
    struct config *config;
    struct reel_error error;
    must_ok(config_create(&config, &error), error);
    must_ok(config_declare(config, DAEMON_OWNER, own, &error), error);
    return config;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

void assert_value(const struct config *config, const char *name, const char *value,
                  const char *origin) {
    test_context("setting %s", name);
    if (value)
        assert_string_equal(config_text(config, name, 0), value);
    else
        assert_null(config_text(config, name, 0));
    assert_string_equal(config_origin(config, name), origin);
}

void assert_list(const struct config *config, const char *name, const char *joined) {
    char found[256] = "";
    const char *item;
    for (size_t n = 0; (item = config_text(config, name, n)); n++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", n ? " " : "", item);
    assert_string_equal(found, joined);
}

void assert_refused(const char *line, int code, const char *sentence) {
    struct config *config = declared();
    struct reel_error error;
    assert_int_equal(read_line(config, line, &error), code);
    assert_string_equal(error.text, sentence);
    assert_sentence(&error, "");
    config_destroy(config);
}
