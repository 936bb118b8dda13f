/* plugins.h: which plugins a command loads, and with which settings. */
#ifndef REEL_DAEMON_PLUGINS_H
#define REEL_DAEMON_PLUGINS_H

#include "engine/engine.h"

#include <getopt.h>

#define PLUGINS_MAX 256

struct plugin_choice {
    const char *directory;          /* --plugin-dir, or NULL */
    const char *files[PLUGINS_MAX]; /* --plugin */
    size_t count;
    const char *settings[SETTINGS_MAX]; /* --setting */
    size_t setting_count;
};

/* For getopt_long, and what it gives of them: 1: it was one of these options; 0: it was another;
 * -E2BIG: too many plugins or settings. */
#define PLUGIN_OPTIONS                                                                             \
    {"plugin", required_argument, NULL, 'p'}, {"plugin-dir", required_argument, NULL, 'd'}, {      \
        "setting", required_argument, NULL, 's'                                                    \
    }
int plugins_take_option(struct plugin_choice *choice, int option, const char *value);

/* Calls `fn` with the path of each chosen plugin. If none was chosen: with the plugins of the build
 * tree that contains this program, or with the installed ones. */
int plugins_each(const struct plugin_choice *choice, plugin_path_fn fn, void *context,
                 struct reel_error *error);

/* Loads the chosen plugins, and gives their projectors the chosen settings. */
int plugins_load(struct reel *reel, const struct plugin_choice *choice, struct reel_error *error);

/* Call it when all plugins are loaded. Checks that each field that refers to a collection refers to
 * a loaded one. */
int plugins_check_references(struct reel *reel, struct reel_error *error);

#endif
