/* jetstream.h: what a test does to a stream, through nats.c: making it, publishing, taking away.
 *
 * Every call waits for its answer, and again where the broker is just away or chooses a leader;
 * what is published has an id then, so that it is stored once. */
#ifndef TESTS_SUPPORT_JETSTREAM_H
#define TESTS_SUPPORT_JETSTREAM_H

#include "support.h"

#include <nats/nats.h>

#define STREAM "CELLOS_EVENTS"

/* A connection of one's own. One thread uses it at a time. */
struct jetstream {
    natsConnection *connection;
    jsCtx *context;
};

/* Waits until JetStream answers there. `options` are used up; NULL: none besides the URLs, which
 * commas part. */
struct jetstream jetstream_opened(const char *urls, natsOptions *options);
void jetstream_close(struct jetstream *jetstream);

/* ---- The stream ------------------------------------------------------------------------------ */

/* All zero: `STREAM` on "cellos.events.>", one replica, no limit. */
struct stream_options {
    const char *name, *subject;
    int replicas;
    int64_t messages_max; /* the oldest are discarded */
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
    char leader[32]; /* in a cluster; empty: there is none just now */
    char subject[64];
    bool in_files;
};

/* False: there is no such stream. */
bool stream_state(struct jetstream *jetstream, const char *name, struct stream_state *ret);

/* Waits until it has a leader, other than the one named if that is not NULL. */
struct stream_state stream_led(struct jetstream *jetstream, const char *name, const char *not_by);

/* One message as it is stored; its payload is the caller's to free(). False: it is not there (any
 * more). */
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

/* One message with these headers, a list "Name: value" that ends with NULL, or NULL; repeated until
 * it is acknowledged. Without a Nats-Msg-Id a repeat would be another message: then once. */
struct published publish(struct jetstream *jetstream, const char *subject,
                         const char *const *headers, const void *bytes, size_t len);

/* Load event `n` (load.h), on a subject of its own kind, with its id as Nats-Msg-Id. */
struct published publish_load(struct jetstream *jetstream, uint64_t n);

/* Load events `first` … `first + count - 1` without waiting for each, in this order, without ids.
 * For `STREAM`, on a broker that stays, where nobody else publishes. */
void publish_many(struct jetstream *jetstream, uint64_t first, size_t count);

#endif
