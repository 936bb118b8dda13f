/* config.c: see config.h.
 *
 * Each reading starts again, and goes from the lowest layer to the highest. Flags are read twice:
 * first because they name the file, and then in their layer. config_peek can safely skip flags
 * that it does not know: the first two bytes of an argument show whether it is a flag, so an
 * unknown flag cannot hide a known one.
 */
#include "daemon/config/config.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "daemon/config/config_private.h"
#include "daemon/config/settings.h"
#include "daemon/file.h"

#include <ctype.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)

/* Names that cannot be settings: flags with another meaning, a variable with a secret (tokens.h),
 * and a variable of clients. */
static const char *const reserved[] = {"help", "version", "token", "url"};

/* Variables REEL_… that are not settings: a secret, traces, and the address for clients. */
static const char *const other_variables[] = {"REEL_TOKEN", "REEL_TRACE", "REEL_URL"};

/* ---- Life ------------------------------------------------------------------------------------ */

int config_create(struct config **ret, struct reel_error *error) {
    struct config *config = calloc(1, sizeof *config);
    if (!config) return fail_memory(error);
    *ret = config;
    return 0;
}

void config_destroy(struct config *config) {
    if (!config) return;
    for (size_t i = 0; i < config->count; i++) config_value_finish(&config->values[i]);
    free(config->values);
    free(config->file_origin);
    json_decref(config->file);
    free(config);
}

/* ---- Names ----------------------------------------------------------------------------------- */

const char *config_flag(struct spelling *space, const struct reel_setting *setting) {
    snprintf(space->text, sizeof space->text, "--%s", setting->name);
    for (char *at = space->text; *at; at++)
        if (*at == '_') *at = '-';
    return space->text;
}

const char *config_variable(struct spelling *space, const struct reel_setting *setting) {
    snprintf(space->text, sizeof space->text, "REEL_%s", setting->name);
    for (char *at = space->text; *at; at++) *at = (char)toupper((unsigned char)*at);
    return space->text;
}

static struct config_value *find(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->values[i].setting->name, name) == 0) return &config->values[i];
    return NULL;
}

static struct config_value *find_flag(const struct config *config, const char *word, size_t len) {
    struct spelling flag;
    for (size_t i = 0; i < config->count; i++) {
        config_flag(&flag, config->values[i].setting);
        if (strlen(flag.text) == len && memcmp(flag.text, word, len) == 0)
            return &config->values[i];
    }
    return NULL;
}

/* ---- Declaring ------------------------------------------------------------------------------- */

static int check_name(const struct config *config, const char *owner, const char *name,
                      struct reel_error *error) {
    const struct config_value *other = find(config, name);
    if (other)
        return fail(error, -EEXIST, "setting \"%s\" of %s: %s has a setting with this name", name,
                    owner, other->owner);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(reserved[i], name) == 0)
            return fail(error, -EEXIST, "setting \"%s\" of %s: the name is reserved", name, owner);
    return 0;
}

static int declare(struct config *config, const char *owner, const struct reel_setting *setting,
                   struct reel_error *error) {
    int rc = check_name(config, owner, setting->name, error);
    if (rc < 0) return rc;
    struct config_value *values =
        realloc(config->values, (config->count + 1) * sizeof *config->values);
    if (!values) return fail_memory(error);
    config->values = values;
    values[config->count] = (struct config_value){.setting = setting, .owner = strdup(owner)};
    if (!values[config->count].owner) return fail_memory(error);
    config->count++;
    return 0;
}

int config_declare(struct config *config, const char *owner,
                   const struct reel_setting *const *settings, struct reel_error *error) {
    int rc = 0;
    for (; settings && *settings && rc == 0; settings++)
        rc = declare(config, owner, *settings, error);
    return rc;
}

/* ---- The layers ------------------------------------------------------------------------------ */

static int take_defaults(struct config *config, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; i < config->count && rc == 0; i++) {
        struct config_value *value = &config->values[i];
        config_value_reset(value);
        if (!value->setting->default_value) continue;
        rc = config_value_layer(value, LAYER_STANDARD, "default", error);
        if (rc == 0) rc = config_value_variable(value, value->setting->default_value, error);
    }
    return rc;
}

static int take_key(struct config *config, const char *name, const json_t *json, bool all,
                    struct reel_error *error) {
    struct config_value *value = find(config, name);
    struct spelling flag;
    if (!value && all)
        return fail(error, -EINVAL, "%s: there is no setting \"%s\"", config->file_origin, name);
    if (!value) return 0;
    if (value->setting->flags & SETTING_FLAG_ONLY)
        return fail(error, -EINVAL, "%s: \"%s\" may only be given as %s", config->file_origin, name,
                    config_flag(&flag, value->setting));
    int rc = config_value_layer(value, LAYER_FILE, config->file_origin, error);
    return rc < 0 ? rc : config_value_json(value, json, error);
}

static int take_file(struct config *config, bool all, struct reel_error *error) {
    const char *name;
    json_t *json;
    json_object_foreach(config->file, name, json) {
        int rc = take_key(config, name, json, all, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* The value of the first name that is set, or NULL. */
static const char *find_variable(const struct reel_setting *setting, struct spelling *ret_name) {
    const char *text = getenv(config_variable(ret_name, setting)), *rest = setting->aliases;
    while ((!text || !text[0]) && rest && rest[0]) {
        int len = (int)strcspn(rest, " ");
        snprintf(ret_name->text, sizeof ret_name->text, "%.*s", len, rest);
        text = getenv(ret_name->text);
        rest += len;
        rest += strspn(rest, " ");
    }
    return text && text[0] ? text : NULL;
}

static int take_variable(struct config_value *value, struct reel_error *error) {
    struct spelling own, flag;
    const char *text = find_variable(value->setting, &own), *name = own.text;
    if (!text) return 0;
    if (value->setting->flags & SETTING_FLAG_ONLY)
        return fail(error, -EINVAL, "environment %s is set, which may only be given as %s", name,
                    config_flag(&flag, value->setting));
    AUTO_FREE char *origin = NULL;
    if (asprintf(&origin, "environment %s", name) < 0) {
        origin = NULL;
        return fail_memory(error);
    }
    int rc = config_value_layer(value, LAYER_ENVIRONMENT, origin, error);
    return rc < 0 ? rc : config_value_variable(value, text, error);
}

static int take_variables(struct config *config, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; i < config->count && rc == 0; i++)
        rc = take_variable(&config->values[i], error);
    return rc;
}

/* True if this is a name of the setting. `name` ends at `len`. */
static bool is_variable_of(const struct reel_setting *setting, const char *name, size_t len) {
    struct spelling own;
    config_variable(&own, setting);
    if (strlen(own.text) == len && memcmp(own.text, name, len) == 0) return true;
    for (const char *at = setting->aliases; at && *at;) {
        size_t other = strcspn(at, " ");
        if (other == len && memcmp(at, name, len) == 0) return true;
        at += other;
        at += strspn(at, " ");
    }
    return false;
}

static bool is_known_variable(const struct config *config, const char *name, size_t len) {
    for (size_t i = 0; i < sizeof other_variables / sizeof *other_variables; i++)
        if (strlen(other_variables[i]) == len && memcmp(other_variables[i], name, len) == 0)
            return true;
    for (size_t i = 0; i < config->count; i++)
        if (is_variable_of(config->values[i].setting, name, len)) return true;
    return false;
}

/* True if `name`, of `len` bytes, ends with `end`. */
static bool ends_with(const char *name, size_t len, const char *end) {
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(name + len - end_len, end, end_len) == 0;
}

/* Kubernetes, and links of Docker containers, set variables that are named after other services.
 * For a service `reel`: REEL_SERVICE_HOST, REEL_SERVICE_PORT[_NAME], REEL_PORT=tcp://…,
 * REEL_PORT_80_TCP[_PROTO|_PORT|_ADDR]; for `reel-web`: the same with REEL_WEB. The operator has
 * not set them, and cannot remove them. */
static bool is_service_variable(const char *name, size_t len, const char *value) {
    static const char *const protocols[] = {"TCP", "UDP", "SCTP"};
    if (ends_with(name, len, "_SERVICE_HOST") || memmem(name, len, "_SERVICE_PORT", 13))
        return true;
    if (ends_with(name, len, "_PORT") && strstr(value, "://")) return true;
    const char *port = memmem(name, len, "_PORT_", 6);
    if (!port) return false;
    size_t digits = strspn(port + 6, "0123456789");
    const char *protocol = port + 6 + digits + 1;
    if (digits == 0 || protocol[-1] != '_') return false;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        size_t protocol_len = strlen(protocols[i]);
        if (strncmp(protocol, protocols[i], protocol_len) == 0 &&
            strchr("_=", protocol[protocol_len]))
            return true;
    }
    return false;
}

/* A misspelt variable would silently leave its setting at the default. */
static int check_environment(const struct config *config, struct reel_error *error) {
    for (char *const *at = environ; at && *at; at++) { /* clearenv leaves NULL */
        size_t len = strcspn(*at, "=");
        if (strncmp(*at, "REEL_", 5) != 0 || !(*at)[len] || !(*at)[len + 1]) continue;
        if (!is_known_variable(config, *at, len) && !is_service_variable(*at, len, *at + len + 1))
            return fail(error, -EINVAL, "environment %.*s: there is no such setting",
                        len > 80 ? 80 : (int)len, *at);
    }
    return 0;
}

static bool is_flag(const char *word) {
    return word && word[0] == '-' && word[1] == '-';
}

/* Reads the flag argv[*at], and the next argument if it is the flag's value. */
static int take_flag(struct config *config, char **argv, int *at, bool all,
                     struct reel_error *error) {
    const char *word = argv[*at];
    size_t len = strcspn(word, "=");
    struct config_value *value = find_flag(config, word, len);
    struct spelling flag;
    if (!value && all) return fail(error, -EINVAL, "there is no flag %.*s", (int)len, word);
    if (!value) return 0;
    const char *given = word[len] ? word + len + 1 : NULL;
    if (!given && value->setting->kind != REEL_SETTING_SWITCH && argv[*at + 1] &&
        !is_flag(argv[*at + 1]))
        given = argv[++*at];
    int rc = config_value_layer(value, LAYER_FLAG, config_flag(&flag, value->setting), error);
    return rc < 0 ? rc : config_value_flag(value, given, error);
}

static int take_flags(struct config *config, int argc, char **argv, bool all,
                      struct reel_error *error) {
    int rc = 0;
    for (int at = 1; at < argc && rc == 0; at++) {
        if (is_flag(argv[at]))
            rc = take_flag(config, argv, &at, all, error);
        else if (all)
            rc = fail(error, -EINVAL, "`%s` does not belong to a flag", argv[at]);
    }
    return rc;
}

static bool has_value(const struct config *config, const char *word, const char *next) {
    const struct config_value *value = find_flag(config, word, strlen(word));
    bool is_switch = value && value->setting->kind == REEL_SETTING_SWITCH;
    return !strchr(word, '=') && !is_switch && next && !is_flag(next);
}

int config_take_words(const struct config *config, int *argc, char **argv, char **ret_words) {
    int kept = 1, words = 0;
    bool only_words = false;
    for (int at = 1; at < *argc; at++) {
        if (only_words || !is_flag(argv[at])) {
            ret_words[words++] = argv[at];
        } else if (strcmp(argv[at], "--") == 0) {
            only_words = true;
        } else {
            bool takes_next = has_value(config, argv[at], argv[at + 1]);
            argv[kept++] = argv[at];
            if (takes_next) argv[kept++] = argv[++at];
        }
    }
    argv[kept] = NULL;
    *argc = kept;
    return words;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int parse_file(const char *text, size_t len, json_t **ret, struct reel_error *error) {
    json_error_t wrong;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &wrong);
    if (!json) return fail(error, -EINVAL, "line %d: %s", wrong.line, wrong.text);
    if (!json_is_object(json)) {
        json_decref(json);
        return fail(error, -EINVAL, "it is not a JSON object");
    }
    *ret = json;
    return 0;
}

static int read_file(const char *path, uint32_t timeout_ms, json_t **ret,
                     struct reel_error *error) {
    size_t len;
    AUTO_FREE char *text = malloc(FILE_BYTES_MAX);
    if (!text) return fail_memory(error);
    int rc = file_read(path, text, FILE_BYTES_MAX, timeout_ms, &len, NULL, error);
    if (rc == 0) rc = parse_file(text, len, ret, error);
    return rc < 0 ? fail_in(error, rc, "config file %s", path) : 0;
}

static int load_file(struct config *config, struct reel_error *error) {
    const char *path = config_text(config, "config", 0);
    if (!path || config->file_origin) return 0;
    if (asprintf(&config->file_origin, "config file %s", path) < 0) {
        config->file_origin = NULL;
        return fail_memory(error);
    }
    int rc = config->file ? 0 : read_file(path, FILE_START_MS, &config->file, error);
    if (rc < 0) free(TAKE(config->file_origin));
    return rc;
}

int config_give_file(struct config *config, const char *text, size_t len,
                     struct reel_error *error) {
    INVARIANT(!config->file);
    return parse_file(text, len, &config->file, error);
}

/* `all`: what is not declared is wrong. */
static int read_layers(struct config *config, int argc, char **argv, bool all,
                       struct reel_error *error) {
    int rc = take_defaults(config, error);
    if (rc == 0) rc = take_flags(config, argc, argv, all, error);
    if (rc == 0) rc = load_file(config, error);
    if (rc == 0) rc = take_defaults(config, error);
    if (rc == 0) rc = take_file(config, all, error);
    if (rc == 0) rc = take_variables(config, error);
    return rc < 0 ? rc : take_flags(config, argc, argv, all, error);
}

int config_peek(struct config *config, int argc, char **argv, struct reel_error *error) {
    return read_layers(config, argc, argv, false, error);
}

int config_read(struct config *config, int argc, char **argv, struct reel_error *error) {
    int rc = check_environment(config, error);
    return rc < 0 ? rc : read_layers(config, argc, argv, true, error);
}

/* ---- The file again -------------------------------------------------------------------------- */

/* What stays is that of the old file. */
static int renew_member(const json_t *old, json_t *new, const char *name, struct text *ret_others) {
    json_t *before = json_object_get(old, name), *now = json_object_get(new, name);
    if (before && now && json_equal(before, now)) return 0;
    if (ret_others->len > 0) text_append_lit(ret_others, ", ");
    text_append_str(ret_others, reel_text(name));
    return before ? json_object_set(new, name, before) : json_object_del(new, name);
}

static int renew(const struct config *config, json_t *new,
                 bool (*may_change)(const struct config *config, const char *name),
                 struct text *ret_others) {
    const char *name;
    json_t *json;
    void *next;
    int rc = 0;
    json_object_foreach(config->file, name, json) {
        if (rc == 0 && !may_change(config, name))
            rc = renew_member(config->file, new, name, ret_others);
    }
    json_object_foreach_safe(new, next, name, json) {
        if (rc == 0 && !may_change(config, name) && !json_object_get(config->file, name))
            rc = renew_member(config->file, new, name, ret_others);
    }
    return rc < 0 || ret_others->failed ? -ENOMEM : 0;
}

int config_renew_file(const struct config *config,
                      bool (*may_change)(const struct config *config, const char *name),
                      char **ret_text, bool *ret_changed, struct text *ret_others,
                      struct reel_error *error) {
    const char *path = config_text(config, "config", 0);
    json_t *new;
    *ret_text = NULL;
    *ret_changed = false;
    if (!path) return 0;
    int rc = read_file(path, FILE_RUNNING_MS, &new, error);
    if (rc < 0) return rc;
    rc = renew(config, new, may_change, ret_others);
    *ret_changed = rc == 0 && !json_equal(config->file, new);
    if (rc == 0) *ret_text = json_dumps(new, JSON_COMPACT);
    json_decref(new);
    return *ret_text ? 0 : fail_memory(error);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

const char *config_text(const struct config *config, const char *name, size_t n) {
    const struct config_value *value = find(config, name);
    return value && n < value->count ? value->items[n] : NULL;
}

uint64_t config_number(const struct config *config, const char *name) {
    const struct config_value *value = find(config, name);
    return value ? value->number : 0;
}

const char *config_origin(const struct config *config, const char *name) {
    const struct config_value *value = find(config, name);
    return value && value->origin ? value->origin : "default";
}

const char *config_owner(const struct config *config, const char *name) {
    const struct config_value *value = find(config, name);
    return value ? value->owner : NULL;
}

bool config_owns(const struct config *config, const char *owner, const char *name) {
    const struct config_value *value = find(config, name);
    return value && strcmp(value->owner, owner) == 0;
}
