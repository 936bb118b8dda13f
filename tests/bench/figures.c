/* figures.c: see figures.h. */
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double seconds_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void sleep_until(double when) {
    struct timespec time = {.tv_sec = (time_t)when};
    time.tv_nsec = (long)((when - (double)time.tv_sec) * 1e9);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
}

void add_run(struct series *series, double rate, double measure, double cpu) {
    if (rate > series->best) series->best = rate;
    series->ratios[series->count] = rate / measure;
    series->cpu[series->count++] = cpu;
}

static int by_size(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double quantile(double *values, size_t count, double part) {
    qsort(values, count, sizeof *values, by_size);
    return values[(size_t)((double)count * part)];
}

void samples_add(struct samples *samples, double value) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 1024;
        samples->values = realloc(samples->values, samples->room * sizeof *samples->values);
        if (!samples->values) abort();
    }
    samples->values[samples->count++] = value;
}

void print_series(const char *what, struct series *series, const char *unit, double divisor,
                  const char *measure) {
    double middle = quantile(series->ratios, series->count, 0.5);
    printf("%-52s %9.*f %-10s %6.3f x %s (%.3f to %.3f)", what, divisor > 1 ? 2 : 0,
           series->best / divisor, unit, middle, measure, series->ratios[0],
           series->ratios[series->count - 1]);
    double cpu = quantile(series->cpu, series->count, 0.5);
    if (cpu > 0) printf("  %.1f us of processor", cpu * 1e6);
    putchar('\n');
    fflush(stdout);
}
