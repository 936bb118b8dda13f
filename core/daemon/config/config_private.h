/* config_private.h: the inside of a config, for the files that make it up: config.c reads it,
 * config_help.c prints it. */
#ifndef REEL_DAEMON_CONFIG_CONFIG_PRIVATE_H
#define REEL_DAEMON_CONFIG_CONFIG_PRIVATE_H

#include "daemon/config/config.h"
#include "daemon/config/config_value.h"

/* The spellings of a setting's name: "--view-ms-max", "REEL_VIEW_MS_MAX". */
struct spelling {
    char text[80];
};

struct config {
    struct config_value *values; /* in the order in which they were declared */
    size_t count;
    json_t *file; /* an object; NULL: not read, or there is none */
    char *file_origin;
};

const char *config_flag(struct spelling *space, const struct reel_setting *setting);
const char *config_variable(struct spelling *space, const struct reel_setting *setting);

#endif
