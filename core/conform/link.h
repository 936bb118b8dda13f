/* link.h: one connection to the server, plain or TLS. No call blocks beyond its time. */
#ifndef REEL_CONFORM_LINK_H
#define REEL_CONFORM_LINK_H

#include "conform/target.h"

struct link;

/* -ETIMEDOUT, -ECONNREFUSED and others: the sentence says what was tried. */
int link_open(const struct target *target, struct link **ret, struct reel_error *error);

/* Sends all bytes, within the time of the target. */
int link_write(struct link *link, struct reel_str bytes, struct reel_error *error);

/* Receives at least one byte, at most `size`; waits until `until_ms` (clock_ms) for it. Returns
 * their number; 0: the server has ended the connection; -ETIMEDOUT: nothing came; other: the
 * connection was lost. */
ssize_t link_read(struct link *link, char *to, size_t size, uint64_t until_ms,
                  struct reel_error *error);

/* The socket, for poll. There may be bytes that were received although it is not readable:
 * link_has_bytes. */
int link_fd(const struct link *link);
bool link_has_bytes(const struct link *link);

/* Ends the connection; accepts NULL. `as_if_lost`: the server is sent a reset, as from a machine
 * that has lost the connection, and no port of ours stays in TIME_WAIT. */
void link_close(struct link *link, bool as_if_lost);

#endif
