/* known.h: the plugins that the daemon reads before the Reel is opened.
 *
 * All settings are checked before anything is opened. Some settings belong to projectors and sinks,
 * which are in plugins. So each plugin is loaded here, without calling any of its functions, and
 * its settings are declared. Later, the Reel loads the same copies of the files.
 */
#ifndef REEL_DAEMON_KNOWN_H
#define REEL_DAEMON_KNOWN_H

#include "base/kept.h"
#include "daemon/daemon.h"
#include "daemon/plugins.h"

/* The plugins that the settings choose. -E2BIG: more than PLUGINS_MAX. */
int known_choice(const struct config *config, struct plugin_choice *ret, struct reel_error *error);

/* Makes daemon->config, with the daemon's own settings. known_open_config also reads them
 * (config_peek); the text of the file is the one that is kept, if there is one. Otherwise the
 * caller checks who may write the file (trust.h). */
int known_create_config(struct daemon *daemon, struct reel_error *error);
int known_open_config(struct daemon *daemon, int argc, char **argv, struct reel_error *error);

/* Reads the plugin that is linked in (daemon->own). */
int known_own(struct daemon *daemon, struct reel_error *error);

/* Reads and checks all settings for a command that shares them with the daemon; the daemon's own
 * settings have been declared. Plugins are looked at only if something is refused without them: a
 * plugin that cannot be loaded does not stop the command. */
int known_read_shared(struct daemon *daemon, int argc, char **argv, struct reel_error *error);

/* Knows all chosen plugins, then reads all settings and checks them. The daemon's own settings have
 * been read (config_peek). Who may write the plugins and their directory is checked only where they
 * are read here, not where copies are kept. */
int known_read(struct daemon *daemon, int argc, char **argv, struct reel_error *error);
void known_forget(struct daemon *daemon);

/* The same with these files (the list ends with NULL), and without those of the chosen plugins that
 * have a collection of theirs: they are given in a list, for what they declare. The new ones are
 * loaded first: what C++ shares among all objects of a process is theirs. */
int known_read_instead(struct daemon *daemon, int argc, char **argv, char *const *files,
                       struct plugin **ret_replaced, struct reel_error *error);

/* The directory of the store, for a command that shares the daemon's settings: they are from the
 * same places, and a misspelt one is refused as the daemon refuses it. It could be the one that
 * names the store. */
int known_find_store(const struct reel_plugin *own, int argc, char **argv, char **ret,
                     struct reel_error *error);

/* By what the copy of the plugin with this path is kept (kept.h). False: the path is too long. */
bool known_name(const char *path, char ret[KEPT_NAME_MAX]);

/* The sink with this name, of any plugin; or NULL. */
const struct reel_sink *known_sink(const struct daemon *daemon, const char *name);

/* True if one of the chosen sinks needs tokens. */
bool known_need_tokens(const struct daemon *daemon);

#endif
