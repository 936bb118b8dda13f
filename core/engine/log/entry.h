/* entry.h: what a log has: events, controls, and places between them. log.h says what they are for.
 */
#ifndef REEL_ENGINE_LOG_ENTRY_H
#define REEL_ENGINE_LOG_ENTRY_H

#include "base/text.h"

#include <reel/reel.h>

/* Bytes after an event that a parser may read, if the log can provide them. */
#define LOG_ROOM 64

/* Where a submitted event may be: at most so many seqs (log_find_id). */
#define LOG_CANDIDATES 16

/* Longest subject of NATS that is stored. */
#define LOG_SUBJECT_MAX UINT16_MAX

enum {
    LOG_NOT_JSON = REEL_LOG_NOT_JSON,
    LOG_OVERSIZE = REEL_LOG_OVERSIZE,
    LOG_SUBMITTED = REEL_LOG_SUBMITTED,
    LOG_LOOK_INSIDE = 1 << 3, /* type or subject are there only in escaped form: parse the event */
    LOG_CONVERTED = REEL_LOG_CONVERTED,
    LOG_GAP = REEL_LOG_GAP,   /* not an event: `size` messages up to `seq` are missing */
    LOG_ANSWERED = 1 << 8,    /* `answer` is set */
    LOG_SET_ASIDE = 1 << 9,   /* a collection must skip this event */
    LOG_CONTROL = 1 << 10,    /* used inside of the log: not an event */
    LOG_OTHER_HASH = 1 << 11, /* `id_hash` is not the hash of its source and id */
};

/* The data for answering a repeat of a submitted event. */
struct log_answer {
    struct reel_str key;       /* key of the record in the first result */
    struct reel_str principal; /* the owner of the request */
    uint8_t body_hash[16];     /* of the request's body; valid if `has_body` */
    uint8_t caller_hash[16];   /* of the token's id; all zero: unknown */
    reel_outcome outcome;
    bool has_record; /* false: `key` is not set */
    bool has_body;
};

/* One event. What it points to is borrowed: when appending, from the caller; when reading, until
 * the walk that gave it ends or has given LOG_HELD further entries. */
struct log_entry {
    uint64_t seq;
    uint64_t time_ns; /* received, since 1970, UTC */
    uint32_t flags;
    uint32_t size; /* as received; with LOG_OVERSIZE more than `bytes` has */
    struct reel_str bytes;
    size_t room;                   /* bytes behind `bytes` that may be read, too */
    struct reel_str type, subject; /* appending: decoded; reading: a place in `bytes` */
    struct reel_str nats_subject;  /* at most LOG_SUBJECT_MAX bytes */
    const uint8_t *id_hash;        /* 16 bytes, with LOG_SUBMITTED */
    struct log_answer answer;      /* with LOG_ANSWERED */
    struct reel_str set_aside;     /* with LOG_SET_ASIDE: for whom, see log_set_aside_… */
};

/* An event that must not be folded for a collection: folding it ended the process. Collections are
 * known by name, which is all of them that outlives the state; a mark is for one object of the
 * plugin, since another one may do better. */
#define LOG_BUILD_ID_BYTES 20
struct log_set_aside {
    struct reel_str collection;           /* at most 255 bytes */
    uint8_t build_id[LOG_BUILD_ID_BYTES]; /* all zero: for any */
    uint8_t signal;                       /* that ended the process; 0: none */
    uint32_t ms;                          /* not 0: it did not return within this time */
};

/* A list of them, as log_entry.set_aside is: appends one; and takes one off its front, which false
 * says that there is not. */
void log_set_aside_append(struct text *list, const struct log_set_aside *mark);
bool log_set_aside_next(struct reel_str *list, struct log_set_aside *ret);

/* Is the entry to be skipped for that collection, folded by that object? `ret`, if not NULL: the
 * mark that says so. */
bool log_is_set_aside(const struct log_entry *entry, const char *collection,
                      const uint8_t build_id[LOG_BUILD_ID_BYTES], struct log_set_aside *ret);

/* The stream that the log mirrors. */
struct log_origin {
    uint64_t created_ns;     /* when the stream was created, ns since 1970, UTC */
    uint8_t stream_hash[16]; /* ids_hash of its name */
    uint8_t filter_hash[16]; /* and of its filter */
    uint8_t salt[16]; /* all zero, unless the log was replaced although the stream is the same */
};

struct log_facts {
    uint8_t epoch[16];
    uint64_t first_seq;       /* the floor of events: no event below it is read any more */
    uint64_t first_deletion;  /* the floor of deletions: tombstones below it may be gone */
    uint64_t controls;        /* the number of the newest control; the log counts them */
    struct log_origin origin; /* all zero: the log is our own */
    uint32_t mirrors;         /* 0 or 1: `origin` is set */
    uint32_t is_backup;       /* 0 or 1: a copy that has no epoch of its own yet */
};

/* What a control entry is about. */
enum log_control_kind {
    LOG_FACTS = 1,      /* `facts` */
    LOG_PAUSED = 2,     /* the collection folds no more events */
    LOG_RESUMED = 3,    /* it folds again, from its cursor on */
    LOG_REBUILD = 4,    /* its records are made again, from the floor on */
    LOG_GENERATION = 5, /* its records are of another `generation` from here on */
    LOG_SHOWN = 6,      /* the same: those that its rebuild has made are shown */
    LOG_EMPTIED = 7,    /* the same: it is emptied for its rebuild */
};

struct log_control {
    enum log_control_kind kind;
    uint64_t number;        /* 1, 2, 3, …; set by the log */
    uint64_t seq;           /* when read: the head when it was written */
    struct log_facts facts; /* with LOG_FACTS */
    struct reel_str collection;
    uint64_t generation;
};

/* What a control entry says; `ret` borrows from it. False: it is not one that this version knows.
 */
bool log_read_control(const struct log_entry *entry, struct log_control *ret);

/* The content of a control entry about a collection, whose name may be COLLECTION_BYTES_MAX long:
 * writes it to `to`, returns its length. It is a head (entry.c) and the collection's name; that of
 * LOG_FACTS is the facts. */
#define COLLECTION_BYTES_MAX 255
#define CONTROL_BYTES_MAX    (24 + COLLECTION_BYTES_MAX)
size_t log_write_control(const struct log_control *control, char to[CONTROL_BYTES_MAX]);

/* ---- Places ---------------------------------------------------------------------------------- */

/* A place between two frames. Whoever has seen the log synced up to there can keep it, and have it
 * checked at the next opening. All zero: the beginning. */
struct log_mark {
    uint64_t salt; /* identifies the log */
    uint64_t number, at;
    uint64_t chain; /* checksum of the frame before it */
};

#endif
