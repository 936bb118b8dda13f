/* fold.h: runs one callback of a projector at a time, checks its calls, and undoes its changes.
 *
 * There is one fold for each Reel. For each call of evolve or decide, it stores whose turn it is,
 * and gives the turn a number. Records and drafts have the number of the turn in which the plugin
 * received them. A call with an older handle, or with a handle of another collection, is a fault of
 * the plugin: it changes nothing, and the event is rejected when the callback returns.
 *
 * What one event does to one collection is a step: one call of evolve, or for a derived collection
 * a call of derive for each change of its source. A rejection undoes the step.
 *
 * Errors of the host itself (no memory, an error of the store) are not faults of the plugin. They
 * end the whole transaction.
 */
#ifndef REEL_ENGINE_FOLD_FOLD_H
#define REEL_ENGINE_FOLD_FOLD_H

#include "engine/fold/callbacks.h"
#include "engine/fold/collection.h"
#include "engine/fold/set_aside.h"
#include "engine/fold/warnings.h"
#include "engine/fold/writer.h"
#include "json/parser.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

/* Largest record: its JSON text. */
#define RECORD_BYTES_MAX WRITER_BYTES_MAX

/* Most that one event may change: records, and bytes of them. */
#define EVENT_RECORDS_MAX      100000
#define EVENT_RECORD_BYTES_MAX ((size_t)32 << 20)

/* Longest reason that is stored, with its NUL. */
#define REASON_BYTES 1024

/* Records of a source as they were before an event, of which handles were given. */
#define FOLD_BEFORES 8

enum fold_turn {
    TURN_NONE,
    TURN_EVOLVE, /* or derive */
    TURN_DECIDE,
};

struct fold {
    const struct reel_host *host; /* the table to which handles point */
    enum fold_turn turn;
    pthread_t thread;              /* that it is on */
    uint64_t number;               /* of this turn; 0 is never one */
    uint64_t step;                 /* the number of the first turn of the step */
    bool changed;                  /* this turn has changed a record */
    struct collection *collection; /* whose turn it is */
    uint64_t seq;                  /* of the event */
    struct arena arena;            /* memory of the transaction */
    struct arena lent;             /* memory of this turn: values of fields that were read */
    struct json_parser *parser;    /* of such values; made when needed */
    struct writing writing;        /* the JSON value that is being built */

    struct change befores[FOLD_BEFORES]; /* the newest is at `before` */
    uint32_t before;

    bool rejected;             /* reel_reject was called */
    bool faulted;              /* the plugin has broken a rule; only the first time is stored */
    char reason[REASON_BYTES]; /* of the rejection or the fault */
    int failed;                /* an error of the host, or 0 */
    struct reel_error error;

    struct reel_str event;       /* the bytes of the event that is folded now */
    struct set_aside_list aside; /* what plugins must not be given; does not change */

    /* For other threads, and other processes: what is running. `own_slot` if this process is not
     * watched. */
    struct callback_slot own_slot;
    bool is_eager;                      /* callbacks_are_eager */
    struct callback_slot *_Atomic slot; /* NULL: there was no turn yet */
    _Atomic(const char *) shown_collection;

    uint32_t key_bytes_max;
    struct warnings warnings; /* warnings to the operator */
};

void fold_finish(struct fold *fold);

/* Runs `evolve`, unless the event does not fit the projector's strict declaration (fit.h).
 * REEL_REJECTED: `reason` is set, and all changes are undone. Negative: an error of the host. */
int fold_evolve(struct fold *fold, struct collection *collection, const struct reel_event *event,
                uint64_t seq, struct reel_error *error);

/* Runs `derive` of a derived collection for each change of its source in this event, of which there
 * is at least one (changes_net). As fold_evolve. */
int fold_derive(struct fold *fold, struct collection *collection, uint64_t seq,
                struct reel_error *error);

/* Runs `derive` for one record of the source that exists, as if it had just been made. As
 * fold_evolve. */
int fold_derive_record(struct fold *fold, struct collection *collection, struct change *record,
                       uint64_t seq, struct reel_error *error);

/* Rejects the event for a collection whose projector has ended the process with it: `reason` is
 * set. */
int fold_reject_set_aside(struct fold *fold, uint32_t signal, uint32_t ms);

/* Stand before and after `decide`. After fold_end, `faulted` and `failed` have the result. */
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
    uint64_t seq; /* seq of the event; for a command, the head of the log */
};
struct fold_shown fold_show(struct fold *fold);

/* Writes a line for the operator about the present event, unless there were too many lines of its
 * kind (warnings.h). */
void fold_warn(struct fold *fold, struct reel_str kind, struct reel_str text);

/* Stores that the plugin has broken a rule. In `evolve`, the operator gets a line. */
REEL_PRINTF(2, 3)
void fold_fault(struct fold *fold, const char *format, ...);

/* Format or copy a message. It is cut to `size` bytes with its NUL; control characters and bytes
 * that are not UTF-8 are replaced. */
REEL_PRINTF(3, 0)
void message_format(char *ret, size_t size, const char *format, va_list args);
void message_copy(char *ret, size_t size, struct reel_str text);

/* After a callback: a JSON value that is not complete (writer.h) is a fault. */
void fold_check_writing(struct fold *fold);

/* Stores the state of a record before its first change in a step. */
bool fold_save(struct fold *fold, struct change *change);

#endif
