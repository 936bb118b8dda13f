/* follow.h: following a stream of server-sent events, across connections that end. */
#ifndef REEL_CLIENT_FOLLOW_H
#define REEL_CLIENT_FOLLOW_H

#include "client/client.h"
#include "client/lines.h"

struct follow {
    const char *path;
    /* A frame. Not 0 ends the following. */
    int (*take)(void *context, json_t *frame, struct reel_str text);
    /* What was received must be forgotten, because everything comes again. NULL: this is an end. */
    void (*begin_again)(void *context);
    void *context;
};

/* Follows until `take` ends it, or nobody reads the output any more: then 0. A connection that ends
 * after the first answer is made again, and continues in the same log: in another one, everything
 * comes again. */
int follow_run(const struct client *client, const struct follow *follow, struct failure *failure);

#endif
