/* server.h: the HTTP sink: the data that all its requests share.
 *
 * One thread accepts connections and limits them (connections.h). libmicrohttpd runs a pool of
 * threads, each with its own connections (epoll). A request lives from its head to the last byte of
 * its answer. It passes these files:
 *     request.h        reads its target, headers, body and sender
 *     routes.h         finds its route
 *     cached_answer.h  the answer may be in the cache
 *     a handler        records.c, commands.c, events.c, about.c, …: makes an answer; or suspends
 *                      the request, and another thread makes the answer
 *     answer.h, answer_send.h  the answer
 * The connections of followers (follow.c) leave libmicrohttpd; one thread serves all followers. So
 * do those on which events arrive in bulk (bulk/bulk.h), which have a thread, too. No
 * thread ever waits within a request: neither for the writer, nor for the cursor, nor for the
 * client.
 */
#ifndef REEL_SINKS_HTTP_SERVER_H
#define REEL_SINKS_HTTP_SERVER_H

#include "base/histogram.h"

#include <reel/sink_host.h>

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct bulk_loop;
struct connections;
struct hub;
struct cache_slot;
struct looking;
struct request;

/* Requests are counted by kind and by status. */
#define STATUS_CLASSES 6

struct server {
    struct reel_sink_host *host;
    struct MHD_Daemon *daemon;
    int listener;
    struct connections *all; /* who is connected */
    int nowhere;             /* a socket that is connected to nothing (follow.c) */
    struct hub *hub;         /* the followers */
    struct bulk_loop *bulk;  /* events that arrive in bulk */

    /* Settings. */
    uint64_t waiters_max;
    uint64_t answer_bytes_max;
    uint64_t scan_records_max;
    uint64_t memory_bytes_max;
    uint64_t command_bytes_max, event_bytes_max, batch_bytes_max, batch_events_max;
    const char *allow_origin;
    bool no_console;

    struct cache_slot *cache; /* cached answers (cache.h) */

    /* Metrics and limits. */
    atomic_uint_fast64_t connections, unknown_connections;
    atomic_uint_fast64_t late,
        displaced; /* connections that were closed by the sink (connections.h) */
    atomic_uint_fast64_t not_accepted; /* how often there was no file descriptor for a connection */
    atomic_uint_fast64_t requests;     /* that are being answered */
    atomic_uint_fast64_t memory;       /* bytes of bodies and answers */
    atomic_uint_fast64_t answered[STATUS_CLASSES];
    atomic_uint_fast64_t sent_again; /* number of these that came from the cache */
    struct histogram request_times;
    atomic_bool draining;
    atomic_bool leaving; /* another process accepts the connections from now on */

    /* Requests that wait for the cursor (waiters.c). */
    pthread_t clock;
    pthread_mutex_t waiters_lock;
    pthread_cond_t waiters_changed;
    struct request *waiters;
    uint64_t waiter_count;
    struct looking *lookers; /* requests that look back (looking.c) */
    bool ending;
};

/* Reserves memory for a body or an answer. Returns false if this would exceed the limit. */
bool server_take_memory(struct server *server, uint64_t bytes);
void server_give_memory(struct server *server, uint64_t bytes);

#endif
