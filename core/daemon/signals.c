/* signals.c: see signals.h. */
#include "daemon/signals.h"

#include "base/exit_code.h"
#include "daemon/log.h"

#define SELF "reeld"

/* This signal stays blocked while the daemon ends. So a second signals_quit has no effect, but a
 * second SIGTERM ends the process. */
#define SIGNAL_QUIT SIGUSR1

void signals_block(struct signals *signals) {
    signals->waiter = pthread_self();
    sigemptyset(&signals->waited);
    sigaddset(&signals->waited, SIGTERM);
    sigaddset(&signals->waited, SIGINT);
    sigaddset(&signals->waited, SIGHUP);
    sigaddset(&signals->waited, SIGNAL_QUIT);
    pthread_sigmask(SIG_BLOCK, &signals->waited, NULL);
}

void signals_quit(struct signals *signals, int exit_code) {
    int good = EXIT_GOOD;
    atomic_compare_exchange_strong(&signals->exit_code, &good, exit_code);
    atomic_store(&signals->quitting, true);
    pthread_kill(signals->waiter, SIGNAL_QUIT);
}

void signals_wait(struct signals *signals, void (*reload)(void *context), void *context) {
    siginfo_t info;
    for (;;) {
        int signal = sigwaitinfo(&signals->waited, &info);
        if (signal == SIGTERM || signal == SIGINT) return;
        if (signal == SIGNAL_QUIT && atomic_load(&signals->quitting)) return;
        if (signal == SIGHUP) reload(context);
        if (signal == SIGNAL_QUIT)
            log_line(REEL_LEVEL_WARNING, SELF, "SIGUSR1 from process %ld is ignored",
                     (long)info.si_pid);
    }
}

void signals_release(void) {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}
