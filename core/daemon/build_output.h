/* build_output.h: what a builder (builder.h) says on its stdout, line by line:
 *
 *     change SEQ OBJECT      one change of the record that it watches (build_change_write)
 *     collection NAME WHY    a candidate (candidate.h) would fold this collection otherwise
 *     done SEEN MORE         the last line: how many changes there were, and 1 if some were left
 *                            out, or 0
 *     failed ERRNO SENTENCE  or this one
 *
 * The builder runs code of plugins: nothing of this is trusted.
 */
#ifndef REEL_DAEMON_BUILD_OUTPUT_H
#define REEL_DAEMON_BUILD_OUTPUT_H

#include "base/error.h"
#include "base/text.h"

struct build_output {
    int rc; /* 0, or the negative errno value of `failed` */
    struct reel_error error;
    struct reel_str *changes; /* objects, in the output's bytes; the list is owned */
    size_t count;
    struct reel_str *collections; /* NAME WHY, in the output's bytes; the list is owned */
    size_t collection_count;
    uint64_t last_seq; /* of the changes */
    uint64_t seen;
    bool more;
};

/* -EBADMSG: it is not complete, or not of this form. -ENOMEM. build_output_finish in any case. */
int build_output_read(struct reel_str bytes, struct build_output *ret);
void build_output_finish(struct build_output *output);

#endif
