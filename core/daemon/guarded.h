/* guarded.h: runs a function in a process of its own, which a damaged file may end: LMDB trusts the
 * file that it maps.
 */
#ifndef REEL_DAEMON_GUARDED_H
#define REEL_DAEMON_GUARDED_H

/* What the function does now, for the sentence if it does not return. It must be constant. */
void guarded_begins(const char *what);

/* Returns what `fn` returns, an exit code. If it does not return, prints a line to stdout: what it
 * did, and the signal; EXIT_FAILED. Only while this process has one thread. */
int guarded_run(const char *directory, int (*fn)(void *context), void *context);

#endif
