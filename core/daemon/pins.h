/* pins.h: the SHA-256 of plugins, as the operator has written it into the configuration.
 *
 * The hash is computed from the copy of the file that the dynamic loader maps (plugin_file.h), not
 * from the path, so that no exchange of the file comes between.
 */
#ifndef REEL_DAEMON_PINS_H
#define REEL_DAEMON_PINS_H

#include "daemon/config/config.h"
#include "engine/engine.h"

#define SHA256_TEXT_MAX 65

/* The hash of a file, in hexadecimal digits. */
int pins_hash(const struct plugin_file *file, char ret[SHA256_TEXT_MAX], struct reel_error *error);

/* Checks a file against the setting plugin_sha256. Without pins, every file is good; with pins, a
 * file without one is refused: -EINVAL. */
int pins_check(const struct config *config, const struct plugin_file *file,
               struct reel_error *error);

#endif
