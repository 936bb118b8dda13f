/* inlet.h: what libmicrohttpd receives.
 *
 * libmicrohttpd 0.9.75 has no hook before its parser, and answers what it cannot parse with pages
 * of its own. It reads with recv(), so inlet.c defines recv() for the whole program: the linker
 * exports it, since libmicrohttpd refers to it, and it comes before libc's. On sockets that were
 * opened here each byte goes through framing.h. On all other sockets it is the system's recv().
 *
 * An inlet is used by the thread of libmicrohttpd that has the connection, and by no other.
 */
#ifndef REEL_HTTP_INLET_H
#define REEL_HTTP_INLET_H

#include "framing.h"

#include <reel/view.h>

/* A connection, from the bytes that come to the requests that libmicrohttpd has seen in them. */
struct inlet {
    struct framing framing;
    uint64_t
        requests;     /* that libmicrohttpd has begun: behind framing's, if several came together */
    size_t spill_len; /* for which there was no room */
    char spill[FRAMING_EXTRA];
};

/* -ENOTSUP: libmicrohttpd would not call our recv(). */
int inlet_check(struct reel_error *error);

/* The connection on this socket begins, and ends. 0 or -ENOMEM: then nothing may be served on
 * it. */
int inlet_open(int fd);
void inlet_close(int fd);

/* NULL: there is none on this socket. */
struct inlet *inlet_of(int fd);

#endif
