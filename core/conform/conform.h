/* conform.h: `reeld conform URL`: examines how a running daemon, and everything in front of it, is
 * followed: by WebSocket and by server-sent events, events and records, with connections that are
 * cut at every byte. It is a client like any other, and knows nothing of the engine.
 *
 * It has a client of its own (target.h to frames.h): it must cut a connection at an exact byte of
 * the answer, and see what a library hides. libcurl of Debian 12 has WebSocket only as an
 * experiment, and does not tell bytes from frames. */
#ifndef REEL_CONFORM_CONFORM_H
#define REEL_CONFORM_CONFORM_H

/* `argv[0]` is the name of the command. Returns the exit code: EXIT_GOOD: no check has failed;
 * EXIT_FAILED: one has, or the server has refused the token or has no such collection; EXIT_USAGE;
 * EXIT_UNREACHABLE: there was no connection. */
int conform(int argc, char **argv);

#endif
