/* config_value.h: one setting with its value, and the check of the value.
 *
 * Values come in layers, the lowest first. A value replaces all values of lower layers. Only a list
 * can have several values in one layer. A value that a higher layer replaces is checked, too, so
 * that a mistake does not appear only when the flag that replaced it is removed.
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
    char *owner; /* the owner of the setting: "the daemon", "sink http" */
    enum config_layer layer;
    char *origin; /* origin of the value: "--data" */
    char **items; /* the items of a list, or one value, as a flag would have them */
    size_t count;
    uint64_t number; /* of a NUMBER; for a SWITCH, 1 or 0 */
};

/* Removes the value; and also frees all memory. */
void config_value_reset(struct config_value *value);
void config_value_finish(struct config_value *value);

/* The following values come from `origin`, which is in this layer. */
int config_value_layer(struct config_value *value, enum config_layer layer, const char *origin,
                       struct reel_error *error);

/* Set the value from its text: the value of a flag, or NULL for a flag without a value; the value
 * of a variable or a default, in which the items of a list are separated by commas; the value of a
 * key in a file. -EINVAL: not allowed; the sentence says where it is, what it is, and what is
 * allowed or wrong. An empty text is not a value. */
int config_value_flag(struct config_value *value, const char *text, struct reel_error *error);
int config_value_variable(struct config_value *value, const char *text, struct reel_error *error);
int config_value_json(struct config_value *value, const json_t *json, struct reel_error *error);

/* "error, warning, info, debug" */
void config_values_listed(const struct reel_setting *setting, char *to, size_t size);

#endif
