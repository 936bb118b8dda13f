/* settings.c: see settings.h. */
#include "engine/fold/settings.h"

#include "base/cleanup.h"
#include "base/fnv.h"
#include "base/text.h"
#include "engine/fold/declared.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- One value ------------------------------------------------------------------------------- */

static void value_finish(struct setting_value *value) {
    for (size_t i = 0; i < value->count; i++) free(value->items[i]);
    free(value->items);
    *value = (struct setting_value){.setting = value->setting};
}

static int add_item(struct setting_value *value, const char *text, struct reel_error *error) {
    char **items = realloc(value->items, (value->count + 1) * sizeof *items);
    if (!items) return fail_memory(error);
    value->items = items;
    items[value->count] = strdup(text);
    return items[value->count] ? (value->count++, 0) : fail_memory(error);
}

/* Records may get the text, so it must be UTF-8. */
static bool is_text(const struct reel_setting *setting, const char *text, struct reel_error *why) {
    if (!text[0]) return error_set(why, "it is empty"), false;
    if (!utf8_valid(reel_text(text))) return error_set(why, "it is not UTF-8"), false;
    error_set(why, "it is not allowed");
    return !setting->check || setting->check(text, why);
}

static bool is_number(const struct reel_setting *setting, const char *text, uint64_t *ret,
                      struct reel_error *why) {
    if (number_read(reel_text(text), ret) == 0 && *ret >= setting->min && *ret <= setting->max)
        return true;
    error_set(why, "wanted a number from %" PRIu64 " to %" PRIu64, setting->min, setting->max);
    return false;
}

/* Reads a text, or one of a list. Numbers and switches have one form for each value, because equal
 * values have equal hashes: 07 becomes 7. */
static int read_item(struct setting_value *value, const char *text, struct reel_error *error) {
    const struct reel_setting *setting = value->setting;
    struct reel_error why;
    char digits[24];
    bool good;
    switch (setting->kind) {
    case REEL_SETTING_NUMBER:
        good = is_number(setting, text, &value->number, &why);
        if (good) snprintf(digits, sizeof digits, "%" PRIu64, value->number);
        text = digits;
        break;
    case REEL_SETTING_SWITCH:
        value->number = strcmp(text, "true") == 0;
        good = value->number || strcmp(text, "false") == 0;
        error_set(&why, "wanted true or false");
        break;
    case REEL_SETTING_ONE_OF:
        good = declared_is_listed(text, setting->values);
        error_set(&why, "it is not one of the allowed words");
        break;
    default:
        good = is_text(setting, text, &why);
    }
    return good ? add_item(value, text, error) : fail(error, -EINVAL, "%s", why.text);
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int read_items(struct setting_value *value, char *texts, struct reel_error *error) {
    int rc = 0;
    while (rc == 0 && texts) rc = read_item(value, strsep(&texts, ","), error);
    return rc;
}

/* A switch is off by default. What is wrong here is wrong with the plugin. */
static int take_default(struct setting_value *value, struct reel_error *error) {
    const struct reel_setting *setting = value->setting;
    const char *given = setting->kind == REEL_SETTING_SWITCH ? "false" : setting->default_value;
    if (!given) return 0;
    AUTO_FREE char *text = strdup(given);
    if (!text) return fail_memory(error);
    int rc = setting->flags & REEL_SETTING_LIST ? read_items(value, text, error)
                                                : read_item(value, text, error);
    if (rc == 0) return 0;
    return fail_in(error, rc == -EINVAL ? -ENOEXEC : rc, "the default of setting `%s`",
                   setting->name);
}

int settings_init(struct settings *settings, const struct plugin_settings *declared,
                  struct reel_error *error) {
    int rc = 0;
    settings->list = calloc(declared->count + 1, sizeof *settings->list);
    if (!settings->list) return fail_memory(error);
    settings->count = declared->count;
    for (uint32_t i = 0; i < declared->count; i++) settings->list[i].setting = &declared->items[i];
    for (uint32_t i = 0; i < declared->count && rc == 0; i++)
        rc = take_default(&settings->list[i], error);
    return rc;
}

void settings_finish(struct settings *settings) {
    for (uint32_t i = 0; i < settings->count; i++) value_finish(&settings->list[i]);
    free(settings->list);
    *settings = (struct settings){0};
}

/* A plugin names it mostly by the very literal that declares it. */
const struct setting_value *settings_find(const struct settings *settings, const char *name) {
    for (uint32_t i = 0; i < settings->count; i++)
        if (settings->list[i].setting->name == name) return &settings->list[i];
    for (uint32_t i = 0; name && i < settings->count; i++)
        if (strcmp(settings->list[i].setting->name, name) == 0) return &settings->list[i];
    return NULL;
}

static int read_values(struct setting_value *value, const char *const *texts,
                       struct reel_error *error) {
    const struct reel_setting *setting = value->setting;
    bool is_list = setting->flags & REEL_SETTING_LIST;
    if (!is_list && (!texts[0] || texts[1]))
        return fail(error, -EINVAL, "setting `%s` has one value", setting->name);
    for (; *texts; texts++) {
        int rc = read_item(value, *texts, error);
        if (rc < 0) return fail_in(error, rc, "the value of setting `%s`", setting->name);
    }
    return 0;
}

int settings_set(struct settings *settings, const char *name, const char *const *values,
                 struct reel_error *error) {
    struct setting_value *value = (struct setting_value *)settings_find(settings, name);
    if (!value) return fail(error, -ENOENT, "there is no setting `%s`", name);
    struct setting_value fresh = {.setting = value->setting};
    int rc = read_values(&fresh, values, error);
    if (rc < 0) {
        value_finish(&fresh);
        return rc;
    }
    value_finish(value);
    *value = fresh;
    return 0;
}

/* ---- The hash -------------------------------------------------------------------------------- */

static uint64_t hash_value(uint64_t hash, const struct setting_value *value) {
    reel_setting_kind kind = value->setting->kind;
    uint64_t count = value->count;
    hash = fnv_add(hash, value->setting->name, strlen(value->setting->name) + 1);
    if (kind == REEL_SETTING_NUMBER || kind == REEL_SETTING_SWITCH)
        return fnv_add(hash, &value->number, sizeof value->number);
    hash = fnv_add(hash, &count, sizeof count);
    for (size_t i = 0; i < value->count; i++)
        hash = fnv_add(hash, value->items[i], strlen(value->items[i]) + 1);
    return hash;
}

uint32_t settings_hash(const struct settings *settings) {
    uint64_t hash = FNV_BEGIN;
    for (uint32_t i = 0; i < settings->count; i++) hash = hash_value(hash, &settings->list[i]);
    uint32_t folded = (uint32_t)(hash ^ hash >> 32);
    if (settings->count == 0) return 0;
    return folded ? folded : 1;
}
