/* reader.h: payloads read as events; where many wait, by a second thread.
 *
 * Reading, which is parsing mostly, is a third of what an event costs, and needs nothing but the
 * text. So the writer puts the payloads that come next into a ring, and takes them out in the same
 * order, read. A helper thread goes through the ring ahead of the writer. For each payload it is
 * settled by who comes first who reads it: what the helper has not begun when it is wanted, the
 * writer reads itself, and for what it has begun the writer waits. So little depends on the helper:
 * it may be late, be short of memory, or not be there at all. It is made when so many payloads wait
 * for the first time, and sleeps while there are fewer: what comes singly is read by the writer. It
 * runs no plugin's code and touches no store.
 *
 * Every function here is the writer's.
 */
#ifndef REEL_ENGINE_READER_H
#define REEL_ENGINE_READER_H

#include "engine/log/log.h"
#include "event/event.h"

#define DECODER_AHEAD_MAX  256  /* payloads put and not yet taken, and the one taken last */
#define DECODER_HELP_AT    128  /* the helper is woken for so many */
#define DECODER_LEAD       16   /* and stays so far ahead of the writer */
#define DECODER_HELP_BYTES 4096 /* it reads no longer text, so that its memory is bounded */

/* A payload that was read. */
struct decoded {
    struct log_entry entry; /* what was put; the event need not point into it */
    int rc;                 /* json_parse's: 0, or an error and why */
    const char *why;
    struct reel_event event; /* with 0; empty, if it was not to be read */
};

struct decoder;

/* `host` is the table for values. NULL: out of memory. Destroying takes NULL. */
struct decoder *decoder_create(const struct reel_host *host);
void decoder_destroy(struct decoder *reader);

/* Reads one at once. The result is good until the next reading, of either kind. */
struct decoded *decoder_decode(struct decoder *reader, const struct log_entry *entry);

/* Puts one behind the others; false: there is no room now. Its bytes are borrowed until the one
 * after it is taken. One that is not `wanted` is not read. */
bool decoder_put(struct decoder *reader, const struct log_entry *entry, bool wanted);

/* Is the first one these bytes, in this place? */
bool decoder_is_first(struct decoder *reader, struct reel_str bytes);

/* Takes the first one, or NULL. It is good until the next reading. */
struct decoded *decoder_next(struct decoder *reader);

/* Forgets all. No text is looked at any more when this returns. */
void decoder_clear(struct decoder *reader);

#endif
