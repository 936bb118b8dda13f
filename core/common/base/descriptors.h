/* descriptors.h: makes sure that standard input, output and error are open. */
#ifndef REEL_BASE_DESCRIPTORS_H
#define REEL_BASE_DESCRIPTORS_H

/* If a program is started with closed standard descriptors, the next files that it opens get their
 * numbers, and its output is written into these files. This call opens /dev/null for each standard
 * descriptor that is closed. Standard input is opened for writing, and standard output for reading.
 * So using them fails with EBADF, as if they were closed, and a result that cannot be printed is an
 * error. Text that is written to standard error is discarded. Returns 0 or a negative errno value.
 * [before there are threads] */
int descriptors_reserve_standard(void);

#endif
