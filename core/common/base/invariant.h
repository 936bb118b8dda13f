/* invariant.h: conditions that Reel's own code must keep: head ≥ cursor, seqs rise, a lock is held.
 *
 * INVARIANT is checked in every build. If it is violated, Reel has a fault, and no state can be
 * trusted. A sentence is written to standard error, and the process ends by SIGABRT, before a wrong
 * state becomes durable or visible. Never use it for input from outside (events, files, plugins, a
 * full disk), which needs a check and an error.
 *
 * INVARIANT_COSTLY is for checks that walk a data structure. They are left out of builds with
 * NDEBUG.
 *
 * What has several states has a table of moves: for each state the states that may follow it, as
 * STATE_BITs. A function that sets the state checks the move: INVARIANT(moves[from] &
 * STATE_BIT(to)).
 */
#ifndef REEL_BASE_INVARIANT_H
#define REEL_BASE_INVARIANT_H

#define INVARIANT(holds)                                                                           \
    (__builtin_expect(!(holds), 0) ? invariant_failed(#holds, __FILE__, __LINE__) : (void)0)

#ifdef NDEBUG
#define INVARIANT_COSTLY(holds) ((void)sizeof(holds))
#else
#define INVARIANT_COSTLY(holds) INVARIANT(holds)
#endif

#define STATE_BIT(state) (1u << (state))

__attribute__((noreturn, cold)) void invariant_failed(const char *what, const char *file, int line);

#endif
