/* settings.h: the daemon's own settings, and their bounds, in one table. Those of sinks are
 * declared by the sinks. */
#ifndef REEL_DAEMON_CONFIG_SETTINGS_H
#define REEL_DAEMON_CONFIG_SETTINGS_H

#include <reel/sink.h>

/* May be given as a flag only: in the environment or a file it would stick, and be done again at
 * each start. Not for sinks: the loader refuses the bit. */
#define SETTING_FLAG_ONLY (UINT32_C(1) << 31)

/* May contain a secret: no sentence repeats it. Not for sinks either. */
#define SETTING_SECRET (UINT32_C(1) << 30)

/* What it is called in sentences and headings. */
#define DAEMON_OWNER "the daemon"

/* NULL-terminated. */
extern const struct reel_setting *const daemon_settings[];

#endif
