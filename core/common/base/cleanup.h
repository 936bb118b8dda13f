/* cleanup.h: local variables that release themselves. Not for installed headers. */
#ifndef REEL_BASE_CLEANUP_H
#define REEL_BASE_CLEANUP_H

#include "base/invariant.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free(void *p) {
    free(*(void **)p);
}
static inline void cleanup_close(int *fd) {
    if (*fd >= 0) close(*fd);
}
static inline void cleanup_unlock(pthread_mutex_t **mutex) {
    if (*mutex) pthread_mutex_unlock(*mutex);
}

#define AUTO_FREE   CLEANUP(cleanup_free)
#define AUTO_CLOSE  CLEANUP(cleanup_close)
#define AUTO_UNLOCK __attribute__((unused)) CLEANUP(cleanup_unlock) /* only for its destructor */

static inline pthread_mutex_t *lock_acquire(pthread_mutex_t *mutex) {
    int rc = pthread_mutex_lock(mutex);
    INVARIANT(rc == 0); /* it is initialized, and this thread does not hold it */
    return mutex;
}

/* True if a thread holds the lock. For invariants of functions that are called with the lock
 * held. */
static inline bool lock_is_held(pthread_mutex_t *mutex) {
    if (pthread_mutex_trylock(mutex) != 0) return true;
    pthread_mutex_unlock(mutex);
    return false;
}

/* Locks until the end of the scope. */
#define HOLD_LOCK(mutex) AUTO_UNLOCK pthread_mutex_t *held_lock = lock_acquire(mutex)

/* Returns a pointer and sets the variable to NULL: the local variable does not own the object any
 * more. */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) taken = (p);                                                                 \
        (p) = NULL;                                                                                \
        taken;                                                                                     \
    })

#endif
