/* fold.h: one callback of a projector at a time: what it may do, and undoing what it did.
 *
 * There is one fold for each Reel. Around each evolve and each decide it notes whose turn it is
 * and gives that turn a number; records and drafts carry the number of the turn that they were
 * given in. A call with another handle, or with one of another collection, is the plugin's fault:
 * it changes nothing, and the event is rejected when the callback returns.
 *
 * Errors of the host's own (no memory, the store) are not the plugin's: they end the whole
 * transaction.
 */
#ifndef REEL_ENGINE_FOLD_FOLD_H
#define REEL_ENGINE_FOLD_FOLD_H

#include "engine/fold/collection.h"
#include "engine/fold/warnings.h"

#include <pthread.h>
#include <stdatomic.h>

/* The largest record, JSON text of its values together. */
#define RECORD_BYTES_MAX ((size_t)64 << 20)

/* Longest reason that is kept, with its NUL. */
#define REASON_BYTES 1024

enum fold_turn {
    TURN_NONE,
    TURN_EVOLVE,
    TURN_DECIDE,
};

struct fold {
    const struct reel_host *host; /* the table that handles lead to */
    enum fold_turn turn;
    pthread_t thread;              /* that it is on */
    uint64_t number;               /* of this turn; 0 is never one */
    struct collection *collection; /* whose turn it is */
    uint64_t seq;                  /* of the event */
    struct arena arena;            /* of the transaction */

    struct change **touched; /* in this turn */
    size_t touched_count, touched_size;

    bool rejected;             /* reel_reject was called */
    bool faulted;              /* the plugin broke a rule; the first time counts */
    char reason[REASON_BYTES]; /* of either */
    int failed;                /* an error of the host's own, or 0 */
    struct reel_error error;

    /* What other threads may see of the turn. `shown_number` is 0 between turns; the others are
     * valid while it does not change. */
    atomic_uint_least64_t shown_number, shown_seq;
    _Atomic(const char *) shown_collection;

    uint32_t key_bytes_max;
    struct warnings warnings; /* of all that is said in a turn */
};

void fold_finish(struct fold *fold);

/* Runs `evolve`. REEL_REJECTED leaves `reason`, and no change. Negative: an error of the host. */
int fold_evolve(struct fold *fold, struct collection *collection, const struct reel_event *event,
                uint64_t seq, struct reel_error *error);

/* Around a `decide`. After fold_end, `faulted` and `failed` say how it went. */
void fold_begin(struct fold *fold, enum fold_turn turn, struct collection *collection,
                uint64_t seq);
void fold_end(struct fold *fold);

/* In each call of a plugin with a handle: is it on the thread of the callback that runs? A call on
 * another one may change what the callback is about to answer: the process ends before anything of
 * that can be durable. */
__attribute__((noreturn, cold)) void fold_wrong_thread(const struct fold *fold);
static inline void fold_check_thread(const struct fold *fold) {
    if (fold->turn != TURN_NONE && !pthread_equal(fold->thread, pthread_self()))
        fold_wrong_thread(fold);
}

/* The callback that runs now; number 0: none does. [any thread] */
struct fold_shown {
    uint64_t number;
    const char *collection;
    uint64_t seq; /* of the event; of a command, where the log stood */
};
struct fold_shown fold_show(struct fold *fold);

/* A line for the operator about the event whose turn it is, unless there were too many of its kind
 * (warnings.h). */
REEL_PRINTF(2, 0)
void fold_warn(struct fold *fold, const char *format, va_list args);

/* The plugin whose turn it is broke a rule. In an `evolve` the operator is told. */
REEL_PRINTF(2, 3)
void fold_fault(struct fold *fold, const char *format, ...);

/* A plugin's message as it is kept: formatted, cut, without control characters. */
REEL_PRINTF(3, 0)
void message_format(char *ret, size_t size, const char *format, va_list args);

/* Notes what the record is now, once a turn, before it is changed. */
bool fold_save(struct fold *fold, struct change *change);

#endif
