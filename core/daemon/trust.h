/* trust.h: who else may change what the daemon runs and keeps.
 *
 * A plugin, or a configuration that names one, is code that runs as the daemon's user; a token file
 * says who may write; a store is believed. If everybody on the machine may write one of them, or
 * its directory, then everybody is the daemon's user. A daemon that runs as root, or for systemd,
 * refuses such a file, unless `allow_shared_files` is set; one that somebody starts by hand warns.
 * Groups are not looked at: who is in one was chosen.
 */
#ifndef REEL_DAEMON_TRUST_H
#define REEL_DAEMON_TRUST_H

#include "daemon/config/config.h"

/* Each returns 0, perhaps after a warning in the log; or -EINVAL and a sentence. What does not
 * exist is passed over. */

/* The file that a setting names, and its directory; a sticky bit is enough for that one. */
int trust_check_file(const struct config *config, const char *setting, struct reel_error *error);

/* The same for a plugin; a user who owns it and is neither root nor we is another one, too. */
int trust_check_plugin(const struct config *config, const char *path, struct reel_error *error);

/* A directory in which others could make files; NULL: none. */
int trust_check_directory(const struct config *config, const char *path, struct reel_error *error);

#endif
