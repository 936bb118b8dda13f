/* load.h: a client that asks as fast as it is answered.
 *
 * One thread, many connections that are kept; each sends its next request when the answer to the
 * last is complete. What comes is counted and thrown away. An answer with another status than the
 * wanted one, or without a Content-Length, ends the process. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "figures.h"
#include "support.h"

/* Room for a request, unless `request_bytes_max` says more. */
#define LOAD_REQUEST_MAX 4096

struct load {
    int port; /* on 127.0.0.1 */
    size_t connections;
    double seconds; /* nothing new is asked after them; what is under way then counts, too */
    unsigned status;

    size_t request_bytes_max; /* 0: LOAD_REQUEST_MAX */

    /* Writes the next request, head and body; returns its length, or 0 when there is nothing more
     * to ask. */
    size_t (*write)(void *context, char to[LOAD_REQUEST_MAX]);
    void *context;

    struct samples *latencies; /* seconds from each request to its answer are added; or NULL */
};

struct load_result {
    double seconds;
    uint64_t answers;
    uint64_t bytes; /* of bodies */
};

struct load_result load_run(const struct load *load);

/* A connection to this port of 127.0.0.1; close() it. */
int load_connected(int port);

/* Sends the bytes whole. */
void load_send(int fd, const char *bytes, size_t len);

/* A `write` whose context is the request itself, a string. */
size_t load_write_text(void *context, char to[LOAD_REQUEST_MAX]);

/* Sends one request, which must ask for the connection to be closed, and reads to its end: head and
 * body. free() the text. */
struct text load_answer(int port, const char *request);

#endif
