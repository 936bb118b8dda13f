/* ids.h: the name of a list of strings, of a fixed length.
 *
 * An event is named by its CloudEvents source and id. What is submitted is looked for under a UUID
 * made from both (version 5, RFC 9562 section 5.5), until it is trimmed (log_find_id). A hit only
 * points at an event: whether it is the same is for the caller to compare.
 */
#ifndef REEL_ENGINE_IDS_H
#define REEL_ENGINE_IDS_H

#include "base/text.h"

/* Most strings that one name is made of. */
#define IDS_PARTS_MAX 8

/* The UUID of a list of strings: the same for the same strings, on every machine. */
void ids_hash(const struct reel_str *parts, size_t count, uint8_t ret[16]);

#endif
