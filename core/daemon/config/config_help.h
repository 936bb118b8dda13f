/* config_help.h: the table of settings, for people. */
#ifndef REEL_DAEMON_CONFIG_CONFIG_HELP_H
#define REEL_DAEMON_CONFIG_CONFIG_HELP_H

#include "daemon/config/config.h"

/* The settings by owner, for --help, in 80 columns; and as Markdown, which is docs/settings.md. */
void config_help(const struct config *config, FILE *to);
void config_manual(const struct config *config, FILE *to);

#endif
