/* plugin_names.h: a plugin's own functions and variables stay its own.
 *
 * The dynamic loader looks a name up in the program and its libraries first, and in the plugin
 * last: a plugin that exports a function `json_string_value` of its own would call libjansson's.
 * Hidden visibility, which the examples are built with, rules that out. A plugin that is built
 * without it is opened so that its own names come first; where that cannot be, it is refused.
 */
#ifndef REEL_ENGINE_FOLD_PLUGIN_NAMES_H
#define REEL_ENGINE_FOLD_PLUGIN_NAMES_H

#include "base/error.h"

/* dlopen, the plugin's own names first. NULL: dlerror says why. */
void *plugin_open(const char *path);

/* Refuses a plugin of which a name was taken, or that brings an allocator: a process has one. */
int plugin_check_names(void *handle, struct reel_error *error);

#endif
