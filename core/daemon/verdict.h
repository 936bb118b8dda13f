/* verdict.h: what a worker has died of, and what must not be given to a plugin again for it.
 *
 * Which callback is to blame:
 *   - one that does not return (hangs.h): the supervisor has ended the worker for it;
 *   - the callback that ran on the thread that ended the process, by a signal or by exit(): the
 *     worker has said so (callbacks_blame);
 *   - if the process has ended without a chance to say anything (SIGKILL, _exit()): the only
 *     callback that ran, if the same happens again with the same event. An operator, or the system
 *     when memory is short, may have killed a worker that did nothing wrong.
 * In all other cases, no plugin is to blame.
 *
 * What the callback was given is set aside (set_aside.h). A collection for which this has happened
 * `strikes_max` times within `strikes_s` is stopped.
 */
#ifndef REEL_DAEMON_VERDICT_H
#define REEL_DAEMON_VERDICT_H

#include "engine/engine.h"

struct verdicts {
    const char *directory; /* of the store */
    uint32_t strikes_max, strikes_s;

    /* Of the last worker that ended without a word: what its only callback was given. */
    bool has_suspect;
    uint8_t suspect[CALLBACK_HASH_BYTES];
};

struct verdict {
    bool is_plugin;    /* a callback is to blame */
    bool is_set_aside; /* and what it was given is set aside */
    bool has_caller;   /* it was a command of this caller */
    uint8_t caller[CALLBACK_HASH_BYTES];
    char sentence[512]; /* for the operator: what happened */
};

/* `hung` and `hung_ms`: the slot, and 1, of the callback for which the worker was ended; or 0.
 * `was_told`: the worker was asked to end. */
void verdict_find(struct verdicts *verdicts, struct callback_page *page, int status, int hung,
                  uint32_t hung_ms, struct verdict *ret);

#endif
