/* config_help.h: prints the table of settings. */
#ifndef REEL_DAEMON_CONFIG_CONFIG_HELP_H
#define REEL_DAEMON_CONFIG_CONFIG_HELP_H

#include "daemon/config/config.h"

/* Print the settings by owner: for --help, in 80 columns; and as Markdown, for docs/settings.md. */
void config_help(const struct config *config, FILE *to);
void config_manual(const struct config *config, FILE *to);

#endif
