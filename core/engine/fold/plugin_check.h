/* plugin_check.h: whether a plugin's declarations are ones that this host can serve. */
#ifndef REEL_CORE_PLUGIN_CHECK_H
#define REEL_CORE_PLUGIN_CHECK_H

#include "engine/fold/plugin.h"

/* Checks `plugin->declared` and fills `plugin->projectors`. What was filled before a failure is
 * for plugin_unload to release. Refusals are -ENOEXEC with a sentence that names the member,
 * what was found and what was wanted. */
int plugin_check(struct plugin *plugin, struct reel_error *error);

#endif
