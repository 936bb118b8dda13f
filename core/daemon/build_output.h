/* build_output.h: what a builder (builder.h) says on its stdout, line by line:
 *
 *     change SEQ OBJECT      one change of the record that it watches (build_change_write)
 *     done SEEN MORE         the last line: how many changes there were, MORE: 1 if it left some
 * out failed ERRNO SENTENCE  or this one
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
    uint64_t first_seq, last_seq; /* of the changes */
    uint64_t seen;
    bool more;
};

/* -EBADMSG: it is not complete, or not of this form. -ENOMEM. build_output_finish in any case. */
int build_output_read(struct reel_str bytes, struct build_output *ret);
void build_output_finish(struct build_output *output);

#endif
