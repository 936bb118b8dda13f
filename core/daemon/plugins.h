/* plugins.h: which plugins a command loads. */
#ifndef REEL_DAEMON_PLUGINS_H
#define REEL_DAEMON_PLUGINS_H

#include "engine/engine.h"

#define PLUGINS_MAX 256

struct plugin_choice {
    const char *directory;          /* --plugin-dir, or NULL */
    const char *files[PLUGINS_MAX]; /* --plugin */
    size_t count;
};

/* Calls `fn` with the path of each plugin that was chosen. If none was: of those of the build tree
 * that this program lies in, or of those that are installed. */
int plugins_each(const struct plugin_choice *choice, plugin_path_fn fn, void *context,
                 struct reel_error *error);

/* Loads them. */
int plugins_load(struct reel *reel, const struct plugin_choice *choice, struct reel_error *error);

/* Once all are loaded: does each field that refers to a collection refer to one of them? */
int plugins_check_references(struct reel *reel, struct reel_error *error);

#endif
