/* config_private.h: the struct config, for the files that implement it: config.c reads settings,
 * config_help.c prints them. */
#ifndef REEL_DAEMON_CONFIG_CONFIG_PRIVATE_H
#define REEL_DAEMON_CONFIG_CONFIG_PRIVATE_H

#include "daemon/config/config.h"
#include "daemon/config/config_value.h"

/* The forms of a setting's name: "--view-ms-max", "REEL_VIEW_MS_MAX". */
struct spelling {
    char text[80];
};

struct config {
    struct config_value *values; /* in the order in which they were declared */
    size_t count;
    json_t *file; /* an object; NULL: not read yet, or there is no file */
    char *file_origin;
};

const char *config_flag(struct spelling *space, const struct reel_setting *setting);
const char *config_variable(struct spelling *space, const struct reel_setting *setting);

#endif
