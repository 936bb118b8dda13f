/* visit.h: the directory of a Reel that is looked at and not opened: another process may have it
 * open. While none has, none can open it before the visit ends.
 */
#ifndef REEL_ENGINE_VISIT_H
#define REEL_ENGINE_VISIT_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct log;
struct stored;

struct visit {
    char *log_path, *state_path;
    int lock;        /* reel.lock; -1: there is none, as in a backup */
    bool live;       /* another process has it open */
    bool incomplete; /* it is an interrupted backup */
};

/* -ENOENT: there is no store; -EPROTO: it has another format. visit_end in any case. */
int visit_begin(struct visit *visit, const char *directory, struct reel_error *error);
void visit_end(struct visit *visit);

/* Opens the state and the log, to be read; both are to be closed in any case (stored_close,
 * log_close). The state comes first: so the log has all that the state knows. Beside another
 * process, which may just be replacing files, it is tried more than once. */
int visit_open(const struct visit *visit, struct stored *stored, struct log **ret_log,
               struct reel_error *error);

/* If another process has it open: which one. 0: it is not known. */
pid_t visit_user(const struct visit *visit);

#endif
