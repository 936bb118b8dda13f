/* invariant.h: what must hold by our own hand: head ≥ cursor, seqs rise, a lock is held.
 *
 * INVARIANT is checked in every build. A violation is a fault of Reel, after which no state can be
 * trusted: a sentence goes to standard error and the process ends by SIGABRT, before anything that
 * is not as it must be becomes durable or visible. It is never for what comes from outside (events,
 * files, plugins, a full disk): that gets a check and an error.
 *
 * INVARIANT_COSTLY is for checks that walk what they check: they are left out of builds with
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
