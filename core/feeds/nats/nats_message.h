/* nats_message.h: reads a message: its position in the stream and its event, or a status of the
 * server.
 *
 * Only JetStream can give a message a position. A message with a position belongs to the stream.
 * Anybody can have published it with any content, so nothing in it is ever treated as a status. */
#ifndef REEL_FEEDS_NATS_NATS_MESSAGE_H
#define REEL_FEEDS_NATS_NATS_MESSAGE_H

#include "base/arena.h"
#include "feeds/broker.h"
#include "json/parser.h"

#include <nats/nats.h>

/* The position, from the subject for acknowledgements (ADR-15 of the NATS architecture):
 *     $JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<time>.<pending>
 * In newer versions, a domain and an account follow ACK, and there may be more tokens at the
 * end. */
struct nats_place {
    uint64_t seq, consumer_seq, time_ns;
    uint64_t pending; /* messages that are not delivered yet */
};
bool nats_place_read(const char *reply, struct nats_place *ret);

/* The header `Nats-Msg-Id` of published events. The stream drops a message whose id it has
 * already. */
#define NATS_ID_HEADER "Nats-Msg-Id"
#define NATS_ID_TEXT   33

/* And of an event of a command, what a repeat of the command is compared with and answered from, so
 * that every daemon has it (struct log_answer): hashes of the body and of the caller, written
 * alike; the key of the record, and in whose name, percent-encoded. Only with the first do the
 * others count. */
#define NATS_BODY_HEADER      "Reel-Body-Hash"
#define NATS_CALLER_HEADER    "Reel-Caller-Hash"
#define NATS_KEY_HEADER       "Reel-Key"
#define NATS_PRINCIPAL_HEADER "Reel-Principal"

void nats_id_write(const uint8_t id_hash[16], char ret[NATS_ID_TEXT]);
bool nats_id_read(const char *text, uint8_t ret[16]);

/* The status of a request or a publication, such as "503", and its description, which may be NULL.
 * Both are valid as long as the message. Call it only for messages without a position, because a
 * message of the stream may have any header. NULL: the message is not a status. A status has no
 * payload and no reply subject. */
const char *nats_status(natsMsg *msg, const char **ret_description);

/* State that is kept from one message to the next. */
struct nats_decoder {
    struct json_parser *parser;
    struct arena arena;
    uint32_t event_bytes_max;
    void (*say)(void *context,
                const char *sentence); /* called with a sentence about a malformed message */
    void *context;
};

/* Reads the event of a message, and takes ownership of the message: nats_release releases it.
 * -ENOMEM: the message is already released. There is no other error: whatever a message contains,
 * it becomes an entry of the log. */
int nats_message_take(struct nats_decoder *decoder, natsMsg *msg, struct feed_message *ret,
                      struct reel_error *error);
void nats_release(struct feed_message *message);

#endif
