/* verify.h: is the directory of a Reel what it should be? (`reeld verify`)
 *
 * In this order:
 *     1. every byte of the log has its checksum (log/verify.h)
 *     2. the lines of `set-aside` can be read
 *     3. the checkpoint is of this log, which goes on at least as far
 *     4. the records in the checkpoint add up to the digest of their collection; so do those of a
 *        rebuild that is under way. The order of their changes and the indexes of their fields are
 *        what the records say
 *     5. with plugins: a fold of the log, in memory, up to the checkpoint's cursors gives the same
 *        digests
 * 3 to 5 need a log in which 1 found nothing, 5 also needs 3.
 */
#ifndef REEL_ENGINE_VERIFY_H
#define REEL_ENGINE_VERIFY_H

#include "engine/log/verify.h"
#include "engine/store/digest.h"

struct reel;

/* One collection's digest, at its cursor in the checkpoint, compared with what was found. */
struct verify_compared {
    const char *collection;
    uint64_t cursor;
    bool by_fold;    /* by a fold of the log; else by the records in the checkpoint */
    bool is_shadow;  /* the records of a rebuild, which are not served yet */
    const char *why; /* why it was not compared; NULL: it was, and the others are set */
    bool is_same;
    char stored[DIGEST_TEXT_SIZE], found[DIGEST_TEXT_SIZE];
};

struct verifier {
    log_finding_fn found;                                                    /* 1 */
    void (*state_found)(void *context, const char *sentence);                /* 2, 3 */
    void (*compared)(void *context, const struct verify_compared *compared); /* 4 and 5 */
    void (*begins)(void *context, const char *what); /* before what may end the process: where */
    void *context;
};

/* Another process may have the directory open. Without `reel`, 5 is left out; else it is in memory,
 * has the plugins, and is only to be closed afterwards. Returns the number of findings, or an
 * error. */
int verify_directory(const char *directory, struct reel *reel, const struct verifier *verifier,
                     struct reel_error *error);

#endif
