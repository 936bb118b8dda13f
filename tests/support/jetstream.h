/* jetstream.h: operations of tests on a stream, through nats.c: creating it, publishing, removing
 * messages.
 *
 * Every call waits for its answer. If the broker is away, or chooses a leader, the call is
 * repeated; published messages then have an id, so that they are stored once. */
#ifndef TESTS_SUPPORT_JETSTREAM_H
#define TESTS_SUPPORT_JETSTREAM_H

#include "support.h"

#include <nats/nats.h>

#define STREAM "CELLOS_EVENTS"

/* A connection. One thread uses it at a time. */
struct jetstream {
    natsConnection *connection;
    jsCtx *context;
};

/* Waits until JetStream answers. `options` are consumed; NULL: only the URLs, separated by
 * commas. */
struct jetstream jetstream_opened(const char *urls, natsOptions *options);
void jetstream_close(struct jetstream *jetstream);

/* ---- The stream ------------------------------------------------------------------------------ */

/* All zero: `STREAM` on "cellos.events.>", one replica, no limit. */
struct stream_options {
    const char *name, *subject;
    int replicas;
    int64_t messages_max; /* the oldest messages are discarded */
    jsRetentionPolicy retention;
};

void stream_make(struct jetstream *jetstream, const struct stream_options *options);
/* Gives it another subject. */
void stream_set_subject(struct jetstream *jetstream, const char *name, const char *subject);
void stream_delete(struct jetstream *jetstream, const char *name);
void stream_purge(struct jetstream *jetstream, const char *name);
void stream_delete_message(struct jetstream *jetstream, const char *name, uint64_t seq);

struct stream_state {
    uint64_t messages, first, last;
    int64_t created_ns, max_age_ns;
    char leader[32]; /* in a cluster; empty: there is none at the moment */
    char subject[64];
    bool in_files;
};

/* False: the stream does not exist. */
bool stream_state(struct jetstream *jetstream, const char *name, struct stream_state *ret);

/* Waits until it has a leader; if `not_by` is not NULL, another leader than this. */
struct stream_state stream_led(struct jetstream *jetstream, const char *name, const char *not_by);

/* One message as it is stored. The caller frees its payload. False: it does not exist. */
struct stored {
    struct text payload;
    char subject[512];
    char id[128]; /* Nats-Msg-Id, or empty */
};
bool stream_message(struct jetstream *jetstream, const char *name, uint64_t seq,
                    struct stored *ret);

/* ---- Publishing ------------------------------------------------------------------------------ */

struct published {
    uint64_t seq;
    bool duplicate;
};

/* Publishes one message with these headers (a list "Name: value" that ends with NULL, or NULL),
 * repeatedly until it is acknowledged. Without a Nats-Msg-Id it is published once, because a repeat
 * would be another message. */
struct published publish(struct jetstream *jetstream, const char *subject,
                         const char *const *headers, const void *bytes, size_t len);

/* Load event `n` (load.h), on a subject of its own kind, with its id as Nats-Msg-Id. */
struct published publish_load(struct jetstream *jetstream, uint64_t n);

/* Publishes load events `first` … `first + count - 1` in this order, without ids, and without
 * waiting for each. For `STREAM`, on a broker that stays, while nobody else publishes. */
void publish_many(struct jetstream *jetstream, uint64_t first, size_t count);

#endif
