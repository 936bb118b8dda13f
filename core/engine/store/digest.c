/* digest.c: see digest.h. */
#define XXH_STATIC_LINKING_ONLY /* XXH3_state_t on the stack */
#include "engine/store/digest.h"

#include <endian.h>
#include <string.h>

/* Most records are so short that they are copied for one call; a state costs more to set up. */
#define AT_ONCE_BYTES 1024

static XXH128_hash_t hash_at_once(uint64_t len, struct reel_str key, struct reel_str json) {
    char bytes[AT_ONCE_BYTES], *end = bytes;
    end = mempcpy(end, &len, sizeof len);
    if (key.len > 0) end = mempcpy(end, key.data, key.len);
    if (json.len > 0) end = mempcpy(end, json.data, json.len);
    return XXH3_128bits(bytes, (size_t)(end - bytes));
}

XXH128_hash_t digest_hash(struct reel_str key, struct reel_str json) {
    uint64_t len = htole64(key.len);
    XXH3_state_t state;
    if (json.len <= AT_ONCE_BYTES - sizeof len && key.len <= AT_ONCE_BYTES - sizeof len - json.len)
        return hash_at_once(len, key, json);
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, &len, sizeof len);
    if (key.len > 0) XXH3_128bits_update(&state, key.data, key.len);
    if (json.len > 0) XXH3_128bits_update(&state, json.data, json.len);
    return XXH3_128bits_digest(&state);
}

void digest_add(struct digest *digest, XXH128_hash_t hash) {
    digest->low += hash.low64;
    digest->high += hash.high64 + (digest->low < hash.low64);
}

void digest_subtract(struct digest *digest, XXH128_hash_t hash) {
    bool borrow = digest->low < hash.low64;
    digest->low -= hash.low64;
    digest->high -= hash.high64 + borrow;
}

void digest_write(const struct digest *digest, char ret[DIGEST_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef"; /* snprintf would take longer than a look-up */
    for (int i = 0; i < 16; i++) {
        ret[i] = digits[digest->high >> (60 - 4 * i) & 15];
        ret[16 + i] = digits[digest->low >> (60 - 4 * i) & 15];
    }
    ret[DIGEST_TEXT_SIZE - 1] = '\0';
}
