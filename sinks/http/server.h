/* server.h: the HTTP sink: what all its requests share.
 *
 * One thread of ours accepts connections and bounds them (connections.h). libmicrohttpd runs a pool
 * of threads, each with its own connections (epoll). A request lives from its head to the last byte
 * of its answer:
 *     request.h   reading it: target, headers, body, and who sends it
 *     routes.h    which route it is for
 *     kept.h      maybe the same was asked for before, and the answer is there
 *     a handler   records.c, commands.c, events.c, about.c, …: makes an answer, or suspends the
 *                 request and lets another thread make it
 *     answer.h    what is sent
 * Those who follow the events (follow.c) leave libmicrohttpd, for a thread that serves them all.
 * No thread ever waits within a request: not for the writer, not for the cursor, not for the
 * client.
 */
#ifndef REEL_SINKS_HTTP_SERVER_H
#define REEL_SINKS_HTTP_SERVER_H

#include "base/histogram.h"

#include <reel/sink.h>

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct connections;
struct hub;
struct kept_place;
struct request;

/* Requests are counted by what they were and how they ended. */
#define STATUS_CLASSES 6

struct server {
    struct reel_stage *stage;
    struct MHD_Daemon *daemon;
    int listener;
    struct connections *all; /* who is connected */
    int nowhere;             /* a socket that leads nowhere (follow.c) */
    struct hub *hub;         /* those who follow the events */

    /* Settings. */
    uint64_t waiters_max;
    uint64_t answer_bytes_max;
    uint64_t memory_bytes_max;
    uint64_t command_bytes_max, event_bytes_max, batch_bytes_max, batch_events_max;
    const char *allow_origin;

    struct kept_place *kept; /* answers to be sent again (kept.h) */

    /* Figures and bounds. */
    atomic_uint_fast64_t connections, unknown_connections;
    atomic_uint_fast64_t late, displaced; /* connections that were cut (connections.h) */
    atomic_uint_fast64_t not_accepted;    /* how often there was no file for a connection */
    atomic_uint_fast64_t requests;        /* under way */
    atomic_uint_fast64_t memory;          /* bodies and answers, bytes */
    atomic_uint_fast64_t answered[STATUS_CLASSES];
    atomic_uint_fast64_t sent_again; /* of those, what was kept */
    struct histogram request_times;
    atomic_bool draining;

    /* Requests that wait for the cursor (waiters.c). */
    pthread_t clock;
    pthread_mutex_t waiters_lock;
    pthread_cond_t waiters_changed;
    struct request *waiters;
    uint64_t waiter_count;
    bool ending;
};

/* Takes memory for a body or an answer, or does not, if that would be too much. */
bool server_take_memory(struct server *server, uint64_t bytes);
void server_give_memory(struct server *server, uint64_t bytes);

#endif
