/* records.h: the changes of one collection as chunks of frames, for followers of records.
 *
 * A follower of records is a position in the order of changes (reel_view_changes), and the
 * generation to which the position belongs. There is no queue and no copy: what is sent next is
 * read from a view, so a follower that is slow gets only the newest state of each record.
 *
 *     listing   sends the records in key order, a slice from each view. Its seq is the cursor of
 *               the first view, and records that were changed after that are left out: the changes
 *               after this seq follow
 *     behind    sends the changes after its seq, a slice from each view
 *     live      has been at the end once: all that a view has was sent. Live followers of one
 *               stream share frames in a ring, so that a change is framed once
 *
 * When the collection has been rebuilt, live followers get the differences (crossing.h):
 *
 *     crossing  sends the records that differ, as they are now; then it is behind, at the cursor
 *               to which they were compared, in the new generation
 *
 * A follower is at the end when a view had no further change. Only then is what was sent the
 * collection as of a cursor, and a position can be told (records_point).
 *
 * An event may change more records than fit into a slice. Then the position is within the event:
 * behind the record with `key`, in the order of keys.
 *
 * A stream is what equal followers share: the same collection, filter and transport. Its functions
 * run on the hub's thread, except record_stream_create and, for a stream that was not joined,
 * record_stream_unref.
 */
#ifndef REEL_SINKS_FOLLOW_RECORDS_H
#define REEL_SINKS_FOLLOW_RECORDS_H

#include "events/frame.h"
#include "follow/crossing.h"
#include "follow/record_filter.h"
#include "follow/ring.h"
#include "follow/transport.h"

#include <reel/sink_host.h>

/* Streams beyond this number that have several followers do without a ring: each of their followers
 * reads for itself. */
#define RECORD_RINGS_MAX 16

/* All streams of a hub that have followers. */
struct record_streams {
    struct record_stream *first;
    struct crossings crossings;
    unsigned rings;
};

struct record_stream {
    struct record_stream *next;
    struct record_streams *streams; /* the list that it is in; NULL: it was not joined */
    unsigned refs;

    struct reel_sink_host *host;
    const struct transport *transport;
    struct framer *framer;
    atomic_uint_fast64_t *memory; /* bytes of all chunks (chunk.h) */
    const char *collection;
    struct record_filter filter;
    bool wants_digest;
    struct crossing *crossing; /* of its collection; NULL: there was no memory for it */

    /* The newest end that was reached; `commit`: nothing has changed since, while this is the
     * newest commit. */
    bool has_end;
    struct reel_epoch epoch;
    uint64_t generation, seq, commit;
    char digest[33];

    struct ring *ring; /* NULL until two followers share it. Its frames belong to: */
    struct reel_epoch ring_epoch;
    uint64_t ring_generation;
};

/* Creates a stream with one reference, and takes ownership of the filter. The collection's name is
 * borrowed for ever. NULL: out of memory; the caller still owns the filter. */
struct record_stream *record_stream_create(const char *collection, bool wants_digest,
                                           struct record_filter *filter);
void record_stream_unref(struct record_stream *stream);

/* Replaces the stream by an equal one of the list; or adds it to the list. */
struct record_stream *record_stream_join(struct record_stream *own, struct record_streams *streams);

/* A stream of one record (record_filter.key) does not walk the changes: it looks at the record, and
 * sends it if it was changed after the place. If the record does not exist, that is sent once.
 *
 * A follower's place in a stream, in addition to its seq. */
struct record_cursor {
    struct record_stream *stream;
    uint64_t generation;
    bool is_listing;
    bool is_live;
    bool owes_snapshot; /* the next position ends the snapshot */
    bool owes_point;    /* the generation was not told yet */
    bool is_gone;       /* of one record: the client knows that it does not exist */
    bool is_crossing;
    uint64_t crossing; /* which one: its number */
    size_t crossed;    /* the place of the next record that differs */
    char *key; /* the last record that was sent: of the listing, or of the event at seq; NULL:
                  none, or all of the event */
    size_t key_len;
};

void record_cursor_finish(struct record_cursor *cursor);

/* Finds the next chunk. 1: `ret`, with a reference for the caller, and the first of its frames to
 * send; 0: the follower is at the end, and `seq` is the cursor. -ERANGE: deletions that the
 * follower needs may be forgotten; -ESTALE: the log was replaced; -EXDEV: another generation; or an
 * error of the view; or -ENOMEM: try again later. */
int records_next(struct record_cursor *cursor, const struct reel_epoch *epoch, uint64_t *seq,
                 struct chunk **ret, size_t *ret_frame);

/* Moves the place past the first `count` frames of a chunk, or past all of a chunk. */
void records_sent(struct record_cursor *cursor, uint64_t *seq, const struct chunk *chunk,
                  size_t count);
void records_sent_all(struct record_cursor *cursor, uint64_t *seq, const struct chunk *chunk);

/* True if the follower is at the newest end; then `ret` is its position. */
bool records_point(const struct record_cursor *cursor, const struct reel_epoch *epoch, uint64_t seq,
                   struct frame_point *ret);

#endif
