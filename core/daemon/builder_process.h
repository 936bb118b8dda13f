/* builder_process.h: one run of a builder, which is the process `reeld build` (build.c): starts it,
 * reads what it prints until it ends, and judges that, and the way in which it ended.
 */
#ifndef REEL_DAEMON_BUILDER_PROCESS_H
#define REEL_DAEMON_BUILDER_PROCESS_H

#include "base/error.h"
#include "base/text.h"
#include "daemon/build_output.h"

struct builder_run {
    const int *descriptors; /* that stay open in the process */
    size_t descriptor_count;
    uint64_t time_ms_max;
    uint32_t evolve_ms_max, decide_ms_max;                  /* of each callback: hangs.h */
    const char *time_setting, *cpu_setting, *bytes_setting; /* which say how much it may take */
    bool (*is_cancelled)(const void *context);              /* called now and then, until it ends */
    const void *context;
};

/* Adds an argument, written as by printf, with its NUL. */
#define builder_put(arguments, ...)                                                                \
    (text_append_format((arguments), __VA_ARGS__), text_append((arguments), "", 1))

/* Waits for the end. Both results begin empty, and are to be finished in any case; `ret` borrows
 * from `ret_printed`. -EAGAIN: another run may succeed; -E2BIG: it takes more than it may; -ESTALE;
 * -ECANCELED; -EIO. */
int builder_run(const struct builder_run *run, const struct text *arguments,
                struct text *ret_printed, struct build_output *ret, struct reel_error *error);

#endif
