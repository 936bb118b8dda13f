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

    uint32_t key_bytes_max;
    void (*warn)(void *context, const char *line);
    void *context;
};

void fold_finish(struct fold *fold);

/* Runs `evolve`. REEL_REJECTED leaves `reason`, and no change. Negative: an error of the host. */
int fold_evolve(struct fold *fold, struct collection *collection, const struct reel_event *event,
                uint64_t seq, struct reel_error *error);

/* Around a `decide`. After fold_end, `faulted` and `failed` say how it went. */
void fold_begin(struct fold *fold, enum fold_turn turn, struct collection *collection,
                uint64_t seq);
void fold_end(struct fold *fold);

/* The plugin whose turn it is broke a rule. */
REEL_PRINTF(2, 3)
void fold_fault(struct fold *fold, const char *format, ...);

/* A plugin's message as it is kept: formatted, cut, without control characters. */
REEL_PRINTF(3, 0)
void message_format(char *ret, size_t size, const char *format, va_list args);

/* Notes what the record is now, once a turn, before it is changed. */
bool fold_save(struct fold *fold, struct change *change);

#endif
