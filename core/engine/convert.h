/* convert.h: a directory of format 2, in which one LMDB environment was all, becomes log.new/ and
 * state.new/ of this format (home.h). */
#ifndef REEL_ENGINE_CONVERT_H
#define REEL_ENGINE_CONVERT_H

#include "base/error.h"

#include <stdint.h>

/* Makes them, durably. Both are absent or empty. Nothing else is changed. -EPROTO: it is of another
 * format; -ENOSPC: there is not room for both. */
int convert_store(const char *directory, uint64_t map_bytes, struct reel_error *error);

#endif
