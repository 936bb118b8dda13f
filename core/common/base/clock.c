/* clock.c: see clock.h. */
#include "base/clock.h"

#include <stdio.h>

static uint64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void) {
    return read_clock(CLOCK_REALTIME);
}

const char *clock_text(uint64_t time_ns, char space[CLOCK_TEXT_MAX]) {
    char second[32];
    struct tm utc;
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    gmtime_r(&seconds, &utc);
    strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(space, CLOCK_TEXT_MAX, "%s.%03uZ", second, (unsigned)(time_ns % NS_PER_S / 1000000));
    return space;
}

uint64_t clock_used_ns(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t clock_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void) {
    return clock_ns() / 1000000;
}

uint32_t clock_left_ms(uint64_t until_ms) {
    uint64_t now = clock_ms();
    return now < until_ms ? (uint32_t)(until_ms - now) : 0;
}

struct timespec clock_at(uint64_t ns) {
    struct timespec at = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return at;
}

struct timespec clock_after(uint32_t timeout_ms) {
    return clock_at(clock_ns() + (uint64_t)timeout_ms * 1000000);
}

void clock_condition(pthread_cond_t *ret) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(ret, &monotonic);
    pthread_condattr_destroy(&monotonic);
}
