/* guard.h: the inside of a case's process: whose turn it is, how long that takes, and how the
 * process ends. */
#ifndef REEL_CHECK_GUARD_H
#define REEL_CHECK_GUARD_H

#include "check/sheet.h"

#include <reel/reel.h>

/* CPU time after which a callback is taken to be one that never returns. */
#define HANG_CPU_MS 1000

/* From here on a callback that never returns ends the process: with a finding, or, if it is only
 * being `learned` about, without. After a fork the child begins anew. */
void guard_begin(struct sheet *sheet, bool learning);

/* Around each call of the plugin's code. `shown` is what it is about. */
void guard_turn(enum check_turn turn, struct reel_str shown);
void guard_done(void);

/* What a finding is about, if not about the last turn; none: nothing that can be shown. */
void guard_show(struct reel_str shown);

/* CPU time of the last turn, if it was to be measured. */
void guard_measure(void);
uint64_t guard_turn_cpu_ns(void);

/* CPU time of the process so far. */
uint64_t guard_cpu_ns(void);

/* A finding, which ends the process; or what kept us from looking. */
__attribute__((noreturn)) REEL_PRINTF(1, 2)
void guard_found(const char *format, ...);
__attribute__((noreturn)) REEL_PRINTF(1, 2)
void guard_trouble(const char *format, ...);

/* For what returns 0 or a negative code and says why. */
void guard_must(int rc, const struct reel_error *error);

#endif
