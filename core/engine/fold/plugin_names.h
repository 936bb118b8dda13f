/* plugin_names.h: makes sure that a plugin uses its own functions and variables.
 *
 * The dynamic loader looks a name up first in the program and its libraries, and in the plugin
 * last. So a plugin that exports a function `json_string_value` of its own would call libjansson's
 * function. Hidden visibility, which the examples use, prevents this. A plugin that is built
 * without it is opened so that its own names come first. If this is not possible, it is refused.
 */
#ifndef REEL_ENGINE_FOLD_PLUGIN_NAMES_H
#define REEL_ENGINE_FOLD_PLUGIN_NAMES_H

#include "base/error.h"

/* Like dlopen, with the plugin's own names first. NULL: dlerror has the reason. */
void *plugin_open(const char *path);

/* Refuses a plugin if one of its names is replaced by another library's, or if it has an allocator,
 * because a process can have only one. */
int plugin_check_names(void *handle, struct reel_error *error);

#endif
