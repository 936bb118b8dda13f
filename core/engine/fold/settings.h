/* settings.h: the values of a projector's settings, which are a part of the fold: the store has a
 * hash of them beside the revision, and other values mean a rebuild (registry.h).
 *
 * The values are given before the Reel is started, and do not change while it runs.
 */
#ifndef REEL_ENGINE_FOLD_SETTINGS_H
#define REEL_ENGINE_FOLD_SETTINGS_H

#include "engine/fold/plugin_check.h"

struct setting_value {
    const struct reel_setting *setting;
    char **items; /* one text, or the items of a list: what `evolve` reads */
    size_t count; /* 0: it has no value */
    uint64_t number;
};

struct settings {
    struct setting_value *list;
    uint32_t count;
};

/* All settings have their defaults at first. -ENOEXEC: a default is not allowed. After a failure,
 * settings_finish frees what was made. */
int settings_init(struct settings *settings, const struct plugin_settings *declared,
                  struct reel_error *error);
void settings_finish(struct settings *settings);

/* Gives a setting a value, or the items of a list, which end with NULL. -ENOENT: it is not
 * declared; -EINVAL: the value is not allowed. After a failure, the value is the one before. */
int settings_set(struct settings *settings, const char *name, const char *const *values,
                 struct reel_error *error);

/* NULL: it is not declared. */
const struct setting_value *settings_find(const struct settings *settings, const char *name);

/* A hash of all names and values, which is stored. 0: nothing is declared. */
uint32_t settings_hash(const struct settings *settings);

#endif
