/* bulk.h: events that arrive in bulk: one thread serves all connections that send NDJSON (import.c)
 * or WebSocket frames (ingest.c).
 *
 * The life of a connection
 *   1. An HTTP thread checks the request and reserves a place (bulk_create). The socket is then
 *      taken from libmicrohttpd, which could neither answer before the end of a body nor wait for
 *      the writer within one (routes/bulk.c), and handed over (bulk_adopt_take).
 *   2. OPEN: the thread reads, checks each event, and adds it to the batch that is being filled.
 *      When the other batch is not with the writer, they change roles. So a slow client makes small
 *      groups, and a fast one large groups.
 *   3. A client is pushed back by not reading from its socket: while the batch is full, the
 * writer's queue is full, there is no memory, or the client does not read its answers.
 *   4. ENDING: nothing more is read; what was taken is still appended.
 *   5. ANSWERED: the last bytes are sent.
 *   6. LINGERING: what the client still sends is read and dropped, for a limited time and number of
 *      bytes. If the socket were closed at once, the client could receive a reset instead of the
 *      answer.
 */
#ifndef REEL_HTTP_BULK_BULK_H
#define REEL_HTTP_BULK_BULK_H

#include "http/framing.h"
#include "http/server.h"

#include "base/error.h"

#include <reel/abi.h>

struct bulk_loop;
struct bulk;

enum bulk_kind {
    BULK_IMPORT, /* POST /v1/events with NDJSON */
    BULK_INGEST, /* GET /ws/ingest */
    BULK_KINDS,
};

struct bulk_options {
    uint64_t places[BULK_KINDS]; /* most connections of each kind */
    uint64_t idle_ms;            /* an import without a byte for this time is ended */
    uint64_t ping_ms, stall_ms;  /* as for followers (hub_options.h) */
    uint64_t batch_bytes_max;    /* of a transaction */
};

int bulk_start(struct server *server, const struct bulk_options *options, struct bulk_loop **ret,
               struct reel_error *error);

/* Says that the writer may have room again. Takes little time. [any thread] */
void bulk_wake(struct bulk_loop *loop);

/* Ends all connections, with answers. Returns at `until_ms` (clock_ms) at the latest. */
void bulk_drain(struct bulk_loop *loop, uint64_t until_ms);

/* Ends the thread. The writer must have answered everything. */
void bulk_stop(struct bulk_loop *loop);

uint64_t bulk_count(struct bulk_loop *loop, enum bulk_kind kind);

/* ---- For the routes -------------------------------------------------------------------------- */

/* Reserves a place. -EAGAIN: all are taken; -ENOMEM. `stops`, of an import: the first line that is
 * not an event ends it. */
int bulk_create(struct bulk_loop *loop, enum bulk_kind kind, bool stops, struct bulk **ret);

/* Gives the place back, if the connection was not handed over. */
void bulk_destroy(struct bulk *bulk);

/* Hands the connection over, with the bytes that were received of it already: of an import, from
 * the beginning of its body on, whose form `body` tells. -ENOMEM: the caller still owns both. */
int bulk_adopt_take(struct bulk *bulk, int fd, const struct framing_bulk *body,
                    struct reel_str received);

#endif
