/* clock.h: the time of day; the monotonic clock; waiting by the monotonic clock. */
#ifndef REEL_BASE_CLOCK_H
#define REEL_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

/* The time of day, in ns since 1970, UTC. Use it for times that are stored or shown, never for
 * waiting. */
uint64_t clock_now_ns(void);

/* Writes such a time as RFC 3339, to the millisecond. The result is in `space`. */
#define CLOCK_TEXT_MAX 48
const char *clock_text(uint64_t time_ns, char space[CLOCK_TEXT_MAX]);

/* What this process has used of processors. */
uint64_t clock_used_ns(void);

/* The monotonic clock. */
uint64_t clock_ns(void);
uint64_t clock_ms(void);

/* Milliseconds until this time (clock_ms); 0 if it is past. */
uint32_t clock_left_ms(uint64_t until_ms);

/* This time, and the time in `ms` milliseconds, for pthread_cond_timedwait on a condition that
 * clock_condition has initialized. */
struct timespec clock_at(uint64_t ns);
struct timespec clock_after(uint32_t timeout_ms);
void clock_condition(pthread_cond_t *ret);

#endif
