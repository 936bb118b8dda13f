/* visit.h: the directory of a Reel that is looked at and not opened: another process may have it
 * open. While none has, none can open it before the visit ends.
 */
#ifndef REEL_ENGINE_VISIT_H
#define REEL_ENGINE_VISIT_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct visit {
    char *log_path, *state_path;
    int lock;        /* reel.lock; -1: there is none, as in a backup */
    bool live;       /* another process has it open */
    bool incomplete; /* it is an interrupted backup */
};

/* -ENOENT: there is no store; -EPROTO: it has another format. visit_end in any case. */
int visit_begin(struct visit *visit, const char *directory, struct reel_error *error);
void visit_end(struct visit *visit);

/* If another process has it open: which one. 0: it is not known. */
pid_t visit_user(const struct visit *visit);

#endif
