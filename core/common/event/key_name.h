/* key_name.h: the short form of a record's key, for a target, for `after` and `next`, and for
 * Location.
 *
 * A key of up to KEY_PLAIN_MAX bytes is written as it is. A longer key would not fit into a target
 * when it is percent-encoded. It has a name instead, which every client can compute from the key:
 *
 *     U+007F, hexadecimal digits of the key's first KEY_NAME_PREFIX bytes,
 *     and, if the key is longer, a dot and digits of the first KEY_NAME_HASH bytes of its SHA-256
 *
 * A key that itself begins with U+007F also has a name, so everything that begins with U+007F is a
 * name.
 */
#ifndef REEL_EVENT_KEY_NAME_H
#define REEL_EVENT_KEY_NAME_H

#include "base/text.h"

#define KEY_PLAIN_MAX   1024
#define KEY_NAME_PREFIX 256
#define KEY_NAME_HASH   16

/* Appends the key, or its name. */
void key_name_append(struct text *to, struct reel_str key);

/* Appends the target of the record with this key, "/v1/cells/c1": percent-encoded. */
void key_target_append(struct text *to, struct reel_str collection, struct reel_str key);

/* True if this is a name, not a key. */
bool key_is_name(struct reel_str given);

/* What a name has of the hash of a key. */
void key_name_hash(struct reel_str key, unsigned char ret[KEY_NAME_HASH]);

#endif
