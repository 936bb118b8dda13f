/* verify.h: checks every byte of a log. */
#ifndef REEL_ENGINE_LOG_VERIFY_H
#define REEL_ENGINE_LOG_VERIFY_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Compares a log, and its index of duplicates, with their checksums. Calls `found` for each damaged
 * file; the check of this file ends there. Returns the number of findings, or an error. `live`:
 * another process may be writing the log. */
typedef void (*log_finding_fn)(void *context, const char *file, uint64_t offset, const char *what);
int log_verify(const char *directory, bool live, log_finding_fn found, void *context,
               struct reel_error *error);

#endif
