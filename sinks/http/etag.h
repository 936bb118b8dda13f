/* etag.h: entity tags (RFC 9110, section 8.8.3), and the conditions of commands.
 *
 * The tag of a record is `"EPOCH-REVISION-CHANGED"`: the log, the revision of the fold, and the seq
 * of the event that last changed the record. */
#ifndef REEL_HTTP_ETAG_H
#define REEL_HTTP_ETAG_H

#include "request.h"

#define ETAGS_MAX 64

struct etag {
    struct reel_str opaque; /* with the quotes */
    bool weak;
};

/* Removes the next tag from a list. 1; 0: there is none; -EINVAL: it is not a list of tags. */
int etag_next(struct reel_str *list, struct etag *ret);

/* The conditions of If-Match. All zero: no condition. */
struct precondition {
    uint32_t flags; /* REEL_COMMAND_IF_… */
    struct reel_version versions[ETAGS_MAX];
    const struct reel_version *list[ETAGS_MAX + 1]; /* NULL-terminated pointers: do not copy */
    size_t count;
};

/* Reads If-Match. -EINVAL: the answer is a problem. */
int precondition_read(struct request *request, struct precondition *ret);

#endif
