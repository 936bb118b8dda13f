/* records.c: see records.h. */
#include "follow/records.h"

#include "base/invariant.h"
#include "follow/tail.h"

#include <errno.h>
#include <stdlib.h>

/* Most records that are looked at for one chunk. */
#define EXAMINED_MAX 4096

/* A ring's chunk has all records that an event has changed, so that all positions in a ring are
 * between events. An event that takes more bytes is not framed in the ring. */
#define RING_EVENT_BYTES_MAX ((size_t)1 << 20)

/* ---- Streams --------------------------------------------------------------------------------- */

struct record_stream *record_stream_create(const char *collection, bool wants_digest,
                                           struct record_filter *filter) {
    struct record_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    stream->refs = 1;
    stream->collection = collection;
    stream->wants_digest = wants_digest;
    stream->filter = *filter;
    *filter = (struct record_filter){0};
    return stream;
}

static void drop_ring(struct record_stream *stream) {
    if (!stream->ring) return;
    ring_begin(stream->ring, 0);
    free(stream->ring);
    stream->ring = NULL;
    INVARIANT(stream->streams->rings > 0);
    stream->streams->rings--;
}

static void destroy(struct record_stream *stream) {
    drop_ring(stream);
    record_filter_finish(&stream->filter);
    free(stream);
}

/* Only a ring that is shared is worth its memory. */
void record_stream_unref(struct record_stream *stream) {
    INVARIANT(stream->refs > 0);
    if (--stream->refs == 1) drop_ring(stream);
    if (stream->refs > 0) return;
    if (stream->streams) {
        crossing_unref(stream->crossing);
        struct record_stream **at = &stream->streams->first;
        while (*at != stream) at = &(*at)->next;
        *at = stream->next;
    }
    destroy(stream);
}

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_equal(const struct record_stream *a, const struct record_stream *b) {
    return a->collection == b->collection && a->transport == b->transport &&
           a->wants_digest == b->wants_digest && is_same_text(a->filter.text, b->filter.text);
}

struct record_stream *record_stream_join(struct record_stream *own,
                                         struct record_streams *streams) {
    for (struct record_stream *stream = streams->first; stream; stream = stream->next) {
        if (!is_equal(stream, own)) continue;
        stream->refs++;
        destroy(own);
        return stream;
    }
    own->streams = streams;
    own->crossing = crossing_ref(&streams->crossings, own->host, own->collection);
    own->next = streams->first;
    return streams->first = own;
}

/* ---- Places ---------------------------------------------------------------------------------- */

static void forget_key(struct record_cursor *cursor) {
    free(cursor->key);
    cursor->key = NULL;
    cursor->key_len = 0;
}

/* False: there is no memory. */
static bool keep_key(struct record_cursor *cursor, struct reel_str key) {
    char *kept = str_copy(key);
    if (!kept) return false;
    free(cursor->key);
    cursor->key = kept;
    cursor->key_len = key.len;
    return true;
}

static struct reel_str key_of(const struct record_cursor *cursor) {
    return (struct reel_str){cursor->key, cursor->key_len};
}

static void stop_crossing(struct record_cursor *cursor) {
    if (!cursor->is_crossing) return;
    INVARIANT(cursor->stream->crossing->cursors > 0);
    cursor->stream->crossing->cursors--;
    cursor->is_crossing = false;
}

void record_cursor_finish(struct record_cursor *cursor) {
    stop_crossing(cursor);
    forget_key(cursor);
    record_stream_unref(cursor->stream);
}

/* True if the chunk ends between two events. */
static bool is_complete(const struct chunk *chunk) {
    return chunk->count == 0 || !(chunk->frames[chunk->count - 1].flags & CHUNK_MORE);
}

/* True if the place is past the frame already: a follower need not begin with a chunk's first
 * frame. */
static bool is_past(const struct record_cursor *cursor, uint64_t seq, const struct chunk *chunk,
                    size_t n) {
    const struct chunk_frame *frame = &chunk->frames[n];
    if (frame->seq != seq || !cursor->key) return frame->seq <= seq;
    return str_compare(chunk_key(chunk, n), key_of(cursor)) <= 0;
}

/* Without memory for a key, the place stays: frames are then sent again.
 *
 * Frames with seq 0 are not frames of records: the head of an answer, control frames, and the rest
 * of a frame past which the place was moved when it was begun. Frames of a crossing have the place
 * behind their key instead. */
void records_sent(struct record_cursor *cursor, uint64_t *seq, const struct chunk *chunk,
                  size_t count) {
    const struct chunk_frame *last = count > 0 ? &chunk->frames[count - 1] : NULL;
    if (!last || last->seq == 0) return;
    if (cursor->is_listing) {
        (void)keep_key(cursor, chunk_key(chunk, count - 1));
        return;
    }
    if (cursor->is_crossing) {
        cursor->crossed = last->seq;
        return;
    }
    if (is_past(cursor, *seq, chunk, count - 1)) return;
    if (!(last->flags & CHUNK_MORE))
        forget_key(cursor);
    else if (!keep_key(cursor, chunk_key(chunk, count - 1)))
        return;
    *seq = last->seq;
}

void records_sent_all(struct record_cursor *cursor, uint64_t *seq, const struct chunk *chunk) {
    records_sent(cursor, seq, chunk, chunk->count);
    if (cursor->is_listing || cursor->is_crossing) return;
    if (!is_complete(chunk) || chunk->last <= *seq) return;
    forget_key(cursor);
    *seq = chunk->last;
}

static bool is_at_end(const struct record_cursor *cursor, const struct reel_epoch *epoch,
                      uint64_t seq) {
    const struct record_stream *stream = cursor->stream;
    if (cursor->is_listing || cursor->is_crossing || cursor->key) return false;
    return stream->has_end && seq == stream->seq && cursor->generation == stream->generation &&
           tail_is_same(epoch, &stream->epoch);
}

bool records_point(const struct record_cursor *cursor, const struct reel_epoch *epoch, uint64_t seq,
                   struct frame_point *ret) {
    if (!is_at_end(cursor, epoch, seq)) return false;
    *ret = (struct frame_point){
        .seq = seq,
        .generation = cursor->generation,
        .is_snapshot = cursor->owes_snapshot,
        .digest = cursor->stream->wants_digest ? cursor->stream->digest : NULL,
    };
    return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Why a walk was ended. */
enum {
    WALK_FULL = 1,
    WALK_TOO_LARGE, /* an event does not fit into the ring */
};

/* From where to read, and what for. */
struct reading {
    struct record_stream *stream;
    struct chunk *chunk;
    const struct reel_epoch *epoch;
    uint64_t generation, seq;
    struct reel_str key;
    bool is_listing;
    bool is_gone;                         /* as of record_cursor */
    bool has_ids;                         /* a client may continue from here */
    const struct record_cursor *crossing; /* it sends what a crossing has found; or NULL */

    struct reel_position position;
    struct reel_collection_info info;
    size_t examined;
    bool is_open;      /* the last frame waits for its end: */
    uint64_t open_seq; /* its seq; its key is in framer->key */
};

/* Ends the frame that was begun. A client can continue after it only if it is the last one of its
 * event, and not part of a snapshot: only then it has an id. */
static int end_frame(struct reading *reading, bool more) {
    struct record_stream *stream = reading->stream;
    struct chunk *chunk = reading->chunk;
    const struct frame_id id = {reading->open_seq, reading->generation};
    if (!reading->is_open) return 0;
    reading->is_open = false;
    stream->transport->text_end(more || !reading->has_ids ? NULL : &id, &chunk->bytes);
    return chunk_end_change(chunk, id.seq, text_str(&stream->framer->key), more);
}

static int begin_frame(struct reading *reading, const struct reel_row *row) {
    struct framer *framer = reading->stream->framer;
    struct chunk *chunk = reading->chunk;
    frame_change(framer_cleared(framer), row);
    if (framer->scratch.failed || framer->key.failed) return -ENOMEM;
    reading->stream->transport->text(framer, &chunk->bytes);
    if (chunk->bytes.failed) {
        chunk_drop_frame(chunk);
        return -ENOMEM;
    }
    reading->is_open = true;
    reading->open_seq = row->changed;
    return 0;
}

/* A chunk of the ring ends between two events. */
static int check_room(const struct reading *reading, const struct reel_row *row, bool more) {
    const struct chunk *chunk = reading->chunk;
    bool is_full = chunk->count > 0 && chunk->bytes.len + row->json.len > CHUNK_BYTES;
    if (reading->examined < EXAMINED_MAX && !is_full) return 0;
    if (!chunk->is_shared || !more) return WALK_FULL;
    return chunk->bytes.len > RING_EVENT_BYTES_MAX ? WALK_TOO_LARGE : 0;
}

/* Is it framed? If not, it belongs to what follows the listing, or is not in the list. */
static bool is_wanted(const struct reading *reading, const struct reel_row *row) {
    return !reading->is_listing || (row->json.data && row->changed <= reading->seq);
}

static void set_key(struct framer *framer, struct reel_str key) {
    framer->key.len = 0;
    framer->key.failed = false;
    text_append_str(&framer->key, key);
}

static int take_row(void *context, const struct reel_row *row) {
    struct reading *reading = context;
    bool more = reading->is_open && !reading->is_listing && row->changed == reading->open_seq;
    int rc = end_frame(reading, more);
    if (rc == 0) rc = check_room(reading, row, more);
    if (rc != 0) return rc;
    reading->examined++;
    set_key(reading->stream->framer, row->key);
    return is_wanted(reading, row) ? begin_frame(reading, row) : 0;
}

static int walk(struct reading *reading, struct reel_view *view) {
    struct record_stream *stream = reading->stream;
    const struct reel_query query = {
        .struct_size = sizeof query,
        .flags = reading->is_listing ? REEL_QUERY_OTHERS : 0,
        .collection = stream->collection,
        .conditions = stream->filter.conditions,
        .after = reading->key,
    };
    if (reading->is_listing)
        return reel_sink_query(stream->host, view, &query, take_row, reading, NULL, NULL);
    return reel_sink_changes(stream->host, view, &query, reading->seq, take_row, reading, NULL);
}

/* ---- One record ------------------------------------------------------------------------------ */

static int take_one(void *context, const struct reel_row *row) {
    struct reading *reading = context;
    reading->is_gone = false;
    bool is_new = reading->is_listing ? is_wanted(reading, row) : row->changed > reading->seq;
    if (!is_new) return 0;
    set_key(reading->stream->framer, row->key);
    return begin_frame(reading, row);
}

/* Reads the record of a stream of one record. When it was deleted is not known exactly: by now. */
static int read_one(struct reading *reading, struct reel_view *view) {
    struct record_stream *stream = reading->stream;
    const struct reel_row gone = {.key = stream->filter.key, .changed = reading->position.cursor};
    if (reading->is_listing && reading->key.data) return 0; /* it was sent */
    int rc = reel_sink_get(stream->host, view, stream->collection, stream->filter.key, take_one,
                           reading);
    if (rc != -ENOENT) return rc;
    bool is_news = !reading->is_listing && !reading->is_gone;
    reading->is_gone = true;
    set_key(stream->framer, gone.key);
    return is_news ? begin_frame(reading, &gone) : 0;
}

/* ---- The end of a walk ----------------------------------------------------------------------- */

/* The view had nothing more: the place behind the chunk is the end. */
static void reach_end(struct reading *reading, uint64_t commit) {
    struct record_stream *stream = reading->stream;
    stream->has_end = true;
    stream->epoch = *reading->epoch;
    stream->generation = reading->generation;
    stream->seq = reading->chunk->last = reading->position.cursor;
    stream->commit = commit;
    memcpy(stream->digest, reading->info.digest, sizeof stream->digest);
}

/* Ends what a walk has read. A walk that has ended by itself does not know whether its last event
 * has changed more. */
static int end_walk(struct reading *reading, uint64_t commit, int rc) {
    struct chunk *chunk = reading->chunk;
    int ended = end_frame(reading, rc < 0);
    if (rc == 0) rc = ended;
    if (rc == 0 && !reading->is_listing) {
        reach_end(reading, commit);
    } else if (chunk->count > 0 && !reading->is_listing && is_complete(chunk)) {
        chunk->last = chunk->frames[chunk->count - 1].seq;
    }
    return rc;
}

/* ---- Crossing -------------------------------------------------------------------------------- */

/* A record that differs, as it is in this view. */
struct crossing_row {
    struct reading *reading;
    const struct crossing_key *key;
    bool is_there;
};

static int begin_crossing_frame(struct reading *reading, const struct crossing_key *key,
                                const struct reel_row *row) {
    set_key(reading->stream->framer, key->key);
    int rc = begin_frame(reading, row);
    reading->open_seq = key->next; /* see records_sent */
    return rc < 0 ? rc : end_frame(reading, false);
}

/* The query begins at the key, and gives one record. What is newer follows. */
static int take_crossing_row(void *context, const struct reel_row *row) {
    struct crossing_row *sought = context;
    sought->is_there = str_compare(row->key, sought->key->key) == 0;
    if (!sought->is_there || row->changed > sought->reading->seq) return 0;
    return begin_crossing_frame(sought->reading, sought->key, row);
}

/* A record that is not there any more was deleted later, which follows, too. */
static int cross_key(struct reading *reading, struct reel_view *view,
                     const struct crossing_key *key) {
    struct record_stream *stream = reading->stream;
    struct crossing_row sought = {.reading = reading, .key = key};
    const struct reel_row gone = {.key = key->key, .changed = reading->seq};
    const struct reel_query query = {
        .struct_size = sizeof query,
        .flags = REEL_QUERY_FROM | REEL_QUERY_OTHERS,
        .limit = 1,
        .collection = stream->collection,
        .conditions = stream->filter.conditions,
        .after = key->key,
    };
    int rc = reel_sink_query(stream->host, view, &query, take_crossing_row, &sought, NULL, NULL);
    if (rc < 0 || sought.is_there || !key->is_gone) return rc;
    return begin_crossing_frame(reading, key, &gone);
}

static int cross(struct reading *reading, struct reel_view *view) {
    const struct crossing *crossing = reading->stream->crossing;
    struct chunk *chunk = reading->chunk;
    struct crossing_key key;
    chunk->last = reading->crossing->crossed;
    const struct reel_str only = reading->stream->filter.key;
    while (crossing_key_at(crossing, chunk->last, &key)) {
        if (chunk->bytes.len > CHUNK_BYTES || reading->examined++ == EXAMINED_MAX) return WALK_FULL;
        bool is_ours = !only.data || reel_str_eq(only, key.key);
        int rc = is_ours ? cross_key(reading, view, &key) : 0;
        if (rc < 0) return rc;
        chunk->last = key.next;
    }
    return 0;
}

/* ---- Views ----------------------------------------------------------------------------------- */

static int look(struct reading *reading, struct reel_view *view) {
    const struct record_stream *stream = reading->stream;
    return crossing_look(stream->host, view, stream->collection, &reading->position,
                         &reading->info);
}

/* If nothing has changed since the place, nothing need be walked. */
static int read_view(struct reading *reading, struct reel_view *view, uint64_t commit) {
    const struct reel_collection_info *info = &reading->info;
    if (!tail_is_same(&reading->position.epoch, reading->epoch)) return -ESTALE;
    if (!info->served) return -EAGAIN;
    if (info->generation != reading->generation) return -EXDEV;
    bool is_behind = reading->seq < reading->position.cursor; /* of a stopped one, its own */
    if (is_behind && reading->seq + 1 < reading->position.first_deletion) return -ERANGE;
    if (reading->crossing) return cross(reading, view);
    if (reading->position.cursor < reading->seq) reading->position.cursor = reading->seq;
    bool is_idle = !reading->is_listing && !reading->key.data && info->changed <= reading->seq;
    int rc = 0;
    if (!is_idle) rc = (reading->stream->filter.key.data ? read_one : walk)(reading, view);
    return end_walk(reading, commit, rc);
}

/* The old records, after a rebuild. A place that is beyond them comes from elsewhere. */
static int read_old(struct reading *reading) {
    const struct crossing *crossing = reading->stream->crossing;
    struct reel_view *view =
        crossing ? crossing_old_view(crossing, reading->epoch, reading->generation) : NULL;
    if (!view) return -EXDEV;
    int rc = look(reading, view);
    if (rc == 0 && reading->seq > reading->position.cursor) rc = -EXDEV;
    if (rc == 0) rc = read_view(reading, view, UINT64_MAX); /* there is a newer end */
    return rc == -ETIME && reading->chunk->count == 0 ? -EXDEV : rc;
}

/* Reads into the chunk. 0: the view had no more; WALK_…; or an error. */
static int read_slice(struct reading *reading) {
    struct record_stream *stream = reading->stream;
    struct reel_sink_host *host = stream->host;
    uint64_t commit = reel_sink_newest_commit(host); /* before the view: it may be newer */
    struct reel_view *view;
    int rc = reel_sink_view_open(host, &view, NULL);
    if (rc < 0) return rc;
    rc = look(reading, view);
    bool is_seen = rc == 0 && reading->info.served;
    if (rc == 0) rc = read_view(reading, view, commit);
    if (is_seen && stream->crossing)
        crossing_saw_take(stream->crossing, view, &reading->position, &reading->info);
    else
        reel_sink_view_close(host, view);
    return rc == -EXDEV && !reading->crossing ? read_old(reading) : rc;
}

/* ---- A chunk of one's own -------------------------------------------------------------------- */

/* A slice of the listing may have no frames, because all records in it are left out. The place then
 * moves past the last of them. */
static int skip_slice(struct record_cursor *cursor, struct chunk *chunk, struct chunk **ret) {
    const struct text *key = &cursor->stream->framer->key;
    if (key->failed || !keep_key(cursor, text_str(key))) {
        chunk_unref(chunk);
        return -ENOMEM;
    }
    *ret = chunk;
    return 1;
}

static int read_own(struct record_cursor *cursor, const struct reel_epoch *epoch, uint64_t *seq,
                    struct chunk **ret) {
    struct record_stream *stream = cursor->stream;
    struct chunk *chunk = chunk_create(*seq, false, stream->memory);
    if (!chunk) return -ENOMEM;
    struct reading reading = {
        .stream = stream,
        .chunk = chunk,
        .epoch = epoch,
        .generation = cursor->generation,
        .seq = *seq,
        .key = key_of(cursor),
        .is_listing = cursor->is_listing,
        .is_gone = cursor->is_gone,
        .has_ids = !cursor->owes_snapshot,
    };
    int rc = read_slice(&reading);
    if (rc >= 0) cursor->is_gone = reading.is_gone;
    if (chunk->count > 0) { /* a later error will occur again in the next call */
        *ret = chunk;
        return 1;
    }
    if (rc != 0 && cursor->is_listing && reading.examined > 0)
        return skip_slice(cursor, chunk, ret);
    chunk_unref(chunk);
    if (rc != 0) return rc;
    forget_key(cursor);
    if (cursor->is_listing) {
        cursor->is_listing = false;
        return read_own(cursor, epoch, seq, ret);
    }
    *seq = reading.position.cursor;
    return 0;
}

/* ---- The ring -------------------------------------------------------------------------------- */

/* The follower must read a chunk of its own. */
enum { NOT_IN_RING = 2 };

static int grow_chunk(struct record_stream *stream, struct chunk *chunk) {
    size_t counted = chunk->counted;
    struct reading reading = {
        .stream = stream,
        .chunk = chunk,
        .epoch = &stream->ring_epoch,
        .generation = stream->ring_generation,
        .seq = stream->ring->end,
        .has_ids = true,
    };
    int rc = read_slice(&reading);
    ring_grown(stream->ring, counted);
    return rc;
}

/* Reads more changes into the last chunk, or into a new one if the next change does not fit. An
 * event that is not complete, because it is too large or because the view has ended, empties the
 * ring. */
static int grow(struct record_stream *stream) {
    struct ring *ring = stream->ring;
    uint64_t before = ring->end;
    struct chunk *chunk = ring_last(ring);
    int rc = WALK_FULL;
    if (chunk && chunk->bytes.len < CHUNK_BYTES / 2 && chunk->count < EXAMINED_MAX)
        rc = grow_chunk(stream, chunk);
    if (rc == WALK_FULL && ring->end == before) {
        chunk = ring_add(ring, stream->memory);
        rc = chunk ? grow_chunk(stream, chunk) : -ENOMEM;
    }
    if (!chunk || is_complete(chunk)) return rc < 0 ? rc : 0;
    ring_begin(ring, 0);
    return NOT_IN_RING;
}

static bool make_ring(struct record_stream *stream) {
    if (stream->streams->rings == RECORD_RINGS_MAX) return false;
    stream->ring = calloc(1, sizeof *stream->ring);
    if (stream->ring) stream->streams->rings++;
    return stream->ring;
}

/* Begins the ring at this place, unless it has it already. False: it cannot have it. */
static bool find_ring(struct record_cursor *cursor, const struct reel_epoch *epoch, uint64_t seq) {
    struct record_stream *stream = cursor->stream;
    if (stream->refs == 1 || !cursor->is_live || stream->filter.key.data) return false;
    if (!stream->ring && !make_ring(stream)) return false;
    struct ring *ring = stream->ring;
    bool is_ours = ring->count > 0 && cursor->generation == stream->ring_generation &&
                   tail_is_same(epoch, &stream->ring_epoch);
    if (is_ours && seq <= ring->end) return cursor->key ? seq > ring->begin : seq >= ring->begin;
    if (cursor->key) return false;
    ring_begin(ring, seq);
    stream->ring_epoch = *epoch;
    stream->ring_generation = cursor->generation;
    return true;
}

/* The first frame behind the place. */
static size_t find_frame(const struct record_cursor *cursor, const struct chunk *chunk,
                         uint64_t seq) {
    if (!cursor->key) return chunk_find_seq(chunk, seq);
    size_t n = chunk_find_seq(chunk, seq - 1);
    while (n < chunk->count && chunk->frames[n].seq == seq &&
           str_compare(chunk_key(chunk, n), key_of(cursor)) <= 0)
        n++;
    return n;
}

static int next_of_ring(struct record_cursor *cursor, uint64_t seq, struct chunk **ret,
                        size_t *ret_frame) {
    struct ring *ring = cursor->stream->ring;
    uint64_t after = cursor->key ? seq - 1 : seq;
    if (after == ring->end) {
        int rc = grow(cursor->stream);
        if (rc != 0) return rc;
        if (after == ring->end) return 0;
    }
    *ret = chunk_ref(ring_find(ring, after));
    *ret_frame = find_frame(cursor, *ret, seq);
    return 1;
}

/* ---- After a rebuild ------------------------------------------------------------------------- */

/* All differences were sent. */
static void arrive(struct record_cursor *cursor, uint64_t *seq) {
    const struct crossing_side *to = &cursor->stream->crossing->to;
    stop_crossing(cursor);
    cursor->generation = to->generation;
    cursor->owes_point = true;
    cursor->is_gone = false; /* it may have been sent among the differences */
    *seq = to->position.cursor;
}

/* The next differences; 0: all were sent. */
static int read_crossing(struct record_cursor *cursor, const struct reel_epoch *epoch,
                         uint64_t *seq, struct chunk **ret) {
    struct record_stream *stream = cursor->stream;
    const struct crossing *crossing = stream->crossing;
    if (crossing->state != CROSSING_READY || crossing->number != cursor->crossing) return -EXDEV;
    struct chunk *chunk = chunk_create(0, false, stream->memory);
    if (!chunk) return -ENOMEM;
    struct reading reading = {
        .stream = stream,
        .chunk = chunk,
        .epoch = epoch,
        .generation = crossing->to.generation,
        .seq = crossing->to.position.cursor,
        .crossing = cursor,
    };
    int rc = crossing->keys.len > 0 ? read_slice(&reading) : 0;
    if (chunk->count > 0) {
        *ret = chunk;
        return 1;
    }
    if (rc == WALK_FULL || (rc < 0 && chunk->last > cursor->crossed)) {
        cursor->crossed = chunk->last;
        *ret = chunk;
        return 1;
    }
    chunk_unref(chunk);
    if (rc == 0) arrive(cursor, seq);
    return rc;
}

/* At the end of the old records: 1: the differences are known, and follow; 0: it is not there; or
 * -EAGAIN: they are compared. */
static int begin_crossing(struct record_cursor *cursor, const struct reel_epoch *epoch,
                          uint64_t seq) {
    struct crossing *crossing = cursor->stream->crossing;
    if (!crossing || cursor->is_listing || cursor->key || cursor->owes_snapshot) return 0;
    if (!crossing_begins(crossing, epoch, cursor->generation, seq)) return 0;
    int rc = crossing_compare(crossing);
    if (rc <= 0) return rc == -ENOMEM || rc == 0 ? -EAGAIN : -EXDEV;
    cursor->is_crossing = true;
    cursor->crossing = crossing->number;
    cursor->crossed = 0;
    crossing->cursors++;
    return 1;
}

/* ---- The next chunk -------------------------------------------------------------------------- */

static int next_of_generation(struct record_cursor *cursor, const struct reel_epoch *epoch,
                              uint64_t *seq, struct chunk **ret, size_t *ret_frame) {
    struct record_stream *stream = cursor->stream;
    bool is_idle =
        is_at_end(cursor, epoch, *seq) && stream->commit == reel_sink_newest_commit(stream->host);
    int rc = is_idle ? 0 : NOT_IN_RING;
    if (!is_idle && find_ring(cursor, epoch, *seq)) rc = next_of_ring(cursor, *seq, ret, ret_frame);
    if (rc == NOT_IN_RING) rc = read_own(cursor, epoch, seq, ret);
    if (rc == 0) cursor->is_live = true;
    return rc;
}

int records_next(struct record_cursor *cursor, const struct reel_epoch *epoch, uint64_t *seq,
                 struct chunk **ret, size_t *ret_frame) {
    int rc = 0, begun = 1;
    *ret_frame = 0;
    if (cursor->stream->crossing) crossing_tidy(cursor->stream->crossing);
    if (!cursor->is_crossing) begun = begin_crossing(cursor, epoch, *seq);
    if (begun == 0) rc = next_of_generation(cursor, epoch, seq, ret, ret_frame);
    if (rc == 0 && !begun) begun = begin_crossing(cursor, epoch, *seq);
    if (rc != 0 || begun <= 0) return rc != 0 ? rc : begun;
    rc = read_crossing(cursor, epoch, seq, ret);
    return rc == 0 ? next_of_generation(cursor, epoch, seq, ret, ret_frame) : rc;
}
