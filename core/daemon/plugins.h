/* plugins.h: which plugins a command loads. */
#ifndef REEL_DAEMON_PLUGINS_H
#define REEL_DAEMON_PLUGINS_H

#include <reel/reel.h>

#define PLUGINS_MAX 256

struct plugin_choice {
    const char *directory;          /* --plugin-dir, or NULL */
    const char *files[PLUGINS_MAX]; /* --plugin */
    size_t count;
};

/* Loads what was chosen. If nothing was: the plugins of the build tree that this program lies
 * in, or those that are installed. */
int plugins_load(struct reel *reel, const struct plugin_choice *choice, struct reel_error *error);

#endif
