/* thread.h: starts threads. */
#ifndef REEL_BASE_THREAD_H
#define REEL_BASE_THREAD_H

#include <pthread.h>

/* Starts a thread with a name of at most 15 bytes ("reel-intake"). No signals are delivered to it,
 * except those for its own faults: signals are handled by the program. Returns 0 or a negative
 * errno value. */
int thread_start(pthread_t *ret, const char *name, void *(*run)(void *context), void *context);

#endif
