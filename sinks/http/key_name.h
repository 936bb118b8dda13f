/* key_name.h: how a record's key is written where there is little room: in a target, as `after` and
 * `next`, in Location.
 *
 * A key of up to KEY_PLAIN_MAX bytes is written as it is. A longer one does not fit into a target
 * once it is percent-encoded, and has a name instead, which whoever knows the key can make:
 *
 *     U+007F, hexadecimal digits of the key's first KEY_NAME_PREFIX bytes,
 *     and, if the key is longer, a dot and those of the first 16 bytes of its SHA-256
 *
 * So has a key that itself begins with U+007F: what begins so is always a name. A name is looked up
 * among the records whose keys begin with its prefix.
 */
#ifndef REEL_HTTP_KEY_NAME_H
#define REEL_HTTP_KEY_NAME_H

#include "base/text.h"

#include <reel/sink.h>

#define KEY_PLAIN_MAX   1024
#define KEY_NAME_PREFIX 256

/* The key, or its name. */
void key_name_append(struct text *to, struct reel_str key);

/* Is it a name, rather than a key? */
bool key_is_name(struct reel_str given);

/* Looks for the record with that name. 1: `ret` is its key; 0: there is none, and `ret` is the
 * prefix, behind which it would be; -EINVAL: it is malformed; or an error of the view's. */
int key_name_find(struct reel_stage *stage, struct reel_view *view, const char *collection,
                  struct reel_str name, struct text *ret);

#endif
