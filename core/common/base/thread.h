/* thread.h: a thread that is nobody's business outside. */
#ifndef REEL_BASE_THREAD_H
#define REEL_BASE_THREAD_H

#include <pthread.h>

/* Starts a thread to which no signal is delivered, except those of its own faults: what the program
 * does about signals is left to the program. Returns 0 or a negative errno value. */
int thread_start(pthread_t *ret, void *(*run)(void *context), void *context);

#endif
