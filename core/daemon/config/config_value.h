/* config_value.h: one setting, the value that it has, and the check of what is given for it.
 *
 * Values come in layers, the ones that count least first. Whatever is given in a layer takes the
 * place of all that lower layers gave; within a layer only a list takes more than one. What a
 * higher layer hides is checked all the same: a mistake must not wait until the flag that hid it
 * is gone.
 */
#ifndef REEL_DAEMON_CONFIG_CONFIG_VALUE_H
#define REEL_DAEMON_CONFIG_CONFIG_VALUE_H

#include "base/error.h"

#include <jansson.h>

enum config_layer {
    LAYER_NONE,
    LAYER_STANDARD,
    LAYER_FILE,
    LAYER_ENVIRONMENT,
    LAYER_FLAG,
};

struct config_value {
    const struct reel_setting *setting;
    char *owner; /* who declared it: "the daemon", "sink http" */
    enum config_layer layer;
    char *origin; /* where the value is from: "--data" */
    char **items; /* of a list all, else one: as a flag would have it */
    size_t count;
    uint64_t number; /* of a NUMBER; of a SWITCH 1 or 0 */
};

/* As if nothing had been given; and with all memory given back, too. */
void config_value_reset(struct config_value *value);
void config_value_finish(struct config_value *value);

/* What comes now is from `origin`, which is of this layer. */
int config_value_layer(struct config_value *value, enum config_layer layer, const char *origin,
                       struct reel_error *error);

/* Takes what was given: a flag's value, or NULL for a flag without one; the value of a variable,
 * or a default, in which a list has commas; the value of a key in a file. -EINVAL with a sentence
 * that says where, what was found, and what was wanted or is wrong. Nothing is empty: an empty text
 * is no value. */
int config_value_flag(struct config_value *value, const char *text, struct reel_error *error);
int config_value_variable(struct config_value *value, const char *text, struct reel_error *error);
int config_value_json(struct config_value *value, const json_t *json, struct reel_error *error);

/* "error, warning, info, debug" */
void config_values_listed(const struct reel_setting *setting, char *to, size_t size);

#endif
