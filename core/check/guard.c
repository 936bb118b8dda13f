/* guard.c: see guard.h.
 *
 * A callback that never returns is detected by its CPU time, not by a clock: a timer ticks while
 * the process computes, and finds the same callback running several times. If a callback waits
 * instead of computing, the parent detects it.
 */
#include "check/guard.h"

#include "base/invariant.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 250

static struct {
    struct sheet *sheet;
    bool learning;
    bool measured;
    uint64_t turn_began_ns, turn_cpu_ns;
    uint64_t ticked_beat;
    int ticks;
} guard;

/* ---- Ends ------------------------------------------------------------------------------------ */

/* Ends the process at once, without exit handlers, because the plugin may have registered some. */
__attribute__((noreturn)) REEL_PRINTF(2, 0)
static void end(int result, const char *format, va_list args) {
    vsnprintf(guard.sheet->finding, sizeof guard.sheet->finding, format, args);
    guard.sheet->result = result;
    _exit(0);
}

void guard_found(const char *format, ...) {
    va_list args;
    va_start(args, format);
    end(CHECK_FAILED, format, args);
}

void guard_trouble(const char *format, ...) {
    va_list args;
    va_start(args, format);
    guard.sheet->turn = CHECK_TURN_NONE;
    end(CHECK_TROUBLE, format, args);
}

void guard_must(int rc, const struct reel_error *error) {
    if (rc < 0) guard_trouble("%s", error->text);
}

/* ---- Turns ----------------------------------------------------------------------------------- */

/* Runs in a signal handler, so it uses only memory. */
static void tick(int signal) {
    static const char what[] = "it never returns: stopped after 1 s of CPU time";
    (void)signal;
    struct sheet *sheet = guard.sheet;
    bool same = sheet->turn != CHECK_TURN_NONE && sheet->beat == guard.ticked_beat;
    guard.ticks = same ? guard.ticks + 1 : 0;
    guard.ticked_beat = sheet->beat;
    if (guard.ticks * TICK_MS < HANG_CPU_MS) return;
    if (guard.learning) {
        sheet->lesson.hung = true;
        _exit(1);
    }
    memcpy(sheet->finding, what, sizeof what);
    sheet->result = CHECK_FAILED;
    _exit(0);
}

void guard_begin(struct sheet *sheet, bool learning) {
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, TICK_MS * 1000}, {0, TICK_MS * 1000}};
    guard.sheet = sheet;
    guard.learning = learning;
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &timer, NULL);
}

void guard_show(struct reel_str shown) {
    struct sheet *sheet = guard.sheet;
    sheet->shown_len = shown.len;
    if (shown.len > 0)
        memcpy(sheet->shown, shown.data, shown.len < SHOWN_BYTES ? shown.len : SHOWN_BYTES);
}

void guard_turn_again(enum check_turn turn) {
    struct sheet *sheet = guard.sheet;
    INVARIANT(sheet->turn == CHECK_TURN_NONE && turn != CHECK_TURN_NONE);
    sheet->turn = turn;
    sheet->beat++;
}

void guard_turn(enum check_turn turn, struct reel_str shown) {
    guard_show(shown);
    if (guard.measured) guard.turn_began_ns = guard_cpu_ns();
    guard_turn_again(turn);
}

void guard_done(void) {
    INVARIANT(guard.sheet->turn != CHECK_TURN_NONE);
    if (guard.measured) guard.turn_cpu_ns = guard_cpu_ns() - guard.turn_began_ns;
    guard.sheet->turn = CHECK_TURN_NONE;
}

/* ---- Time ------------------------------------------------------------------------------------ */

void guard_measure(void) {
    guard.measured = true;
}

uint64_t guard_turn_cpu_ns(void) {
    return guard.turn_cpu_ns;
}

uint64_t guard_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
