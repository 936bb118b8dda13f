/* hangs.h: finds a callback of a plugin that does not return, from outside of the process; and says
 * which one it was, or which one was running when the process ended.
 *
 * Time is counted in ticks. A tick counts against a callback if it came on time, so that a machine
 * that was suspended is not a plugin that hangs; and if the thread has used the processor in it, or
 * sleeps. A thread that waits for the disk, or for its turn on a busy machine, does not hang.
 */
#ifndef REEL_DAEMON_HANGS_H
#define REEL_DAEMON_HANGS_H

#include "engine/engine.h"

struct hangs {
    uint32_t evolve_ms_max, decide_ms_max; /* of decide and canonical_key, too */
    uint32_t tick_ms;
    uint64_t looked_ms; /* 0: not yet */
    struct {
        uint64_t number; /* of the callback that was seen last */
        uint64_t cpu;    /* of its thread, in ticks of the system */
        uint32_t counted_ms;
    } slots[CALLBACK_SLOTS];
};

void hangs_init(struct hangs *hangs, uint32_t evolve_ms_max, uint32_t decide_ms_max);

/* Before another process is watched. */
void hangs_reset(struct hangs *hangs);

/* Call it each `tick_ms`. Returns the number of a slot, and 1, whose callback has exceeded its
 * limit; or 0. `ret_ms`: the limit. */
int hangs_look(struct hangs *hangs, const struct callback_page *page, pid_t process,
               uint64_t now_ms, uint32_t *ret_ms);

/* "collection `cells`: event 17: the projector crashed (SIGSEGV)", of the callback in this slot,
 * and 1; 0: of the first one that runs. `signal` has ended the process, or 0; `hung_ms`: it has not
 * returned within that, or 0. False: none runs. Everything in the page may have been written by a
 * plugin. */
bool hangs_describe(const struct callback_page *page, int slot, int signal, uint32_t hung_ms,
                    struct reel_error *ret);

#endif
