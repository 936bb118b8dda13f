/* reel/view.h: what Reel shows: positions, records, events, rejections, and what came of a
 * command. Shared by those who embed Reel (reel.h) and by sinks (sink.h), which say how to get
 * them.
 */
#ifndef REEL_VIEW_H
#define REEL_VIEW_H

#include <reel/projector.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_view;

/* A sentence without a full stop or a newline. Cut, never overrun. */
struct reel_error {
    char text[1024];
};

/* ---- Where everything stands ----------------------------------------------------------------- */

/* A UUID as text, with a NUL. */
struct reel_epoch {
    char text[37];
};

/* Where everything stands, from one point in time. */
struct reel_position {
    struct reel_epoch epoch;
    uint64_t cursor;    /* highest seq whose effects are committed; 0: none yet */
    uint64_t first_seq; /* oldest event that the log keeps; cursor + 1 if it keeps none */
    uint64_t head;      /* highest seq in the log; beyond cursor only while events are appended
                           that have yet to be folded */
    uint64_t applied;   /* events by the outcome they had when they came, since the log began */
    uint64_t ignored;
    uint64_t rejected;
    uint64_t log_bytes;   /* what the events that are kept take in the log's files */
    uint64_t store_bytes; /* of all files: the log's, and the state's, which does not shrink */

    /* ---- since 1.5: messages of a stream that were never received ---- */
    uint64_t gaps;         /* since the log began */
    uint64_t gap_messages; /* in all gaps together */
    uint64_t gap_from;     /* the newest gap: its first and last message; 0: there is no gap */
    uint64_t gap_to;
};

/* A collection's standing. */
struct reel_collection_info {
    uint32_t revision;
    uint64_t records;
    uint64_t json_bytes; /* of all of them together, as they are served */
    uint64_t cursor;     /* its own: behind the view's while it catches up */
    uint64_t from_seq;   /* it was built from this event on; 1: from the first */
    uint64_t applied;    /* events by what its projector answered, since from_seq */
    uint64_t ignored;
    uint64_t rejected;
    uint64_t changed; /* seq of the event that last changed any of its records; 0: none did */
    bool served;      /* caught up */
};

/* ---- Records --------------------------------------------------------------------------------- */

/* One record. Borrowed until the callback that was given it returns. */
struct reel_row {
    struct reel_str key;
    struct reel_str json; /* the object as it is served, on one line */
    uint64_t changed;     /* seq of the event that last changed it */
};

/* Called for one thing after another; anything but 0 ends the walk, and is what the walk
 * returns. It must not use the view it is called from (-EDEADLK), and the view lives while it
 * runs. A walk that ends with -ETIME has given what it gave rightly, but not all. */
typedef int (*reel_row_fn)(void *context, const struct reel_row *row);

/* A record that was changed, or deleted: then row.json.data is NULL. Borrowed likewise. */
struct reel_changed_row {
    const char *collection;
    struct reel_row row;
};
typedef int (*reel_changed_fn)(void *context, const struct reel_changed_row *changed);

/* ---- Events ---------------------------------------------------------------------------------- */

enum {
    REEL_LOG_NOT_JSON = 1 << 0,  /* the payload was not exactly one JSON value */
    REEL_LOG_OVERSIZE = 1 << 1,  /* above event_bytes_max: `bytes` is empty */
    REEL_LOG_SUBMITTED = 1 << 2, /* came by a command or by POST: a repeat of its source and id
                                    is known as one */
    REEL_LOG_CONVERTED = 1 << 4, /* came in a broker's binary mode: `bytes` are the structured form
                                    that was made of it */
    REEL_LOG_GAP = 1 << 5,       /* not an event: the last of `size` messages of a stream that were
                                    never received; `bytes` is empty (since 1.5) */
};

/* One event of the log. Borrowed until the callback returns. */
struct reel_entry {
    uint64_t seq;
    uint64_t time_ns; /* when it was received: ns since 1970, UTC */
    uint32_t flags;   /* REEL_LOG_… */
    uint32_t size;    /* of the payload as it came, bytes */
    struct reel_str bytes;
    struct reel_str type;         /* CloudEvents `type`; NULL data: none, or no string */
    struct reel_str subject;      /* CloudEvents `subject`, likewise */
    struct reel_str nats_subject; /* that it was published under; NULL data: none was */
};
typedef int (*reel_entry_fn)(void *context, const struct reel_entry *entry);

/* One rejection: of an event by one projector, or by all, being no JSON (collection empty). */
struct reel_rejection {
    uint64_t seq;
    struct reel_str collection;
    struct reel_str reason;
};
typedef int (*reel_rejection_fn)(void *context, const struct reel_rejection *rejection);

/* ---- Writing --------------------------------------------------------------------------------- */

/* What a result has of a reason, with its NUL; all of it is in the rejections. */
#define REEL_REASON_MAX 256

/* What became of one event. */
struct reel_result {
    uint64_t seq;
    reel_outcome outcome; /* REEL_REJECTED if any projector rejected it, else REEL_APPLIED if any
                             applied it, else REEL_IGNORED */
    bool repeated;        /* it was in the log already, at `seq`, and was not appended again */
    char collection[64];  /* of the first projector that rejected it; empty: none did, or it is no
                             JSON */
    char reason[REEL_REASON_MAX]; /* the first one's; cut. Empty: nobody rejected it */
};

enum {
    REEL_ORDER_IF_EXISTS = 1 << 0,  /* only if there is the record */
    REEL_ORDER_IF_VERSION = 1 << 1, /* only if it is one of `versions` */
};

/* Which version of a record: the log, and the event of it that made it (reel_row.changed). */
struct reel_version {
    struct reel_epoch epoch;
    uint64_t changed;
};

/* A command, as a person or a client gives it. */
struct reel_order {
    uint32_t struct_size;
    uint32_t flags; /* REEL_ORDER_…; with several, any of them will do */
    struct reel_str collection;
    struct reel_str verb;
    struct reel_str key;             /* in any form that canonical_key takes; none for "create" */
    struct reel_str body;            /* JSON, or empty */
    struct reel_str idempotency_key; /* or none: then a repeat is a new command */

    /* Who gives it, in any bytes, or none: equal keys of two callers are two commands. Only a hash
     * of it is kept. */
    struct reel_str caller;

    /* With REEL_ORDER_IF_VERSION. A repeat is one whatever has become of the record. */
    const struct reel_version *versions;
    size_t version_count;
};

/* What came of it. */
struct reel_answer {
    bool accepted;
    bool repeated; /* by its idempotency key: nothing was appended this time. Known for as long
                      as the log keeps the first one's last event */
    uint64_t seq;  /* of the last event appended, or found; 0 if none */
    char *key;     /* of the record, NUL after it */
    size_t key_len;
    char *record; /* its JSON as it is after this command's events; of a repeat, as it is now;
                     NULL if there is none */
    size_t record_len;
    reel_refusal refusal; /* when not accepted */
    char problem[64];     /* when not accepted: "conflict", … */
    char detail[1024];    /* when not accepted: a sentence */
    uint64_t cursor;      /* the position at which the record stands so: `seq`, or beyond it */
};

#ifdef __cplusplus
}
#endif
#endif
