/* reel/view.h: what Reel shows: positions, collections, records, events, rejections. Programs that
 * embed Reel (reel.h) and sinks (sink_host.h) read the same structs; those headers say how to open
 * a view.
 *
 * A view shows one point in time. Structs passed to a callback are borrowed until the callback
 * returns.
 */
#ifndef REEL_VIEW_H
#define REEL_VIEW_H

#include <reel/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_view;

/* ---- Positions ------------------------------------------------------------------------------- */

/* The identity of a log: a UUID as text, NUL-terminated. A seq is comparable only within one
 * epoch. */
struct reel_epoch {
    char text[37];
};

/* The position of the log and of all collections together. */
struct reel_position {
    struct reel_epoch epoch;
    uint64_t cursor;    /* highest seq whose effects are committed; 0: none yet */
    uint64_t first_seq; /* oldest event in the log; cursor + 1 if the log is empty */
    uint64_t head;      /* highest seq in the log; above `cursor` only while appended events are not
                           folded yet */
    uint64_t applied; /* events since the log began, by their outcome when they were first folded */
    uint64_t ignored;
    uint64_t rejected;
    uint64_t log_bytes;      /* bytes that the events in the log take in its files */
    uint64_t store_bytes;    /* size of all files of log and state; the state's never shrinks */
    uint64_t gaps;           /* number of gaps since the log began: see REEL_LOG_GAP */
    uint64_t gap_messages;   /* messages in all gaps together */
    uint64_t gap_from;       /* first message of the newest gap; 0: there is no gap */
    uint64_t gap_to;         /* last message of the newest gap */
    uint64_t first_deletion; /* deletions by events below this seq may be forgotten. A follower of
                                records may continue from a cursor only if the cursor is at least
                                first_deletion - 1 */
};

/* The state of one collection. */
struct reel_collection_info {
    uint32_t revision; /* of the projector that folded the records */
    uint64_t records;
    uint64_t json_bytes; /* JSON of all records together */
    uint64_t
        cursor; /* of this collection: below the view's cursor while the collection catches up */
    uint64_t
        from_seq; /* first event that was folded into the collection; 1: the log's first event */
    uint64_t applied; /* events since from_seq, by the outcome of the collection's projector */
    uint64_t ignored;
    uint64_t rejected;
    uint64_t
        changed; /* seq of the event that last changed a record; 0: no record was ever changed */
    bool served; /* the collection has caught up, and can be read */

    /* A hash of all records, of which each change updates its part: the sum, modulo 2^128, of
     * XXH3-128 of (length of the key, 8 bytes, little-endian; key; JSON as served). 32 hexadecimal
     * digits, the highest first. At one cursor, equal digests mean equal records. It detects
     * accidents, not malice. */
    char digest[33];

    /* How often the records have changed otherwise than by events: a rebuild, or another build of
     * the plugin that folded the last events again after a crash. In another generation, a record
     * may be another one although its `changed` is the same. */
    uint64_t generation;

    /* It is being rebuilt, and its old records are served meanwhile: the rebuild has folded the
     * events up to rebuild_cursor. */
    bool rebuilding;
    uint64_t rebuild_cursor;

    /* The host has stopped the collection, because its projector has crashed too often: it stays at
     * `cursor`, and can be read. `stopped` says what happened last, or is empty; when, and with
     * which event. */
    char stopped[80];
    uint64_t stopped_s; /* seconds since 1970, UTC */
    uint64_t stopped_seq;
    uint64_t set_aside; /* events that its projector is not given, because it crashed with them */

    /* An operator has paused it: it also stays at `cursor`. If a collection that is stopped or
     * paused has `lost_events`, the log no longer has all events after `cursor`: only a rebuild
     * helps. */
    bool paused;
    bool lost_events;

    /* It is stopped or paused, or has not yet caught up after that. It can be read, as of `cursor`.
     */
    bool stale;

    /* Its projector has crashed with so many keys, or commands, that it is not asked for others:
     * they are refused until the collection is released. */
    bool keys_refused, commands_refused;
};

/* ---- Records --------------------------------------------------------------------------------- */

/* One record. */
struct reel_row {
    struct reel_str key;
    struct reel_str json; /* the object as HTTP serves it, on one line; data NULL: deleted */
    uint64_t changed;     /* seq of the event that last changed the record */
};

/* A walk calls this function with one record after another. To continue, return 0. Any other value
 * ends the walk, and the walk returns it. The function must not use the view that is walked
 * (-EDEADLK). If the walk returns -ETIME, the records that it gave are correct, but some are
 * missing. [view] */
typedef int (*reel_row_fn)(void *context, const struct reel_row *row);

/* A record that was changed or deleted. */
struct reel_changed_row {
    const char *collection;
    const struct reel_row *row;
};

/* As reel_row_fn. [view] */
typedef int (*reel_changed_fn)(void *context, const struct reel_changed_row *changed);

/* ---- Queries --------------------------------------------------------------------------------- */

/* How a field's value is compared with a given one. Nothing but REEL_IS_NULL is true of null,
 * except that a REEL_FIELD_JSON that is null equals `null`. */
typedef uint32_t reel_comparison;
enum {
    REEL_IS_EQUAL = 1, /* of several for one field, one must be true */
    REEL_IS_ABOVE =
        2, /* these four: REEL_FIELD_INTEGER, REEL_FIELD_NUMBER and REEL_FIELD_STRING,
              which is compared in byte order; with REEL_FIELD_ANY_CASE, in lower case */
    REEL_IS_AT_LEAST = 3,
    REEL_IS_BELOW = 4,
    REEL_IS_AT_MOST = 5,
    REEL_IS_NULL = 6, /* these two: without a value */
    REEL_IS_SET = 7,
};

/* What must be true of a record. Conditions for different fields must all be true. */
struct reel_condition {
    uint32_t struct_size;
    reel_comparison comparison;
    const char *field;
    struct reel_str value; /* text: digits, `true`, `false`, a string without quotes */
};

enum {
    REEL_QUERY_DESCENDING = 1 << 0, /* with `order`: from the greatest value to the least */
    REEL_QUERY_FROM = 1 << 1,       /* without `order`: `after` itself is given, too */
    REEL_QUERY_OTHERS = 1 << 2, /* without `order`: the other records are also given, without JSON:
                                   a caller that walks in slices then knows how far it is */
};

/* Longest reel_page.next, with its NUL. */
#define REEL_TOKEN_MAX 1200

struct reel_query {
    uint32_t struct_size;
    uint32_t flags; /* REEL_QUERY_…, or 0 */
    const char *collection;
    const struct reel_condition *const *conditions; /* NULL-terminated; NULL: all records */

    /* A REEL_FIELD_INDEXED field, or `changed`: the order of the last changes. Records with equal
     * values are in the order of their keys, records without a value are last. NULL: in the order
     * of their keys. */
    const char *order;

    /* Where to go on: with `order`, the reel_page.next of a query with the same conditions and
     * order; otherwise a key, after which the records begin. Data NULL: from the beginning. */
    struct reel_str after;
    uint64_t limit; /* most records; 0: no limit */

    /* A query that no index answers looks at records that it does not give. In a collection of more
     * records than this it fails (-E2BIG), and not more than two such queries run at a time
     * (-EBUSY). 0: no limits. */
    uint64_t scan_records_max;
};

/* Where a query with `order` has ended. */
struct reel_page {
    bool more;                 /* there are more records, after `limit` of them */
    char next[REEL_TOKEN_MAX]; /* the position after the last record that was given; empty: there
                                  was none, or the query has no `order` */
};

/* The records with one value of a field. */
struct reel_group {
    struct reel_str value; /* text, as in reel_condition; data NULL: null */
    uint64_t records;
};

/* Most groups that a query may give. */
#define REEL_GROUPS_MAX 1000

/* As reel_row_fn, for groups. [view] */
typedef int (*reel_group_fn)(void *context, const struct reel_group *group);

/* ---- Events ---------------------------------------------------------------------------------- */

/* Facts about an event in the log. */
enum {
    REEL_LOG_NOT_JSON = 1 << 0,  /* the payload was not exactly one JSON value */
    REEL_LOG_OVERSIZE = 1 << 1,  /* larger than event_bytes_max: `bytes` is empty */
    REEL_LOG_SUBMITTED = 1 << 2, /* appended by a command or by POST: a later event with the same
                                    source and id is a repeat */
    REEL_LOG_CONVERTED = 1 << 4, /* received in a broker's binary mode: `bytes` is the event,
                                    converted to structured mode */
    REEL_LOG_GAP = 1 << 5,       /* not an event, but a gap: `size` messages of a stream, up to
                                    `seq`, were never received; `bytes` is empty */
};

/* One event of the log. */
struct reel_entry {
    uint64_t seq;
    uint64_t time_ns; /* when it was received: ns since 1970, UTC */
    uint32_t flags;   /* REEL_LOG_… */
    uint32_t size;    /* of the payload as received, bytes */
    struct reel_str bytes;
    struct reel_str type;    /* CloudEvents `type`; data NULL: absent or not a string */
    struct reel_str subject; /* CloudEvents `subject`; data NULL: absent or not a string */
    struct reel_str
        nats_subject; /* the subject under which it was published; data NULL: not from NATS */

    /* In whose name the command was given that made the event; data NULL: nobody was named, or no
     * command made it. The host has noted this beside the event. The attribute `principal` within
     * `bytes` says the same, but a sender of events may write into an event whatever it wants. */
    struct reel_str principal;
};

/* As reel_row_fn, for events. [view] */
typedef int (*reel_entry_fn)(void *context, const struct reel_entry *entry);

/* One rejection of one event. `collection` is empty if the event is not JSON, because then no
 * projector is called. */
struct reel_rejection {
    uint64_t seq;
    struct reel_str collection;
    struct reel_str reason;
};

/* As reel_row_fn, for rejections. [view] */
typedef int (*reel_rejection_fn)(void *context, const struct reel_rejection *rejection);

/* ---- Plugins --------------------------------------------------------------------------------- */

/* A loaded plugin, for people. The strings live as long as the plugin is loaded. */
struct reel_plugin_info {
    const char *name, *version;
    const char *path;              /* NULL: linked into the program */
    uint16_t abi_major, abi_minor; /* for which it was compiled */
};

#ifdef __cplusplus
}
#endif
#endif
