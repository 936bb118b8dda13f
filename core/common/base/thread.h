/* thread.h: starts threads. */
#ifndef REEL_BASE_THREAD_H
#define REEL_BASE_THREAD_H

#include <pthread.h>

/* Longest name that Linux shows. */
#define THREAD_NAME_MAX 15

/* Starts a thread with a name of at most THREAD_NAME_MAX bytes ("reel-intake"), to which no signal
 * is delivered, except those of faults: what the program does about signals is left to the
 * program. Returns 0 or a negative errno value. */
int thread_start(pthread_t *ret, const char *name, void *(*run)(void *context), void *context);

#endif
