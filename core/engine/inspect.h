/* inspect.h: what the directory of a Reel has in it, from headers and from the last checkpoint
 * (`reeld inspect`). Nothing is changed, and another process may have the directory open.
 *
 * It says what is there, as far as it can be read; verify.h says whether it is what it should be.
 */
#ifndef REEL_ENGINE_INSPECT_H
#define REEL_ENGINE_INSPECT_H

#include "engine/log/files.h"
#include "engine/store/stored.h"

struct inspection {
    bool live; /* another process has it open */
    bool incomplete;

    struct log_file *files;
    size_t file_count;
    bool has_log;         /* its end could be found: the members below are set */
    char log_error[1024]; /* else: why not */
    uint8_t epoch[16];    /* as the log has it, which may be ahead of the checkpoint */
    uint64_t first_seq, first_deletion, head, controls;
    bool mirrors, is_backup;
    uint64_t beyond_bytes; /* of the files: what the log has beyond the checkpoint's cursor */

    bool has_state;
    char state_error[1024];
    struct stored stored; /* its transaction has ended */
    struct stored_sizes sizes;
};

/* -ENOENT: there is no store; -EPROTO: it has another format. inspection_finish in any case. */
int inspect_directory(const char *directory, struct inspection *ret, struct reel_error *error);
void inspection_finish(struct inspection *inspection);

#endif
