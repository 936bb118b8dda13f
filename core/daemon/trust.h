/* trust.h: checks whether other users may change what the daemon runs and stores.
 *
 * A plugin is code that runs as the daemon's user, and a configuration names plugins. A token file
 * says who may write. The content of a store is trusted. If everybody on the machine may write one
 * of these or its directory, everybody can do what the daemon can do. As root and under systemd,
 * the daemon refuses such a file, unless `allow_shared_files` is set. In other cases, it only
 * warns. Groups are not checked, because an administrator has chosen their members.
 */
#ifndef REEL_DAEMON_TRUST_H
#define REEL_DAEMON_TRUST_H

#include "daemon/config/config.h"

/* Call them where a file is read, and not where a copy of it is used: a worker that follows another
 * one works with what that has read. Each returns 0, perhaps after a warning in the log; or -EINVAL
 * and a sentence. A file that does not exist is skipped. */

/* Checks the file that a setting names, and its directory. The directory may be sticky. */
int trust_check_file(const struct config *config, const char *setting, struct reel_error *error);

/* Checks a plugin. It must also not belong to another user than root and the daemon's user. */
int trust_check_plugin(const struct config *config, const char *path, struct reel_error *error);

/* Checks a directory in which others could create files. NULL is skipped. */
int trust_check_directory(const struct config *config, const char *path, struct reel_error *error);

#endif
