/* config_value.c: see config_value.h. */
#include "daemon/config/config_value.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/config/settings.h"

#include <inttypes.h>
#include <string.h>

/* Longest part of a wrong value that a sentence repeats. */
#define FOUND_MAX 80

/* ---- Life ------------------------------------------------------------------------------------ */

void config_value_reset(struct config_value *value) {
    for (size_t i = 0; i < value->count; i++) free(value->items[i]);
    free(value->items);
    free(value->origin);
    *value = (struct config_value){.setting = value->setting, .owner = value->owner};
}

void config_value_finish(struct config_value *value) {
    config_value_reset(value);
    free(value->owner);
}

int config_value_layer(struct config_value *value, enum config_layer layer, const char *origin,
                       struct reel_error *error) {
    if (value->layer == layer) {
        if (value->setting->flags & REEL_SETTING_LIST) return 0;
        return fail(error, -EINVAL, "%s is given twice", origin);
    }
    config_value_reset(value);
    value->origin = strdup(origin);
    if (!value->origin) return fail_memory(error);
    value->layer = layer;
    return 0;
}

/* ---- Sentences ------------------------------------------------------------------------------- */

void config_values_listed(const struct reel_setting *setting, char *to, size_t size) {
    size_t len = 0;
    to[0] = '\0';
    for (const char *const *one = setting->values; *one && len < size; one++)
        len += (size_t)snprintf(to + len, size - len, "%s%s", len ? ", " : "", *one);
}

static const char *wanted_text(const struct config_value *value) {
    if (!(value->setting->flags & REEL_SETTING_LIST) || value->layer == LAYER_FLAG) return "a text";
    return value->layer == LAYER_FILE ? "a list of texts" : "texts separated by commas";
}

/* Describes the values that are allowed. */
static void describe_wanted(const struct config_value *value, char *to, size_t size) {
    const struct reel_setting *setting = value->setting;
    int len = 0;
    switch (setting->kind) {
    case REEL_SETTING_NUMBER:
        len =
            snprintf(to, size, "a number from %" PRIu64 " to %" PRIu64, setting->min, setting->max);
        break;
    case REEL_SETTING_SWITCH:
        snprintf(to, size, "%s", value->layer == LAYER_FLAG ? "no value" : "true or false");
        return;
    case REEL_SETTING_ONE_OF:
        len = snprintf(to, size, "one of ");
        config_values_listed(setting, to + len, size - (size_t)len);
        return;
    default:
        len = snprintf(to, size, "%s", wanted_text(value));
    }
    if (setting->unit) snprintf(to + len, size - (size_t)len, " (%s)", setting->unit);
}

/* Begins a sentence with the name of the setting, the origin of the value, and the value itself,
 * which is already quoted but not cut. */
static int begin_refusal(const struct config_value *value, const char *found,
                         struct reel_error *error) {
    bool named = value->layer == LAYER_FLAG || value->layer == LAYER_ENVIRONMENT;
    size_t len = strlen(found), kept = len > FOUND_MAX ? utf8_cut(found, FOUND_MAX) : len;
    if (value->setting->flags & SETTING_SECRET) found = "(not shown)", kept = len = strlen(found);
    return fail(error, -EINVAL, "%s%s%s%s is %.*s%s", value->origin, named ? "" : ": \"",
                named ? "" : value->setting->name, named ? "" : "\"", (int)kept, found,
                kept < len ? "…" : "");
}

static int refuse(const struct config_value *value, const char *found, struct reel_error *error) {
    struct reel_error begun;
    char wanted[512];
    int rc = begin_refusal(value, found, &begun);
    describe_wanted(value, wanted, sizeof wanted);
    return fail(error, rc, "%s, wanted %s", begun.text, wanted);
}

static int refuse_json(const struct config_value *value, const json_t *json,
                       struct reel_error *error) {
    AUTO_FREE char *found = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    return found ? refuse(value, found, error) : fail_memory(error);
}

static char *quoted(const char *text, size_t len) {
    char *found;
    return asprintf(&found, "\"%.*s\"", (int)len, text) < 0 ? NULL : found;
}

static int refuse_text(const struct config_value *value, const char *text,
                       struct reel_error *error) {
    AUTO_FREE char *found = quoted(text, strlen(text));
    return found ? refuse(value, found, error) : fail_memory(error);
}

/* ---- Reading values -------------------------------------------------------------------------- */

/* Calls the setting's `check`. */
static int check_item(const struct config_value *value, const char *text,
                      struct reel_error *error) {
    struct reel_error wrong = {0}, begun;
    if (!value->setting->check || value->setting->check(text, &wrong)) return 0;
    AUTO_FREE char *found = quoted(text, strlen(text));
    if (!found) return fail_memory(error);
    int rc = begin_refusal(value, found, &begun);
    return fail(error, rc, "%s: %s", begun.text, wrong.text);
}

static int add_item(struct config_value *value, const char *text, size_t len,
                    struct reel_error *error) {
    char **items = realloc(value->items, (value->count + 1) * sizeof *items);
    if (!items) return fail_memory(error);
    value->items = items;
    items[value->count] = strndup(text, len);
    if (!items[value->count]) return fail_memory(error);
    return check_item(value, value->items[value->count++], error);
}

/* Reads a decimal number within the range. */
static bool read_number(const struct reel_setting *setting, const char *text, uint64_t *ret) {
    uint64_t number;
    if (number_read(reel_text(text), &number) < 0) return false;
    if (number < setting->min || number > setting->max) return false;
    *ret = number;
    return true;
}

static bool is_allowed(const struct reel_setting *setting, const char *text) {
    for (const char *const *one = setting->values; *one; one++)
        if (strcmp(*one, text) == 0) return true;
    return false;
}

static bool is_good(struct config_value *value, const char *text) {
    switch (value->setting->kind) {
    case REEL_SETTING_NUMBER:
        return read_number(value->setting, text, &value->number);
    case REEL_SETTING_SWITCH:
        value->number = strcmp(text, "true") == 0;
        return value->number || strcmp(text, "false") == 0;
    case REEL_SETTING_ONE_OF:
        return is_allowed(value->setting, text);
    default:
        return true;
    }
}

static int take_one(struct config_value *value, const char *text, struct reel_error *error) {
    if (!text[0] || !is_good(value, text)) return refuse_text(value, text, error);
    return add_item(value, text, strlen(text), error);
}

int config_value_flag(struct config_value *value, const char *text, struct reel_error *error) {
    if (value->setting->kind == REEL_SETTING_SWITCH)
        return text ? refuse_text(value, text, error) : take_one(value, "true", error);
    return text ? take_one(value, text, error) : refuse(value, "without a value", error);
}

int config_value_variable(struct config_value *value, const char *text, struct reel_error *error) {
    if (!(value->setting->flags & REEL_SETTING_LIST)) return take_one(value, text, error);
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        if (len == 0) return refuse_text(value, text, error);
        int rc = add_item(value, at, len, error);
        if (rc < 0) return rc;
        at += len;
        if (!*at) return 0;
    }
}

/* A list in the file replaces lower layers even if it is empty. */
static int take_array(struct config_value *value, const json_t *json, struct reel_error *error) {
    size_t i;
    json_t *item;
    if (!json_is_array(json)) return refuse_json(value, json, error);
    json_array_foreach(json, i, item) {
        const char *text = json_string_value(item);
        if (!text || !text[0]) return refuse_json(value, json, error);
        int rc = add_item(value, text, strlen(text), error);
        if (rc < 0) return rc;
    }
    return 0;
}

int config_value_json(struct config_value *value, const json_t *json, struct reel_error *error) {
    char digits[24];
    const char *text = NULL;
    if (value->setting->flags & REEL_SETTING_LIST) return take_array(value, json, error);
    if (value->setting->kind == REEL_SETTING_NUMBER && json_is_integer(json)) {
        snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        text = digits;
    } else if (value->setting->kind == REEL_SETTING_SWITCH && json_is_boolean(json)) {
        text = json_is_true(json) ? "true" : "false";
    } else if (value->setting->kind == REEL_SETTING_TEXT ||
               value->setting->kind == REEL_SETTING_ONE_OF) {
        text = json_string_value(json);
    }
    if (!text || !text[0] || !is_good(value, text)) return refuse_json(value, json, error);
    return add_item(value, text, strlen(text), error);
}
