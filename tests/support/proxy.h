/* proxy.h: a connection between two processes that can be disturbed: it can be cut, also at a
 * chosen byte; it can be blocked; and the other end can be closed. */
#ifndef TESTS_SUPPORT_PROXY_H
#define TESTS_SUPPORT_PROXY_H

#include "support.h"

/* Listens on a free port of 127.0.0.1, and forwards every connection to `port`. */
struct proxy;
struct proxy *proxy_started(int port);
void proxy_free(struct proxy *proxy);

/* Its port; and its address with a scheme, "nats://127.0.0.1:40000". */
int proxy_port(const struct proxy *proxy);
const char *proxy_url(const struct proxy *proxy);

/* Cuts all present connections; new ones are accepted. */
void proxy_cut(struct proxy *proxy);

/* Cuts all connections when this number of further bytes has come back from the far side. */
void proxy_cut_after(struct proxy *proxy, uint64_t bytes);

/* proxy_stall: while set, no byte moves, and no connection is cut. proxy_stall_after: the same,
 * when this number of further bytes has come back. proxy_refuse: connections are closed, including
 * present ones. */
void proxy_stall(struct proxy *proxy, bool stalled);
void proxy_stall_after(struct proxy *proxy, uint64_t bytes);
void proxy_refuse(struct proxy *proxy, bool refusing);

/* The number of cuts, and the number of bytes that came back from the far side. */
uint64_t proxy_cuts(struct proxy *proxy);
uint64_t proxy_bytes(struct proxy *proxy);

#endif
