/* build_id.h: distinguishes two builds of a shared object. */
#ifndef REEL_BASE_BUILD_ID_H
#define REEL_BASE_BUILD_ID_H

#include "base/elf.h"

/* The length of the SHA-1 that linkers write. A longer id is truncated; after a shorter one, there
 * are zeros. */
#define BUILD_ID_BYTES 20

/* The GNU build id of a file (the note that the linker writes with --build-id). If the file has
 * none, a hash of the file. */
void build_id_of(const struct elf *elf, uint8_t ret[BUILD_ID_BYTES]);

#endif
