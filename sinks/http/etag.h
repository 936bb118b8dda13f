/* etag.h: entity tags (RFC 9110, section 8.8.3), and what is said with them about commands.
 *
 * A record's is `"EPOCH-REVISION-CHANGED"`: the log, the fold, and the seq of the event that last
 * changed the record. */
#ifndef REEL_HTTP_ETAG_H
#define REEL_HTTP_ETAG_H

#include "request.h"

#define ETAGS_MAX 64

struct etag {
    struct reel_str opaque; /* with its quotes */
    bool weak;
};

/* Cuts the next one off a list. 1; 0: that was all; -EINVAL: it is no list of tags. */
int etag_next(struct reel_str *list, struct etag *ret);

/* What If-Match wants of a record. All of zero wants nothing. */
struct precondition {
    uint32_t flags; /* REEL_ORDER_IF_… */
    struct reel_version versions[ETAGS_MAX];
    size_t count;
};

/* Reads If-Match. -EINVAL, and a problem is the answer. */
int precondition_read(struct request *request, struct precondition *ret);

#endif
