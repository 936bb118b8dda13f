/* key_find.h: the record that is meant by a key's name (event/key_name.h), which is looked up among
 * the records whose keys begin with its prefix. */
#ifndef REEL_HTTP_KEY_FIND_H
#define REEL_HTTP_KEY_FIND_H

#include "event/key_name.h"

#include <reel/sink_host.h>

/* The key, if the name is all of it, in `space`; data NULL: it is not. */
struct reel_str key_name_whole(struct reel_str name, char space[KEY_NAME_PREFIX]);

/* Looks for the record with this name. 1: `ret` is its key; 0: there is none, and `ret` is the
 * prefix, after which its key would be; -EINVAL: the name is malformed; or an error of the view. */
int key_name_find(struct reel_sink_host *host, struct reel_view *view, const char *collection,
                  struct reel_str name, struct text *ret);

#endif
