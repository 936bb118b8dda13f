/* convert.h: converts a directory of format 2, which has one LMDB environment, to log.new/ and
 * state.new/ of the current format (home.h). */
#ifndef REEL_ENGINE_CONVERT_H
#define REEL_ENGINE_CONVERT_H

#include "base/error.h"

#include <stdint.h>

/* Makes both directories and syncs them. Before, they must be empty or not exist. Changes nothing
 * else. -EPROTO: the store has another format; -ENOSPC: there is no space for both. */
int convert_store(const char *directory, uint64_t map_bytes, struct reel_error *error);

#endif
