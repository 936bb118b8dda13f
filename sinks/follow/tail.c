/* tail.c: see tail.h. */
#include "follow/tail.h"

#include "base/invariant.h"

#include <errno.h>

/* Most events that are read for one chunk: an event that the filter leaves out takes time, too. */
#define EXAMINED_MAX 4096

/* A follower that is further behind than this applies its filter before events are framed, not
 * afterwards. */
#define FAR_BEHIND 4096

void tail_init(struct tail *tail, struct reel_sink_host *host, const struct transport *transport,
               struct framer *framer, atomic_uint_fast64_t *memory) {
    *tail = (struct tail){.host = host, .transport = transport, .framer = framer, .memory = memory};
}

void tail_finish(struct tail *tail) {
    tail_clear(tail);
}

/* ---- Reading the log ------------------------------------------------------------------------- */

/* Why a walk was ended. */
enum {
    WALK_FULL = 1, /* the chunk is full */
    WALK_LEVEL,    /* the events that follow are not folded yet */
};

struct decoded {
    struct tail *tail;
    struct chunk *chunk;
    const struct event_filter *filter; /* NULL: all events */
    struct reel_position position;
    size_t examined;
};

static int frame_entry(struct decoded *reading, const struct reel_entry *entry) {
    struct tail *tail = reading->tail;
    struct chunk *chunk = reading->chunk;
    int rc = tail->transport->event(tail->framer, entry, &chunk->bytes);
    if (rc < 0) chunk_drop_frame(chunk);
    return rc <= 0 ? rc : chunk_end_frame(chunk, entry->seq, chunk->is_shared ? entry : NULL);
}

static int take_entry(void *context, const struct reel_entry *entry) {
    struct decoded *reading = context;
    struct chunk *chunk = reading->chunk;
    if (entry->seq > reading->position.cursor) return WALK_LEVEL;
    if (reading->examined == EXAMINED_MAX ||
        (chunk->count > 0 && chunk->bytes.len + entry->bytes.len > CHUNK_BYTES))
        return WALK_FULL;
    if (!reading->filter || event_filter_matches(reading->filter, entry)) {
        int rc = frame_entry(reading, entry);
        if (rc < 0) return rc;
    }
    reading->examined++;
    chunk->last = entry->seq;
    return 0;
}

bool tail_is_same(const struct reel_epoch *a, const struct reel_epoch *b) {
    return memcmp(a->text, b->text, sizeof a->text) == 0;
}

static int read_view(struct decoded *reading, const struct reel_epoch *epoch,
                     struct reel_view *view) {
    struct reel_sink_host *host = reading->tail->host;
    struct reel_position *position = &reading->position;
    struct chunk *chunk = reading->chunk;
    int rc = reel_sink_position(host, view, position);
    if (rc < 0) return rc;
    if (!tail_is_same(&position->epoch, epoch)) return -ESTALE;
    if (position->first_seq > chunk->last + 1) return -ERANGE;
    rc = reel_sink_log(host, view, chunk->last + 1, take_entry, reading);
    if (rc == -ETIME && reading->examined > 0) return 0;
    if (rc < 0) return rc;
    if (rc != WALK_FULL && chunk->last < position->cursor) chunk->last = position->cursor;
    return 0;
}

/* Reads events and adds them to the end of a chunk, which belongs to the log with this epoch. */
static int read_bite(struct tail *tail, const struct reel_epoch *epoch,
                     const struct event_filter *filter, struct chunk *chunk) {
    struct decoded reading = {.tail = tail, .chunk = chunk, .filter = filter};
    struct reel_view *view;
    int rc = reel_sink_view_open(tail->host, &view, NULL);
    if (rc < 0) return rc;
    rc = read_view(&reading, epoch, view);
    reel_sink_view_close(tail->host, view);
    return reading.examined > 0 ? 0 : rc; /* a later error will occur again in the next call */
}

/* ---- The ring ------------------------------------------------------------------------------- */

void tail_clear(struct tail *tail) {
    ring_begin(&tail->ring, 0);
}

static int grow_chunk(struct tail *tail, struct chunk *chunk) {
    size_t before = chunk->counted;
    int rc = read_bite(tail, &tail->epoch, NULL, chunk);
    ring_grown(&tail->ring, before);
    return rc;
}

/* Reads more events into the last chunk, or into a new one if the next event does not fit. */
static int grow(struct tail *tail) {
    uint64_t before = tail->ring.end;
    struct chunk *chunk = ring_last(&tail->ring);
    if (chunk && chunk->bytes.len < CHUNK_BYTES / 2 && chunk->count < EXAMINED_MAX) {
        int rc = grow_chunk(tail, chunk);
        if (rc < 0 || tail->ring.end > before || chunk->count == 0) return rc;
    }
    chunk = ring_add(&tail->ring, tail->memory);
    return chunk ? grow_chunk(tail, chunk) : -ENOMEM;
}

bool tail_has(const struct tail *tail, uint64_t seq) {
    return seq >= tail->ring.begin;
}

/* ---- The next chunk -------------------------------------------------------------------------- */

static int own_bite(struct tail *tail, const struct tail_place *place, struct chunk **ret) {
    struct chunk *chunk = chunk_create(place->seq, false, tail->memory);
    if (!chunk) return -ENOMEM;
    int rc = read_bite(tail, place->epoch, place->filter, chunk);
    if (rc < 0 || chunk->last == place->seq) {
        chunk_unref(chunk);
        return rc;
    }
    *ret = chunk;
    return 1;
}

/* The follower is at the cursor, or after it. It may be after it for a moment, or because the log
 * was replaced. */
static int check_epoch(struct tail *tail, const struct tail_place *place) {
    struct reel_position position;
    struct reel_view *view;
    int rc = reel_sink_view_open(tail->host, &view, NULL);
    if (rc < 0) return rc;
    rc = reel_sink_position(tail->host, view, &position);
    reel_sink_view_close(tail->host, view);
    if (rc < 0) return rc;
    return tail_is_same(&position.epoch, place->epoch) ? 0 : -ESTALE;
}

/* Starts the ring again at this position, which is near the end, or in another log. */
static void begin_at(struct tail *tail, const struct tail_place *place) {
    ring_begin(&tail->ring, place->seq);
    tail->epoch = *place->epoch;
}

int tail_next(struct tail *tail, const struct tail_place *place, struct chunk **ret,
              size_t *ret_frame) {
    uint64_t seq = place->seq, cursor = reel_sink_cursor(tail->host);
    *ret_frame = 0;
    if (seq == cursor) return 0;
    if (seq > cursor) return check_epoch(tail, place);
    struct ring *ring = &tail->ring;
    if (ring->count == 0 || seq > ring->end || !tail_is_same(&tail->epoch, place->epoch)) {
        bool is_far = !event_filter_is_empty(place->filter) && seq + FAR_BEHIND < cursor;
        if (is_far) return own_bite(tail, place, ret);
        begin_at(tail, place);
    }
    if (seq < ring->begin) return own_bite(tail, place, ret);
    if (seq == ring->end) {
        int rc = grow(tail);
        if (rc < 0) return rc;
        if (seq == ring->end) return 0;
    }
    *ret = chunk_ref(ring_find(ring, seq));
    *ret_frame = chunk_find_seq(*ret, seq);
    return 1;
}
