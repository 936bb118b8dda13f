/* records.h: a client that keeps a copy of a collection by following it, as docs describe: by
 * WebSocket, server-sent events or long poll. What it receives is held against the rules: nothing
 * older after something newer, no repeat, no frame out of order; but for the differences after a
 * rebuild, which a position of a higher generation ends. */
#ifndef TESTS_SUPPORT_RECORDS_H
#define TESTS_SUPPORT_RECORDS_H

#include "sse.h"
#include "websocket.h"

enum record_transport { RECORDS_WEBSOCKET, RECORDS_STREAM, RECORDS_POLL, RECORD_TRANSPORTS };

/* A record as it was received last. */
struct copied_record {
    char *key, *json; /* json NULL: deleted, or left out by the filter */
    uint64_t seq;
};

struct record_copy {
    const char *collection;
    char filter[64]; /* "value=1", or "" */
    enum record_transport transport;
    bool wants_digest; /* not by long poll, whose pages have none */
    int receive_bytes; /* of the socket, as for wire_opened */

    struct copied_record *records; /* in key order */
    size_t count;

    /* What it would resume from. */
    bool has_position;
    uint64_t seq, generation;

    bool is_connected;
    struct wire wire;
    struct sse sse;
    bool is_in_snapshot;
    bool is_crossing;  /* it receives what a rebuild has changed, until the next position */
    uint64_t last_seq; /* of the last frame of this connection, and its key */
    char last_key[64];
    unsigned close_code;

    uint64_t told_generation; /* by the last position, or when it connected */
    uint64_t point;           /* the copy was the collection as of this seq; 0: never yet */
    char digest[33];
    size_t frames, points, snapshots, refusals, crossings; /* so far */
};

/* Connects, and resumes where it stands. If that is refused with 410, it begins again without a
 * copy. Does nothing if it is connected. */
void record_copy_connect(struct record_copy *copy, const struct daemon *daemon);

/* Takes what has arrived, or waits for it at most this long. Long poll: sends one request. False:
 * nothing has come, or the connection has ended. */
bool record_copy_read(struct record_copy *copy, const struct daemon *daemon, struct client *client,
                      int timeout_ms);

/* The same; and closes a connection that has ended, so that the next call connects again. */
bool record_copy_go_on(struct record_copy *copy, const struct daemon *daemon, struct client *client,
                       int timeout_ms);

/* Reads, and connects again if the connection ends, until it has been told a position at or above
 * this cursor. */
void record_copy_reach(struct record_copy *copy, const struct daemon *daemon, struct client *client,
                       uint64_t cursor);

/* Closes the connection without a word. */
void record_copy_cut(struct record_copy *copy);

/* Compares it with the list of the same filter, which must have the same cursor as the copy; and an
 * unfiltered one with the digest that it was told. */
void record_copy_check(const struct record_copy *copy, struct client *client);

void record_copy_free(struct record_copy *copy);

#endif
