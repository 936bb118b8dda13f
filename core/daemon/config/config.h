/* config.h: what the daemon was told: flags before environment before file before defaults.
 *
 * A setting `view_ms_max` is the flag --view-ms-max, the variable REEL_VIEW_MS_MAX, or another
 * one that it names and that counts for less, and the key "view_ms_max" of the file that --config
 * names. `--view-ms-max 5` and `--view-ms-max=5` are the same; a value that begins with two
 * hyphens needs the second form, so that one can tell flags from values without knowing the
 * flags. A variable REEL_… that is no setting is refused as a flag is, except those that Kubernetes
 * and Docker set for services. Switches take no value. A list is given by repeating the flag, with
 * commas between in a variable, as an array in the file; the highest of these that is given counts,
 * alone. An empty variable is none.
 *
 * Sinks are in plugins, and which plugins to load is a setting: so the daemon declares its own
 * settings and peeks at the values of these, loads the plugins, declares the settings of all
 * their sinks, whether they will run or not, and reads it all.
 *
 * Used by one thread, until it is read; then by any.
 */
#ifndef REEL_DAEMON_CONFIG_CONFIG_H
#define REEL_DAEMON_CONFIG_CONFIG_H

#include "base/error.h"

struct config;

int config_create(struct config **ret, struct reel_error *error);
void config_destroy(struct config *config); /* takes NULL */

/* Adds settings, which are borrowed; NULL: none. `owner` is what they belong to in a sentence:
 * "the daemon", "sink http". -EEXIST: one of that name is there already, or the name is kept for
 * something else. */
int config_declare(struct config *config, const char *owner,
                   const struct reel_setting *const *settings, struct reel_error *error);

/* Reads what is declared so far, without a word about what is not; argv[0] is passed over, NULL
 * ends it, and the file is read here, once and for all. Then, with the same arguments, all of it.
 * -EINVAL: something that was given is no setting, or its value is not what it should be; the
 * sentence says where, what, and what was wanted. Else the file cannot be read. */
int config_peek(struct config *config, int argc, char **argv, struct reel_error *error);
int config_read(struct config *config, int argc, char **argv, struct reel_error *error);

/* The n-th value of a setting as a flag would have it, or NULL past the last. */
const char *config_text(const struct config *config, const char *name, size_t n);

/* Of a NUMBER, or of a SWITCH 1 or 0. */
uint64_t config_number(const struct config *config, const char *name);

/* Where the value is from: "--data", "environment REEL_DATA", "config file /etc/reel.json",
 * "default". */
const char *config_origin(const struct config *config, const char *name);

/* Is this a setting of this owner? All of the above take any name; what is no setting has no
 * value, and its number is 0. */
bool config_owns(const struct config *config, const char *owner, const char *name);

#endif
