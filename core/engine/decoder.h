/* decoder.h: parses payloads into events. If many payloads wait, a second thread parses them ahead
 * of the writer.
 *
 * Parsing is a third of the time that an event takes, and needs nothing but the payload. So the
 * writer puts the next payloads into a ring, and takes the parsed events out in the same order. A
 * helper thread goes through the ring ahead of the writer. Each payload is parsed by the thread
 * that comes to it first. If the writer needs a payload that the helper has not begun, the writer
 * parses it. If the helper has begun it, the writer waits. So nothing depends on the helper: it may
 * be late, it may have no memory, or it may not exist. It is created when DECODER_HELP_AT payloads
 * wait for the first time, and sleeps while fewer wait: single payloads are parsed by the writer.
 * The helper runs no code of plugins, and does not use the store.
 *
 * All functions here are called by the writer.
 */
#ifndef REEL_ENGINE_DECODER_H
#define REEL_ENGINE_DECODER_H

#include "engine/log/log.h"
#include "event/event.h"

#define DECODER_AHEAD_MAX  256  /* payloads put and not taken yet, and the one taken last */
#define DECODER_HELP_AT    128  /* the helper is woken when so many payloads wait */
#define DECODER_LEAD       16   /* and stays at least so many payloads ahead of the writer */
#define DECODER_HELP_BYTES 4096 /* it parses no longer payloads, so that its memory is bounded */

/* A parsed payload. */
struct decoded {
    struct log_entry entry; /* as it was put; the event may point to other memory */
    int rc;                 /* the value of json_parse: 0, or an error with its reason */
    const char *why;
    struct reel_event event; /* if `rc` is 0; empty if the payload was not wanted */
};

struct decoder;

/* `host` is the table of functions for values. NULL: out of memory. decoder_destroy accepts
 * NULL. */
struct decoder *decoder_create(const struct reel_host *host);
void decoder_destroy(struct decoder *decoder);

/* Parses one payload at once. The result is valid until the next decoder_decode or decoder_next. */
struct decoded *decoder_decode(struct decoder *decoder, const struct log_entry *entry);

/* Puts one payload into the ring. False: the ring is full. The bytes are borrowed until the payload
 * after it is taken. A payload that is not `wanted` is not parsed. */
bool decoder_put(struct decoder *decoder, const struct log_entry *entry, bool wanted);

/* True if the first payload in the ring is these bytes at this address. */
bool decoder_is_first(struct decoder *decoder, struct reel_str bytes);

/* Takes the first payload, or returns NULL. The result is valid until the next decoder_decode or
 * decoder_next. */
struct decoded *decoder_next(struct decoder *decoder);

/* Empties the ring. When this returns, no borrowed text is used any more. */
void decoder_clear(struct decoder *decoder);

#endif
