/* figures.h: runs of one thing, each beside a measure of what the machine does without it, how they
 * are printed, and the clock for them. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stddef.h>

/* Seconds of a clock that only goes forward; and sleeping until it shows this, if it does not yet.
 */
double seconds_now(void);
void sleep_until(double when);

enum { RUNS = 7 };

/* Runs of one thing, each with its neighbour's. All zero is none. */
struct series {
    double best, ratios[RUNS], cpu[RUNS];
    size_t count;
};

/* A rate, that of its measure, and the processor time that one took, seconds; 0: not known. */
void add_run(struct series *series, double rate, double measure, double cpu);

/* The best rate, in units of `divisor`; the median ratio to `measure` with the lowest and the
 * highest; processor time. Sorts the runs. */
void print_series(const char *what, struct series *series, const char *unit, double divisor,
                  const char *measure);

/* Values of any number. All zero is none; free(values). */
struct samples {
    double *values;
    size_t count, room;
};
void samples_add(struct samples *samples, double value);

/* The value below which this part of them lies, 0.5: the median. Sorts them. */
double quantile(double *values, size_t count, double part);

#endif
