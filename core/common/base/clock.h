/* clock.h: the time of day; the clock that only goes forward, and waiting by it. */
#ifndef REEL_BASE_CLOCK_H
#define REEL_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* The time of day, in ns since 1970, UTC: for what is stored or shown, never for waiting. */
uint64_t clock_now_ns(void);

/* The clock that only goes forward. */
uint64_t clock_ns(void);
uint64_t clock_ms(void);

/* How long it is until then (clock_ms); 0: it is past. */
uint32_t clock_left_ms(uint64_t until_ms);

/* That moment, and the one in so many milliseconds, for pthread_cond_timedwait on a condition that
 * clock_condition has made. */
struct timespec clock_at(uint64_t ns);
struct timespec clock_after(uint32_t timeout_ms);
void clock_condition(pthread_cond_t *ret);

#endif
