/* nats_message.c: see nats_message.h. */
#include "feeds/nats/nats_message.h"

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "event/formats.h"
#include "event/nats_binding.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The position of a message --------------------------------------------------------------- */

#define ACK_PREFIX "$JS.ACK."

/* Number of tokens in the older form, and of tokens that the newer form has in front. */
enum { TOKENS_OLD = 9, TOKENS_NEW = 11, TOKENS_BEFORE = 2 };
enum { AT_SEQ = 5, AT_CONSUMER_SEQ, AT_TIME, AT_PENDING };

/* Reads a decimal number that ends at a dot, or at the end of the text. */
static bool read_number(const char *token, uint64_t *ret) {
    return number_read((struct reel_str){token, strcspn(token, ".")}, ret) == 0;
}

bool nats_place_read(const char *reply, struct nats_place *ret) {
    const char *tokens[TOKENS_NEW];
    size_t count = 0;
    if (!reply || strncmp(reply, ACK_PREFIX, sizeof ACK_PREFIX - 1) != 0) return false;
    for (const char *at = reply; at && count < TOKENS_NEW; count++) {
        tokens[count] = at;
        at = strchr(at, '.');
        if (at) at++;
    }
    if (count != TOKENS_OLD && count != TOKENS_NEW) return false;
    const char *const *from = tokens + (count == TOKENS_NEW ? TOKENS_BEFORE : 0);
    return read_number(from[AT_SEQ], &ret->seq) &&
           read_number(from[AT_CONSUMER_SEQ], &ret->consumer_seq) &&
           read_number(from[AT_TIME], &ret->time_ns) &&
           read_number(from[AT_PENDING], &ret->pending) && ret->seq > 0;
}

/* ---- Its headers ----------------------------------------------------------------------------- */

/* The value is valid as long as the message. */
static const char *header(natsMsg *msg, const char *name) {
    const char *value = NULL;
    return natsMsgHeader_Get(msg, name, &value) == NATS_OK ? value : NULL;
}

const char *nats_status(natsMsg *msg, const char **ret_description) {
    if (natsMsg_GetReply(msg) || natsMsg_GetDataLength(msg) > 0) return NULL;
    const char *status = header(msg, "Status");
    *ret_description = status ? header(msg, "Description") : NULL;
    return status;
}

void nats_id_write(const uint8_t id_hash[16], char ret[NATS_ID_TEXT]) {
    for (int i = 0; i < 16; i++) snprintf(ret + (ptrdiff_t)2 * i, 3, "%02x", id_hash[i]);
}

static int digit_of(char c) {
    return char_is_upper(c) ? -1 : char_hex_value(c);
}

bool nats_id_read(const char *text, uint8_t ret[16]) {
    if (!text || strlen(text) != NATS_ID_TEXT - 1) return false;
    for (size_t i = 0; i < 16; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* -EBADMSG: the library does not return the values, because a name is empty. */
static int give_values(natsMsg *msg, const char *key, header_fn fn, void *context) {
    const char **values;
    int count, rc = 0;
    natsStatus status = natsMsgHeader_Values(msg, key, &values, &count);
    if (status != NATS_OK) return status == NATS_NO_MEMORY ? -ENOMEM : -EBADMSG;
    for (int i = 0; rc == 0 && i < count; i++)
        rc = fn(context, reel_text(key), reel_text(values[i]));
    free(values);
    return rc;
}

/* The headers of a message. They are read once, when the names are first asked for: reading changes
 * the library's copy, so that reading malformed headers again gives another result. */
struct headers {
    natsMsg *msg;
    const char **names; /* NULL: no headers */
    int count;
    int rc; /* -EBADMSG or -ENOMEM: the headers cannot be read */
};

static struct headers headers_of(natsMsg *msg) {
    struct headers headers = {.msg = msg};
    natsStatus status = natsMsgHeader_Keys(msg, &headers.names, &headers.count);
    if (status == NATS_OK) return headers;
    headers.names = NULL;
    headers.count = 0;
    if (status != NATS_NOT_FOUND) headers.rc = status == NATS_NO_MEMORY ? -ENOMEM : -EBADMSG;
    return headers;
}

static void headers_finish(struct headers *headers) {
    free(headers->names);
}

/* Passes on the headers that can be read, even if others cannot. */
static int each_header(void *context_of_ours, header_fn fn, void *context) {
    const struct headers *headers = context_of_ours;
    int unread = headers->rc;
    for (int i = 0; unread != -ENOMEM && i < headers->count; i++) {
        int rc = give_values(headers->msg, headers->names[i], fn, context);
        if (rc != 0 && rc != -EBADMSG) return rc;
        if (rc != 0) unread = rc;
    }
    return unread;
}

/* ---- The event of a message ------------------------------------------------------------------ */

static struct reel_str payload_of(const natsMsg *msg) {
    int len = natsMsg_GetDataLength(msg);
    return (struct reel_str){len > 0 ? natsMsg_GetData(msg) : "", len > 0 ? (size_t)len : 0};
}

static void say_malformed(const struct nats_decoder *decoder, const struct feed_message *message,
                          const struct reel_error *error) {
    struct reel_error sentence;
    error_set(&sentence, "message %" PRIu64 " is not a CloudEvent in binary mode: %s", message->seq,
              error->text);
    decoder->say(decoder->context, sentence.text);
}

static int read_event(struct nats_decoder *decoder, struct headers *headers,
                      struct feed_message *ret, struct reel_error *error) {
    struct reel_error why = {0};
    enum nats_content content;
    struct nats_message message = {payload_of(headers->msg), each_header, headers};
    int rc = nats_binding_read(decoder->parser, &message, decoder->event_bytes_max, &decoder->arena,
                               &ret->made, &content, &why);
    if (rc < 0) return fail(error, rc, "cannot read a message: %s", why.text);
    ret->bytes = content == NATS_PAYLOAD ? message.payload : text_str(&ret->made);
    if (content != NATS_PAYLOAD) ret->flags = REEL_LOG_CONVERTED;
    if (content == NATS_MALFORMED) say_malformed(decoder, ret, &why);
    return 0;
}

/* Appends what was percent-encoded. False: it is not that. */
static bool append_decoded(struct text *text, const char *value) {
    for (const char *at = value; *at; at++) {
        char byte = *at;
        if (byte == '%') {
            int high = char_hex_value(at[1]), low = high < 0 ? -1 : char_hex_value(at[2]);
            if (low < 0) return false;
            byte = (char)(high << 4 | low);
            at += 2;
        }
        text_append(text, &byte, 1);
    }
    return true;
}

/* Where in `texts` the value of a header is; false: there is no such header, or it is malformed. */
static bool read_text(natsMsg *msg, const char *name, struct text *texts, size_t *ret_len) {
    const char *value = header(msg, name);
    size_t before = texts->len;
    bool good = value && append_decoded(texts, value);
    if (!good) texts->len = before;
    *ret_len = texts->len - before;
    return good;
}

/* What a repeat is answered from, if it is of a command. What is malformed is left out. */
static int read_answer(natsMsg *msg, struct feed_message *ret, struct reel_error *error) {
    struct log_answer *answer = &ret->answer;
    size_t key_len, principal_len;
    answer->has_body = nats_id_read(header(msg, NATS_BODY_HEADER), answer->body_hash);
    if (!answer->has_body) return 0;
    if (!nats_id_read(header(msg, NATS_CALLER_HEADER), answer->caller_hash))
        memset(answer->caller_hash, 0, sizeof answer->caller_hash);
    answer->has_record = read_text(msg, NATS_KEY_HEADER, &ret->texts, &key_len);
    (void)read_text(msg, NATS_PRINCIPAL_HEADER, &ret->texts, &principal_len);
    if (ret->texts.failed) return fail_memory(error);
    const char *texts = text_str(&ret->texts).data;
    struct reel_str principal = {texts + key_len, principal_len};
    bool is_ours = principal_len <= REEL_PRINCIPAL_MAX && format_is_clean(principal);
    answer->key = (struct reel_str){texts, key_len};
    answer->principal = (struct reel_str){texts + key_len, is_ours ? principal_len : 0};
    return 0;
}

int nats_message_take(struct nats_decoder *reader, natsMsg *msg, struct feed_message *ret,
                      struct reel_error *error) {
    ret->owner = msg;
    ret->flags = 0;
    ret->made = ret->texts = (struct text){0};
    ret->answer = (struct log_answer){0};
    ret->subject = reel_text(natsMsg_GetSubject(msg));
    CLEANUP(headers_finish) struct headers headers = headers_of(msg);
    ret->has_id = headers.count > 0 && nats_id_read(header(msg, NATS_ID_HEADER), ret->id_hash);
    int rc = headers.count > 0 ? read_answer(msg, ret, error) : 0;
    if (rc == 0) rc = read_event(reader, &headers, ret, error);
    if (rc < 0) nats_release(ret);
    return rc;
}

void nats_release(struct feed_message *message) {
    natsMsg_Destroy(message->owner);
    text_finish(&message->made);
    text_finish(&message->texts);
}
