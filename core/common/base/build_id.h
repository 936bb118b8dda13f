/* build_id.h: what tells one build of a shared object from another. */
#ifndef REEL_BASE_BUILD_ID_H
#define REEL_BASE_BUILD_ID_H

#include "base/error.h"

/* As long as the SHA-1 that linkers make; a longer one is cut, behind a shorter one are zeros. */
#define BUILD_ID_BYTES 20

/* The GNU build ID of an object that dlopen gave (the note that the linker writes with --build-id);
 * or, where it has none, a hash of the file. -EIO: the file cannot be read. */
int build_id_of(void *handle, const char *path, uint8_t ret[BUILD_ID_BYTES],
                struct reel_error *error);

#endif
