/* nats_inbox.h: everything that the broker sends to us, in the order in which it came: messages of
 * the stream, words about requests, answers to what was published.
 *
 * A subscription with a callback, whose messages wait here, rather than natsSubscription_NextMsg:
 * that call takes any message without a payload and with the status 503 in its header for an
 * answer of the server, destroys it and returns an error (libnats 3.4.1). Anyone can publish such
 * a message to the stream. It also reads the headers of messages without a payload once more than
 * those of others, and reading broken headers twice does not give the same twice.
 *
 * No bound is needed: no more comes than was asked for or published.
 */
#ifndef REEL_FEEDS_NATS_NATS_INBOX_H
#define REEL_FEEDS_NATS_NATS_INBOX_H

#include "base/error.h"

#include <nats/nats.h>

struct nats_inbox;

int nats_inbox_open(natsConnection *connection, struct nats_inbox **ret, struct reel_error *error);

/* The subject that answers come to is the name, a dot, and one token. */
const char *nats_inbox_name(const struct nats_inbox *inbox);

/* The next message, which is the caller's. 1; 0: none has come within the time; or an error. */
int nats_inbox_next(struct nats_inbox *inbox, uint32_t wait_ms, natsMsg **ret,
                    struct reel_error *error);

/* After the connection was closed; takes NULL. */
void nats_inbox_close(struct nats_inbox *inbox);

#endif
