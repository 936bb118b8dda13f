/* copy.h: what a subscriber has received, and what is wrong with it.
 *
 * A copy of a collection is a set of records, each with the text and the seq of its last frame. It
 * may stand on another copy, its base: then it holds only what has come since, so that thousands of
 * subscribers can begin at one point.
 *
 * The digest of a copy is computed here, by its definition (the sum, modulo 2^128, of XXH3-128 of
 * the length of the key in 8 bytes, little-endian, the key and the text of each record), not by the
 * code of the daemon: it is an independent witness.
 */
#ifndef REEL_CONFORM_COPY_H
#define REEL_CONFORM_COPY_H

#include "base/error.h"
#include "base/text.h"
#include "json/value.h"

/* Most bytes of keys and texts in a copy, and most events in a trail. */
#define COPY_BYTES_MAX   ((size_t)256 << 20)
#define TRAIL_EVENTS_MAX 1000000

/* ---- Frames ---------------------------------------------------------------------------------- */

/* A frame of either kind. Texts point into the frame or the parser. */
struct parsed {
    uint64_t seq;
    struct reel_str key, record; /* of records; record NULL: it is not there any more */
    struct reel_str event;       /* of events: the text; NULL data: the frame is a position */
    struct reel_str type;        /* of events that have one */
    bool is_gap;                 /* of events: messages of a stream are missing */
    bool is_point;               /* of records: it has a generation and no key */
    bool is_unknown;             /* of records: of another kind, which clients must ignore */
    bool is_snapshot;
    uint64_t generation;
    struct reel_str digest; /* empty: none */
};

/* -EPROTO: it is not a frame. */
int parse_frame(struct json_parser *parser, struct reel_str text, bool of_records,
                struct parsed *ret, struct reel_error *error);

/* ---- Records --------------------------------------------------------------------------------- */

struct copied {
    struct reel_str key, json; /* json NULL data: it is not there */
    uint64_t seq;
};

/* Modulo 2^128. */
typedef unsigned __int128 copy_digest;

/* All zero: nothing was received. */
struct copy {
    const struct copy *base; /* or NULL; it does not change meanwhile */
    bool by_ids;             /* only ids (copy_take_id) and positions are continued from */
    struct copied *records;  /* in key order; they own their texts */
    size_t count, room, bytes;
    copy_digest digest; /* with that of the base */

    /* From where to continue. */
    bool has_position;
    uint64_t seq, generation;

    /* Of the present connection. */
    uint64_t since; /* it began after this seq */
    bool is_in_snapshot;
    uint64_t last_seq; /* of the last frame */
    struct text last_key;

    /* A frame must not come here, unless it is a record that a rebuild has changed: then the next
     * position has another generation. */
    bool is_misplaced;
    struct reel_error misplaced; /* why */

    uint64_t point; /* the copy is the collection as of this seq, if has_point */
    bool has_point;
    uint64_t frames, points, digests; /* so far; digests: positions whose digest was compared */
};

/* A copy that has the contents and the position of its base. `since` is a seq before that. */
struct copy copy_on(const struct copy *base, uint64_t since);
void copy_finish(struct copy *copy);

/* A connection begins, at the copy's position, or with a snapshot. */
void copy_begin(struct copy *copy);

/* The connection has ended: a snapshot that was not complete is forgotten, and so is a position
 * within an event. */
void copy_end(struct copy *copy);

/* The newest record with this key, also of the base; or NULL. */
const struct copied *copy_find(const struct copy *copy, struct reel_str key);

/* Takes a frame. -EPROTO: it must not come here, or one before it must not; or it shows that one
 * was missing; the sentence says what is wrong. -ESTALE: the records were rebuilt. */
int copy_take(struct copy *copy, const struct parsed *frame, struct reel_error *error);

/* Server-sent events: the frame had this id, SEQ.GENERATION; NULL data: none. */
int copy_take_id(struct copy *copy, struct reel_str id, struct reel_error *error);

/* ---- Events ---------------------------------------------------------------------------------- */

/* One event, by a hash of its text. */
struct passed {
    uint64_t seq, hash;
};

struct trail {
    struct passed *events;
    size_t count, room;
    bool has_position;
    uint64_t seq; /* to continue after */
};
void trail_finish(struct trail *trail);

/* An event, or a position, has been received. -EPROTO: it does not rise. */
int trail_take(struct trail *trail, const struct parsed *frame, struct reel_error *error);

/* Compares the events after `since` up to `until`, with those of the other, which has all of them.
 * -EPROTO: the first difference. */
int trail_compare(const struct trail *trail, const struct trail *wanted, uint64_t since,
                  uint64_t until, struct reel_error *error);

#endif
