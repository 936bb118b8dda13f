/* inlet.h: checks the bytes that libmicrohttpd receives, before it reads them.
 *
 * libmicrohttpd 0.9.75 has no hook before its parser, and it answers requests that it cannot parse
 * with error pages of its own. It reads with recv(). So inlet.c defines recv() for the whole
 * program: the linker exports this function because libmicrohttpd refers to it, and the dynamic
 * linker finds it before libc's. On sockets that were opened here, each byte passes framing.h. On
 * all other sockets, our recv() does the same as libc's.
 *
 * An inlet is used by the thread of libmicrohttpd that has the connection, and by no other.
 */
#ifndef REEL_HTTP_INLET_H
#define REEL_HTTP_INLET_H

#include "framing.h"

#include <reel/view.h>

/* One connection. `requests` counts the requests that libmicrohttpd has begun. If several requests
 * were received together, framing's count is higher. */
struct inlet {
    struct framing framing;
    uint64_t requests;
    char *kept; /* what was received of the body that framing.bulk describes; or NULL */
    size_t kept_len;
    bool is_kept_cut; /* there was more, or no memory */
    size_t spill_len; /* number of bytes that did not fit into libmicrohttpd's buffer */
    char spill[FRAMING_EXTRA];
};

/* -ENOTSUP: libmicrohttpd would not call our recv(). */
int inlet_check(struct reel_error *error);

/* Call them when a connection begins and ends on this socket. After -ENOMEM, no request may be
 * served on it. */
int inlet_open(int fd);
void inlet_close(int fd);

/* NULL: inlet_open was not called for this socket. */
struct inlet *inlet_of(int fd);

/* The body of NDJSON that the inlet has found, and what was received of it, as it came. The text is
 * valid until inlet_drop_body. False: there is none, or not all of it was kept. */
bool inlet_body(const struct inlet *inlet, struct framing_bulk *ret, struct reel_str *ret_received);

/* The body is read in the usual way, or by nobody. */
void inlet_drop_body(struct inlet *inlet);

#endif
