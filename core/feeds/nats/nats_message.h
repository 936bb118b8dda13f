/* nats_message.h: what a message of JetStream says: its place in the stream, its event. */
#ifndef REEL_FEEDS_NATS_NATS_MESSAGE_H
#define REEL_FEEDS_NATS_NATS_MESSAGE_H

#include "base/arena.h"
#include "feeds/broker.h"
#include "json/parser.h"

#include <nats/nats.h>

/* From the subject that it is to be acknowledged to (ADR-15 of the NATS architecture):
 *     $JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<time>.<pending>
 * and with a domain and an account after ACK, and perhaps more at the end, in newer ones. */
struct nats_place {
    uint64_t seq, consumer_seq, time_ns;
    uint64_t pending; /* messages that are still to be delivered */
};
bool nats_place_read(const char *reply, struct nats_place *ret);

/* Our header on what we publish: `Nats-Msg-Id`, which the stream leaves repeats out by. */
#define NATS_ID_HEADER "Nats-Msg-Id"
#define NATS_ID_TEXT   33
void nats_id_write(const uint8_t id_hash[16], char ret[NATS_ID_TEXT]);
bool nats_id_read(const char *text, uint8_t ret[16]);

/* A header's value, or NULL; good as long as the message. */
const char *nats_header(natsMsg *msg, const char *name);

/* What reading takes, kept from one message to the next. */
struct nats_reader {
    struct json_parser *parser;
    struct arena arena;
    uint32_t event_bytes_max;
    void (*say)(void *context, const char *sentence); /* of a message that is malformed */
    void *context;
};

/* Reads its event, and takes it over: nats_release lets it go. -ENOMEM: it is gone already. */
int nats_message_take(struct nats_reader *reader, natsMsg *msg, struct feed_message *ret,
                      struct reel_error *error);
void nats_release(struct feed_message *message);

#endif
