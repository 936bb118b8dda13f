/* fake_broker.h: a broker in memory, which is all that a feed asks of one (feed.h), and a feed on
 * it, with the writer and a Reel.
 *
 * A test adds messages to its stream, takes some away, cuts sessions, and decides what becomes of
 * what is published. What the feed's thread and the test both touch is under the broker's lock.
 */
#ifndef TESTS_FEEDS_FAKE_BROKER_H
#define TESTS_FEEDS_FAKE_BROKER_H

#include "unit.h"

#include "base/clock.h"
#include "feeds/feed.h"

enum {
    FAKE_MESSAGES_MAX = 20000,
    FAKE_SESSIONS_MAX = 4096,
    FAKE_PUBLISHED_MAX = 4096,
    FAKE_EVENT_ROOM = 320,
    PATIENCE_S = 60,
};

/* A message of these bytes is warned about. */
#define FAKE_ODD "odd"

struct fake_message {
    uint64_t seq;
    char *bytes;
    size_t len;
    bool has_id, deleted;
    uint8_t id_hash[16];
    struct log_answer answer; /* as it was published; `key` is the message's own */
};

struct fake_published {
    char *bytes, *subject;
    size_t len;
    uint8_t id_hash[16];
    struct log_answer answer;
};

struct fake_broker {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct fake_message *list; /* in the order of seqs; it never moves */
    size_t count;
    uint64_t created_ns, first_seq, last_seq;
    const char *filter;

    bool down;       /* no session begins */
    bool cuts;       /* each ends as soon as it has begun */
    bool cut;        /* the present one is to end */
    bool answers;    /* takes what is published into the stream, and says so; else the test does */
    int publish_rc;  /* what `publish` returns, with a sentence */
    uint64_t *froms; /* where each session began */
    uint64_t *tries_ns; /* when each was tried */
    size_t sessions, tries;
    struct fake_published *published;
    size_t published_count;
    uint64_t given, released, most_held; /* messages */
    struct feed *feed;                   /* while a session has begun */
};

/* A host with everything on it. */
struct rig {
    struct fake_broker broker;
    struct reel *reel;
    struct intake *intake;
    struct feed *feed;
    bool stopped;
    struct text said;          /* sentences; under the broker's lock */
    bool gate_closed, at_gate; /* under the broker's lock: see rig_hold */
};

/* 0 and NULL: what suits. */
struct rig_options {
    uint64_t map_bytes, batch_bytes_max, queue_events_max, room_events;
    uint32_t batch_events_max, publish_ms_max;
    const char *filter;
    bool begin_anew;
    bool down;
};

/* Opens Reel and writer, for a stream that is empty; and starts the feed. */
struct rig *rig_opened(const struct rig_options *options);
void rig_start(struct rig *rig, const struct rig_options *options);
struct rig *rig_started(const struct rig_options *options); /* both */

/* Stops the feed; and then the writer, and checks that every message was released; frees what is
 * left; and all that there is to do. */
void rig_stop_feed(struct rig *rig);
void rig_stop(struct rig *rig);
void rig_free(struct rig *rig);
void rig_closed(struct rig *rig);

/* Holds the writer up in a job's `done`, so that what is pushed then is done in one group. */
void rig_hold(struct rig *rig);
void rig_let_go(struct rig *rig);

/* An event of the n-th cell; its UUID of source and id. */
size_t fake_event(unsigned n, char space[FAKE_EVENT_ROOM]);
void fake_id(unsigned n, uint8_t ret[16]);

/* Adds the n-th event to the stream, with its id or without; or any bytes. Returns its seq. */
uint64_t fake_add(struct rig *rig, unsigned n, bool with_id);
uint64_t fake_add_bytes(struct rig *rig, const char *bytes, size_t len, const uint8_t *id_hash);
/* Adds what was published, as the stream that has taken it. */
uint64_t fake_add_published(struct rig *rig, size_t n);
/* Tells what became of what was published. */
void fake_tell(struct rig *rig, size_t n, int rc, uint64_t seq, bool repeated,
               const char *sentence);

void fake_set(struct rig *rig, bool *what, bool value);
bool fake_is(struct rig *rig, const bool *what);
void fake_set_first(struct rig *rig, uint64_t first_seq);
void fake_delete(struct rig *rig, uint64_t seq);
size_t fake_sessions(struct rig *rig);
size_t fake_published(struct rig *rig);
size_t rig_count_said(struct rig *rig, const char *part);
bool rig_has_said(struct rig *rig, const char *part);
struct feed_metrics metrics_of(struct rig *rig);

void rig_pause(void); /* a moment */

/* Until it is so: it is looked at again and again. */
#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        uint64_t until_ms = clock_ms() + PATIENCE_S * 1000;                                        \
        while (!(condition)) {                                                                     \
            if (clock_ms() > until_ms)                                                             \
                support_failed(__FILE__, __LINE__, "it never came: %s", #condition);               \
            rig_pause();                                                                           \
        }                                                                                          \
    } while (0)

#endif
