/* thread.c: see thread.h. */
#include "base/thread.h"

#include "base/invariant.h"

#include <signal.h>
#include <string.h>

int thread_start(pthread_t *ret, const char *name, void *(*run)(void *context), void *context) {
    static const int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
    sigset_t blocked, before;
    INVARIANT(strlen(name) <= THREAD_NAME_MAX); /* a longer one is not shown at all */
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(ret, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) pthread_setname_np(*ret, name);
    return -rc;
}
