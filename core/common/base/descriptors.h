/* descriptors.h: standard input, output and error are open, whoever started the program. */
#ifndef REEL_BASE_DESCRIPTORS_H
#define REEL_BASE_DESCRIPTORS_H

/* A program that is started with standard descriptors closed gets their numbers for the next files
 * that it opens; what it then prints is written into those files. This call opens /dev/null for
 * each standard descriptor that is closed. Standard input and output are opened the wrong way
 * round, so that reading and writing them fails with EBADF as if they were still closed: a result
 * that cannot be printed is an error. What is written to standard error is discarded.
 * Returns 0 or a negative errno value. [before there are threads] */
int descriptors_reserve_standard(void);

#endif
