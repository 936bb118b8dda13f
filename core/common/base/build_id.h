/* build_id.h: distinguishes two builds of a shared object. */
#ifndef REEL_BASE_BUILD_ID_H
#define REEL_BASE_BUILD_ID_H

#include "base/error.h"

/* The length of the SHA-1 that linkers write. A longer id is truncated; after a shorter one, there
 * are zeros. */
#define BUILD_ID_BYTES 20

/* The GNU build id of an object that dlopen has returned (the note that the linker writes with
 * --build-id). If the object has none, a hash of the file. -EIO: the file cannot be read. */
int build_id_of(void *handle, const char *path, uint8_t ret[BUILD_ID_BYTES],
                struct reel_error *error);

#endif
