/* proxy.h: a way between two processes on which things happen: it is cut, at a chosen byte if so
 * wished, nothing moves on it, nobody is at its other end. */
#ifndef TESTS_SUPPORT_PROXY_H
#define TESTS_SUPPORT_PROXY_H

#include "support.h"

/* Listens on a free port of 127.0.0.1 and carries every connection to `port` there. */
struct proxy;
struct proxy *proxy_started(int port);
void proxy_free(struct proxy *proxy);

/* Where it listens; with a scheme, "nats://127.0.0.1:40000". */
int proxy_port(const struct proxy *proxy);
const char *proxy_url(const struct proxy *proxy);

/* Cuts the connections that there are; new ones are taken. */
void proxy_cut(struct proxy *proxy);

/* Cuts all as soon as so many more bytes have come back from the far side. */
void proxy_cut_after(struct proxy *proxy, uint64_t bytes);

/* While set: no byte moves, and nothing is cut. And: the same, as soon as so many more bytes have
 * come back. And: connections, also those that there are, are closed. */
void proxy_stall(struct proxy *proxy, bool stalled);
void proxy_stall_after(struct proxy *proxy, uint64_t bytes);
void proxy_refuse(struct proxy *proxy, bool refusing);

/* How often connections were cut, and bytes that came back from the far side, so far. */
uint64_t proxy_cuts(struct proxy *proxy);
uint64_t proxy_bytes(struct proxy *proxy);

#endif
