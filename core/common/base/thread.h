/* thread.h: threads of our own. */
#ifndef REEL_BASE_THREAD_H
#define REEL_BASE_THREAD_H

#include <pthread.h>

/* Starts a thread with a name of at most 15 bytes ("reel-intake"), to which no signal is delivered,
 * except those of its own faults: what the program does about signals is left to the program.
 * Returns 0 or a negative errno value. */
int thread_start(pthread_t *ret, const char *name, void *(*run)(void *context), void *context);

#endif
