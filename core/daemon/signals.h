/* signals.h: the signals that the daemon waits for, and the one that it sends to itself.
 *
 *     SIGTERM, SIGINT   the daemon ends; see signals_release
 *     SIGHUP            `reload` is called
 *     SIGUSR1           sent by signals_quit; from other processes, it is ignored
 */
#ifndef REEL_DAEMON_SIGNALS_H
#define REEL_DAEMON_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

struct signals {
    sigset_t waited;
    pthread_t waiter;
    atomic_bool quitting; /* signals_quit was called */
    atomic_int exit_code;
};

/* Blocks the signals, in this thread and in threads that it starts. [main thread, before others] */
void signals_block(struct signals *signals);

/* Waits until the daemon must end. [the thread that called signals_block] */
void signals_wait(struct signals *signals, void (*reload)(void *context), void *context);

/* From now on, SIGTERM and SIGINT end the process at once. */
void signals_release(void);

/* Ends the daemon as a first SIGTERM does. Further calls have no effect, except that the first exit
 * code that is not 0 is used. [any thread] */
void signals_quit(struct signals *signals, int exit_code);

#endif
