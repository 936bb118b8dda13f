/* etag.h: entity tags (RFC 9110, section 8.8.3), and the conditions of commands that name them.
 *
 * The tag of a record is `"EPOCH-REVISION-GENERATION-CHANGED"`: the log, the revision of the fold,
 * the generation of the collection, and the seq of the event that last changed the record. */
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

/* Is the answer's tag among those that a header of the request names, or does it name any ("*")?
 * Weak tags are no match if the comparison is `strong`. */
bool etag_is_named(const struct request *request, const char *header, bool strong);

/* The versions of records that a list of tags names. */
struct versions {
    struct reel_version versions[ETAGS_MAX];
    const struct reel_version *list[ETAGS_MAX + 1]; /* NULL-terminated pointers: do not copy */
    size_t count;
};

/* Reads a list of tags. Tags that are not of this revision of a fold name no version; nor do weak
 * tags, if the comparison is `strong`. -EINVAL: it is not a list of at most ETAGS_MAX tags. */
int versions_read(struct reel_str list, uint64_t revision, bool strong, struct versions *ret);

/* What If-Match and If-None-Match say of the record of a command (RFC 9110, sections 13.1.1 and
 * 13.1.2). */
struct precondition {
    uint32_t flags; /* REEL_COMMAND_IF_…, REEL_COMMAND_UNLESS_… */
    struct versions match, none_match;
};

/* Do both headers hold for something that exists and has no tag? False: a problem is the answer. */
bool precondition_without_tag(struct request *request);

/* Reads both headers. -EINVAL, and a problem is the answer. */
int precondition_read(struct request *request, struct precondition *ret);

#endif
