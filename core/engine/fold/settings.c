/* settings.c: see settings.h. */
#include "engine/fold/settings.h"

#include "base/fnv.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- One value ------------------------------------------------------------------------------- */

static void value_finish(struct setting_value *value) {
    for (size_t i = 0; i < value->count; i++) free(value->items[i]);
    free(value->items);
    *value = (struct setting_value){.setting = value->setting};
}

static int add_item(struct setting_value *value, const char *text, size_t len,
                    struct reel_error *error) {
    char **items = realloc(value->items, (value->count + 1) * sizeof *items);
    if (!items) return fail_memory(error);
    value->items = items;
    items[value->count] = strndup(text, len);
    return items[value->count] ? (value->count++, 0) : fail_memory(error);
}

static bool is_listed(const char *text, const char *const *list) {
    for (; *list; list++)
        if (strcmp(*list, text) == 0) return true;
    return false;
}

/* Records may get the text, so it must be UTF-8. */
static bool is_allowed(const struct reel_setting *setting, const char *text, uint64_t *ret_number,
                       struct reel_error *why) {
    struct reel_str str = reel_text(text);
    error_set(why, "it is not allowed");
    switch (setting->kind) {
    case REEL_SETTING_NUMBER:
        return number_read(str, ret_number) == 0 && *ret_number >= setting->min &&
               *ret_number <= setting->max;
    case REEL_SETTING_SWITCH:
        *ret_number = reel_str_is(str, "true");
        return *ret_number || reel_str_is(str, "false");
    case REEL_SETTING_ONE_OF:
        return is_listed(text, setting->values);
    default:
        return str.len > 0 && utf8_valid(str) && (!setting->check || setting->check(text, why));
    }
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int take_default(struct setting_value *value, struct reel_error *error) {
    const char *at = value->setting->default_value;
    int rc = 0;
    if (!at) return 0;
    if (value->setting->kind == REEL_SETTING_NUMBER)
        (void)number_read(reel_text(at), &value->number);
    if (!(value->setting->flags & REEL_SETTING_LIST)) return add_item(value, at, strlen(at), error);
    for (size_t len; rc == 0 && *at; at += len + (at[len] == ',')) {
        len = strcspn(at, ",");
        rc = add_item(value, at, len, error);
    }
    return rc;
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
        struct reel_error why;
        if (!is_allowed(setting, *texts, &value->number, &why))
            return fail(error, -EINVAL, "the value of setting `%s`: %s", setting->name, why.text);
        int rc = add_item(value, *texts, strlen(*texts), error);
        if (rc < 0) return rc;
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

/* A number counts as such: 07 is 7, and a switch that is not set is off. */
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
