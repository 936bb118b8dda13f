/* fnv.h: the hash FNV-1a, 64 bits, for hashes that are stored: it must never change. */
#ifndef REEL_BASE_FNV_H
#define REEL_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_BEGIN UINT64_C(0xCBF29CE484222325)

static inline uint64_t fnv_add(uint64_t hash, const void *bytes, size_t len) {
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001B3);
    return hash;
}

#endif
