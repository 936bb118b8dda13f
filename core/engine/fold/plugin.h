/* plugin.h: plugins from files, from directories, or linked in; checked when they are loaded
 * (plugin_check.h). */
#ifndef REEL_ENGINE_FOLD_PLUGIN_H
#define REEL_ENGINE_FOLD_PLUGIN_H

#include "engine/fold/plugin_check.h"

/* Maps a shared object and takes what it declares. */
int plugin_load(const char *path, struct plugin **ret, struct reel_error *error);

/* The same for one that is linked in, which is borrowed. */
int plugin_adopt(const struct reel_plugin *declared, struct plugin **ret, struct reel_error *error);

/* Calls `fn` with the path of every *.so of a directory, in the order of their names. What it
 * returns, if that is not 0, ends the walk. */
typedef int (*plugin_path_fn)(void *context, const char *path, struct reel_error *error);
int plugin_each_in(const char *directory, plugin_path_fn fn, void *context,
                   struct reel_error *error);

/* Unmaps it too. Takes NULL. */
void plugin_unload(struct plugin *plugin);

#endif
