/* plugin.h: plugins from files, from directories, or linked in; checked when they are loaded
 * (plugin_check.h). */
#ifndef REEL_ENGINE_FOLD_PLUGIN_H
#define REEL_ENGINE_FOLD_PLUGIN_H

#include "engine/fold/plugin_check.h"

/* Loads a shared object and checks its declaration. */
int plugin_load(const char *path, struct plugin **ret, struct reel_error *error);

/* The same for a file that is open already, which gets one more reference. */
int plugin_load_file(struct plugin_file *file, struct plugin **ret, struct reel_error *error);

/* The same for a plugin that is linked in, which is borrowed. */
int plugin_adopt(const struct reel_plugin *declared, struct plugin **ret, struct reel_error *error);

/* Calls `fn` with the path of each *.so in a directory, in the order of their names. If it returns
 * another value than 0, the walk ends with this value. */
typedef int (*plugin_path_fn)(void *context, const char *path, struct reel_error *error);
int plugin_each_in(const char *directory, plugin_path_fn fn, void *context,
                   struct reel_error *error);

/* Of its file; zeros: it is linked in. */
const uint8_t *plugin_build_id(const struct plugin *plugin);

/* Unmaps it too. Takes NULL. */
void plugin_unload(struct plugin *plugin);

#endif
