/* batch.h: events that one connection has sent, until they are durable.
 *
 * A connection has two batches: one is filled while the other one is with the writer. A batch is
 * handed over in *windows*, because a transaction is limited; the next window follows when the one
 * before is durable, so that the events of a connection keep their order. If the writer refuses a
 * window because of one event (it does not fit a strict declaration), the events before it are
 * handed over again, without it.
 */
#ifndef REEL_HTTP_BULK_BATCH_H
#define REEL_HTTP_BULK_BATCH_H

#include "base/error.h"
#include "base/text.h"

#include <reel/sink_host.h>

struct batch_item {
    size_t at, len;
    uint64_t number; /* of its line or frame */
};

/* What came of events. */
struct batch_counts {
    uint64_t appended, repeated;
    uint64_t applied, ignored, rejected; /* of all of them: a repeat has its first outcome */
    uint64_t first_seq, last_seq;        /* the lowest and the highest; 0: none */
};
void bulk_batch_counts_add(struct batch_counts *to, const struct batch_counts *more);

struct bulk_batch {
    struct text bytes;
    struct batch_item *items;
    size_t count, room;
    struct reel_str *payloads; /* of the window */
    size_t payload_room;

    /* Items before `from` are done. The window is from `from` to `to`. `bad`: an item that must not
     * be handed over, or `count`. */
    size_t from, to, bad;

    /* The result of the window, which the writer's thread sets. */
    int rc;
    struct reel_error error; /* if rc < 0; of -ENOMSG, about the item `bad` */
    struct batch_counts counts;
    struct text rejections; /* objects with a comma before each: of all windows */
    size_t rejection_count, rejections_max;
};
void bulk_batch_finish(struct bulk_batch *batch);

/* Empties the batch, and keeps a limited part of its memory. */
void bulk_batch_clear(struct bulk_batch *batch);

/* Bytes of memory that it has. */
size_t bulk_batch_memory(const struct bulk_batch *batch);

/* Adds an item, whose bytes are in `bytes` already. -ENOMEM. */
int bulk_batch_add(struct bulk_batch *batch, size_t at, size_t len, uint64_t number);

/* Sets the next window, of at most this number of events and bytes, but at least one event. Returns
 * 1; 0: all items before the bad one, or all of them, are done; -ENOMEM. */
int bulk_batch_next(struct bulk_batch *batch, size_t events_max, uint64_t bytes_max);

/* A reel_submit_done_fn takes the result with this. `number_name` is the name of the member that
 * has an item's number: "line". */
void bulk_batch_take(struct bulk_batch *batch, int rc, const struct reel_submit_result *result,
                     const struct reel_error *error, const char *number_name);

/* Appends `{"line":3,"reason":"…"}`. */
void bulk_batch_write_reason(struct text *to, const char *number_name, uint64_t number,
                             const char *reason);

#endif
