/* settings.h: the table of the daemon's own settings, with their limits. Sinks declare their own
 * settings. */
#ifndef REEL_DAEMON_CONFIG_SETTINGS_H
#define REEL_DAEMON_CONFIG_SETTINGS_H

#include <reel/sink.h>

/* May be given only as a flag: in the environment or in the file, it would be done again at each
 * start. Not for sinks: the loader refuses this bit. */
#define SETTING_FLAG_ONLY (UINT32_C(1) << 31)

/* May contain a secret: no sentence repeats the value. Not for sinks. */
#define SETTING_SECRET (UINT32_C(1) << 30)

/* The owner's name in sentences and headings. */
#define DAEMON_OWNER "the daemon"

/* NULL-terminated. */
extern const struct reel_setting *const daemon_settings[];

#endif
