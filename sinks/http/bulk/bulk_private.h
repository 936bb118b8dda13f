/* bulk_private.h: what loop.c, import.c and ingest.c share. Only the thread of the loop uses it,
 * except where a comment says otherwise. */
#ifndef REEL_HTTP_BULK_BULK_PRIVATE_H
#define REEL_HTTP_BULK_BULK_PRIVATE_H

#include "base/arena.h"
#include "http/answer.h"
#include "http/bulk/batch.h"
#include "http/bulk/bulk.h"
#include "http/bulk/splitter.h"
#include "websocket/wire.h"
#include "json/parser.h"

#include <pthread.h>

/* Most lines with rejections, or without events, that the answer to an import names. */
#define BULK_NAMED_MAX 20

/* Only from left to right:
 *     OPEN ─► ENDING ─► ANSWERED ─► LINGERING ─► GONE
 * and from any of them to GONE, when the connection breaks. */
enum bulk_state {
    BULK_OPEN,
    BULK_ENDING,
    BULK_ANSWERED,
    BULK_LINGERING,
    BULK_GONE,
};

/* What is different for imports and ingests. */
struct bulk_type {
    const char *number_name; /* "line", "frame" */

    /* Takes bytes from the socket. */
    void (*take)(struct bulk *bulk, const char *bytes, size_t len);

    /* The client has closed its side. */
    void (*ended)(struct bulk *bulk);

    /* A window is durable: flying->counts. */
    void (*landed)(struct bulk *bulk);

    /* All items of the flying batch are done, and it will be cleared. May be NULL. */
    void (*batch_done)(struct bulk *bulk);

    /* The item was refused by the writer because it does not fit: flying->error. */
    void (*misfit)(struct bulk *bulk, const struct batch_item *item);

    /* The writer has failed, or has ended: nothing more can be appended. Must end the bulk. */
    void (*failed)(struct bulk *bulk, int rc, const struct reel_error *error);

    /* Nothing is with the writer, and nothing is left to be handed over. */
    void (*settle)(struct bulk *bulk);

    /* Nothing was received for a while. Called about every tick. */
    void (*quiet)(struct bulk *bulk, uint64_t quiet_ms);

    void (*finish)(struct bulk *bulk);
};
extern const struct bulk_type bulk_import, bulk_ingest;

struct import {
    struct framing body;
    bool stops;
    struct batch_counts counts;
    uint64_t line_count, invalid_count;
    struct text rejections, invalid; /* objects with a comma before each */
    size_t rejection_count;
    struct answer answer; /* the problem that has ended it; status 0: none yet */
};

struct ingest {
    struct websocket_input input;
    uint64_t last_seq;
    uint64_t done_number;   /* the newest frame that was answered */
    struct text invalid[2]; /* of the filling and of the flying batch: objects with commas */
    uint64_t pinged_ms;     /* 0: no answer to a ping is due */
    unsigned close_code;    /* how the connection will be closed; 0: not decided */
    char close_reason[WEBSOCKET_CONTROL_MAX];
};

struct bulk {
    struct bulk_loop *loop;
    const struct bulk_type *type;
    enum bulk_kind kind;
    enum bulk_state state;
    int fd;

    struct bulk_batch batches[2];
    struct bulk_batch *filling, *flying;
    bool is_flying;         /* `flying` is with the writer */
    bool is_blocked;        /* the writer's queue was full */
    bool is_starved;        /* there was no memory */
    struct splitter lines;  /* the line or frame that is being received, at the end of `filling` */
    uint64_t flying_number; /* number of the last line or frame that was taken before the flying
                               batch was handed over */

    struct text out;
    size_t out_at;
    uint64_t memory;      /* of the server's memory */
    size_t flying_memory; /* of the flying batch, when it was handed over */

    uint64_t life_ms;   /* when something was received, or reading began again */
    uint64_t out_ms;    /* when something was sent, or sending began */
    uint64_t linger_ms; /* when LINGERING ends */
    size_t dropped;
    uint32_t events;  /* that epoll reports */
    bool has_arrived; /* the loop knows its socket */

    union {
        struct import import;
        struct ingest ingest;
    };

    struct text received; /* until it has arrived: bytes that came with it */
    struct bulk *next, *previous;
    struct bulk *next_landed; /* with the loop's lock held */
};

struct bulk_loop {
    struct server *server;
    struct bulk_options options;
    pthread_t thread;
    int epoll, event;
    struct json_parser *parser;
    struct arena arena;
    struct websocket_pool pool;
    uint64_t now_ms, tick_ms;
    struct bulk *first;

    pthread_mutex_t lock;   /* protects the members below */
    pthread_cond_t changed; /* a connection has ended */
    struct bulk *arrivals;
    struct bulk *landed;
    uint64_t handed_over; /* connections that the loop owns */
    bool draining, ending;

    atomic_uint_fast64_t counts[BULK_KINDS];
};

/* Checks that the text at the end of the filling batch, from lines.begin on, is a CloudEvent, and
 * adds it. -EINVAL: it is not, with a sentence; -ENOMEM. */
int bulk_add_event(struct bulk *bulk, struct reel_str text, struct reel_error *error);

/* Stops reading. */
void bulk_end(struct bulk *bulk);

/* Drops what was taken and not handed over. */
void bulk_drop_filling(struct bulk *bulk);

/* `out` is complete: it is sent, and the connection ends. */
void bulk_answered(struct bulk *bulk);

/* The connection is broken. */
void bulk_break(struct bulk *bulk);

/* Sends what is in `out`, as far as the socket takes it. */
void bulk_send(struct bulk *bulk);

#endif
