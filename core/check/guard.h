/* guard.h: supervision within the process of a case: which callback is running, how long it takes,
 * and how the process ends. */
#ifndef REEL_CHECK_GUARD_H
#define REEL_CHECK_GUARD_H

#include "check/sheet.h"

#include <reel/reel.h>

/* A callback that uses more CPU time than this counts as one that never returns. */
#define HANG_CPU_MS 1000

/* From now on, a callback that never returns ends the process: with a finding, or without one while
 * `learning`. Call it again in a child after a fork. */
void guard_begin(struct sheet *sheet, bool learning);

/* Stand before and after each call of the plugin's code. `shown` is the event or command. */
void guard_turn(enum check_turn turn, struct reel_str shown);
void guard_done(void);

/* Begins another turn of the same event: what is shown stays, and its CPU time is added. */
void guard_turn_again(enum check_turn turn);

/* Sets the text that a finding shows in place of that of the last turn. Without data, it shows
 * nothing. */
void guard_show(struct reel_str shown);

/* Measures the CPU time of the turns from now on. */
void guard_measure(void);
uint64_t guard_turn_cpu_ns(void);

/* CPU time of the process so far. */
uint64_t guard_cpu_ns(void);

/* End the process: with a finding, or with a sentence why the check could not be done. */
__attribute__((noreturn)) REEL_PRINTF(1, 2)
void guard_found(const char *format, ...);
__attribute__((noreturn)) REEL_PRINTF(1, 2)
void guard_trouble(const char *format, ...);

/* Ends the process with `error` if `rc` is negative. */
void guard_must(int rc, const struct reel_error *error);

#endif
