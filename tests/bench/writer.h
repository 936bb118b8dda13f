/* writer.h: what is left of a server that sends when nothing but the system calls are: a process
 * that writes the same bytes to each of its sockets when it is told to. */
#ifndef BENCH_WRITER_H
#define BENCH_WRITER_H

#include "servers.h"

/* Takes so many connections; then, for each byte on `control`, writes the next piece to all of
 * them. Piece n ends at `ends[n]`. A socket that is full is gone on with when it has room. */
struct server writer_started(size_t sockets, const struct text *bytes, const size_t *ends,
                             int *ret_control);

#endif
