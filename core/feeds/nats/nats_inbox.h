/* nats_inbox.h: all messages that the broker sends to us, in the order of their arrival: messages
 * of the stream, status messages about requests, and answers to publications.
 *
 * Messages arrive by a subscription with a callback, and wait here. natsSubscription_NextMsg
 * (libnats 3.4.1) cannot be used. If a message has no payload and the status 503 in its header,
 * this function takes it for an answer of the server, destroys it and returns an error; but anyone
 * can publish such a message to the stream. It also reads the headers of messages without a payload
 * twice, and the second reading of malformed headers gives another result.
 *
 * The inbox needs no limit: no more messages arrive than were requested or published.
 */
#ifndef REEL_FEEDS_NATS_NATS_INBOX_H
#define REEL_FEEDS_NATS_NATS_INBOX_H

#include "base/error.h"

#include <nats/nats.h>

struct nats_inbox;

int nats_inbox_open(natsConnection *connection, struct nats_inbox **ret, struct reel_error *error);

/* Answers are sent to subjects of this form: the name, a dot, one token. */
const char *nats_inbox_name(const struct nats_inbox *inbox);

/* Takes the next message, which the caller then owns. 1: there is one; 0: none has arrived in this
 * time; or an error. */
int nats_inbox_next(struct nats_inbox *inbox, uint32_t wait_ms, natsMsg **ret,
                    struct reel_error *error);

/* Call it after the connection was closed. Accepts NULL. */
void nats_inbox_close(struct nats_inbox *inbox);

#endif
