/* config.h: the settings of the daemon. Flags override the environment, the environment overrides
 * the file, and the file overrides defaults.
 *
 * A setting `view_ms_max` is the flag --view-ms-max, the variable REEL_VIEW_MS_MAX (or one of its
 * aliases, if this variable is not set), and the key "view_ms_max" of the file that --config names.
 * `--view-ms-max 5` and `--view-ms-max=5` are the same. A value that begins with two hyphens needs
 * the second form, so that flags and values can be distinguished without knowing the flags. A
 * variable REEL_… that is not a setting is refused like an unknown flag, except those that
 * Kubernetes and Docker set for services. Switches have no value. A list is given by repeating the
 * flag, separated by commas in a variable, or as an array in the file; only the highest layer that
 * has the list is used. An empty variable counts as not set.
 *
 * Sinks are in plugins, and the choice of plugins is a setting. So the daemon first declares its
 * own settings and reads them with config_peek. Then it loads the plugins, declares the settings of
 * all their sinks, also of sinks that will not run, and reads all settings.
 *
 * Used by one thread until it is read; then by any thread.
 */
#ifndef REEL_DAEMON_CONFIG_CONFIG_H
#define REEL_DAEMON_CONFIG_CONFIG_H

#include "base/error.h"
#include "base/text.h"

struct config;

int config_create(struct config **ret, struct reel_error *error);
void config_destroy(struct config *config); /* accepts NULL */

/* Adds settings, which are borrowed; NULL: none. `owner` names their owner in sentences: "the
 * daemon", "sink http". -EEXIST: there is a setting with this name already, or the name is
 * reserved. */
int config_declare(struct config *config, const char *owner,
                   const struct reel_setting *const *settings, struct reel_error *error);

/* config_peek reads the settings that are declared so far, and accepts names that are not declared.
 * argv[0] is skipped, and NULL ends the arguments. The file is read here, once. config_read is
 * called later with the same arguments, and reads everything. -EINVAL: a name is not a setting, or
 * a value is not allowed; the sentence says where it is, what it is, and what is allowed. Or the
 * file cannot be read. */
int config_peek(struct config *config, int argc, char **argv, struct reel_error *error);
int config_read(struct config *config, int argc, char **argv, struct reel_error *error);

/* Takes the words that do not belong to a flag out of the arguments, in their order, for a command
 * that has words of its own. A flag that is not declared yet has the word behind it. All words
 * behind `--` are taken. Returns their number; `ret_words` has room for all arguments. */
int config_take_words(const struct config *config, int *argc, char **argv, char **ret_words);

/* Uses this text in place of the content of the file. Before config_peek. */
int config_give_file(struct config *config, const char *text, size_t len, struct reel_error *error);

/* Reads the file again, for another process. Members for which `may_change` is true are as they are
 * there now; all others stay as they are, and the names of those that would be different come to
 * `ret_others`, with ", " between them. `ret_text`: a JSON object, to be freed; NULL: there is no
 * file. `ret_changed`: it is another one than before. */
int config_renew_file(const struct config *config,
                      bool (*may_change)(const struct config *config, const char *name),
                      char **ret_text, bool *ret_changed, struct text *ret_others,
                      struct reel_error *error);

/* Who has the setting: "the daemon", "sink http"; NULL: it is not declared. */
const char *config_owner(const struct config *config, const char *name);

/* The n-th value of a setting as a flag would have it, or NULL past the last. */
const char *config_text(const struct config *config, const char *name, size_t n);

/* The value of a NUMBER; for a SWITCH, 1 or 0. */
uint64_t config_number(const struct config *config, const char *name);

/* Where the value comes from: "--data", "environment REEL_DATA", "config file /etc/reel.json",
 * "default". */
const char *config_origin(const struct config *config, const char *name);

/* True if this owner has this setting. The functions above accept any name: if it is not a setting,
 * it has no value, and its number is 0. */
bool config_owns(const struct config *config, const char *owner, const char *name);

#endif
