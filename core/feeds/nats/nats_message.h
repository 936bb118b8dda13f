/* nats_message.h: what a message says: its place in the stream and its event; or a word of the
 * server.
 *
 * What has a place, which only JetStream gives, is a message of the stream; anybody can have put
 * anything into it, and nothing in it is ever taken for a word of the server. */
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

/* A word of the server about a request or a publication: its status, "503", and its description,
 * which may be NULL; good as long as the message. Only for what is no message of the stream, which
 * may have any header. NULL: it is not such a word: those have no payload and no reply. */
const char *nats_status(natsMsg *msg, const char **ret_description);

/* What reading takes, kept from one message to the next. */
struct nats_decoder {
    struct json_parser *parser;
    struct arena arena;
    uint32_t event_bytes_max;
    void (*say)(void *context, const char *sentence); /* of a message that is malformed */
    void *context;
};

/* Reads its event, and takes it over: nats_release lets it go. -ENOMEM: it is gone already. Nothing
 * else is an error: whatever a message contains, it becomes an entry of the log. */
int nats_message_take(struct nats_decoder *reader, natsMsg *msg, struct feed_message *ret,
                      struct reel_error *error);
void nats_release(struct feed_message *message);

#endif
