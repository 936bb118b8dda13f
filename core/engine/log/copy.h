/* copy.h: a backup of the log. */
#ifndef REEL_ENGINE_LOG_COPY_H
#define REEL_ENGINE_LOG_COPY_H

#include "base/error.h"
#include "engine/log/entry.h"
#include "engine/log/pin.h"

struct pacer;

/* Copies the segments to an empty directory, up to a mark, and syncs the copy. log_open can open
 * it. */
int log_backup(const struct log_pin *pin, struct log_mark to, const char *directory,
               struct pacer *pacer, struct reel_error *error);

#endif
