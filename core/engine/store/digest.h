/* digest.h: a hash of a collection's contents that is kept up to date as its records change.
 *
 * The digest is the sum, modulo 2^128, of one hash for each record: XXH3-128 of the length of its
 * key (8 bytes, little-endian), the key, and the JSON text that is served. A change subtracts the
 * hash of the record before and adds the hash of the record after, so the digest costs what the
 * change costs, and the order of changes does not matter. At one cursor, equal digests mean equal
 * records, on any machine.
 *
 * The digest detects accidents. It does not detect malice: a sum of hashes without a key can be
 * forged.
 */
#ifndef REEL_ENGINE_STORE_DIGEST_H
#define REEL_ENGINE_STORE_DIGEST_H

#include <reel/abi.h>
#include <xxhash.h>

/* Of a collection without records: zero. */
struct digest {
    uint64_t low, high;
};

/* Of one record. */
XXH128_hash_t digest_hash(struct reel_str key, struct reel_str json);

void digest_add(struct digest *digest, XXH128_hash_t hash);
void digest_subtract(struct digest *digest, XXH128_hash_t hash);

static inline bool digest_is_same(const struct digest *a, const struct digest *b) {
    return a->low == b->low && a->high == b->high;
}

/* 32 hexadecimal digits, the highest first, and a NUL. */
#define DIGEST_TEXT_SIZE 33
void digest_write(const struct digest *digest, char ret[DIGEST_TEXT_SIZE]);

#endif
