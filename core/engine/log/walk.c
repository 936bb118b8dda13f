/* walk.c: reading the log in place (walk.h).
 *
 * In a raw segment, a walk goes through the map from frame to frame. It reads a frame only if the
 * frames before it do not reach `to_seq`. The bytes after that may be a group that is being written
 * or undone. Frames were checked when the log was opened, or were written by this process, so they
 * are not checked again.
 *
 * In a sealed segment, each block is unpacked into memory of the walk. This memory is kept until
 * LOG_HELD further entries were given.
 */
#include "engine/log/walk.h"

#include "engine/log/unpack.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Beginning and ending -------------------------------------------------------------------- */

/* The last segment that begins at or below `seq`; if there is none, the first. */
static size_t find_segment(const struct log_pin *pin, uint64_t seq) {
    size_t low = 0, high = pin->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pin->segments[middle]->head.first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

void log_walk_start(struct log_walk *walk, struct log_pin *pin, uint64_t from_seq,
                    uint64_t to_seq) {
    *walk = (struct log_walk){
        .pin = pin,
        .from_seq = from_seq,
        .to_seq = to_seq,
        .segment = find_segment(pin, from_seq),
    };
}

void log_walk_finish(struct log_walk *walk) {
    while (walk->blocks) {
        struct log_unpacked *block = walk->blocks;
        walk->blocks = block->next;
        free(block);
    }
    walk->held_bytes = 0;
}

/* ---- Raw ------------------------------------------------------------------------------------- */

static int fail_damaged(const struct segment *segment, uint64_t at, struct reel_error *error) {
    return fail(error, -EBADMSG, "log/%s is damaged at offset %llu", segment->name,
                (unsigned long long)at);
}

/* Goes to the frame at `walk->at`: 1; 0: no frame may be read there. */
static int enter_frame(struct log_walk *walk, const struct segment *segment,
                       struct reel_error *error) {
    struct frame_head head;
    uint64_t end = atomic_load_explicit(&segment->end, memory_order_acquire);
    if (walk->at >= end) return 0;
    memcpy(&head, segment->map + walk->at, sizeof head);
    if (head.magic != FRAME_MAGIC || head.len < sizeof head || head.len > end - walk->at)
        return fail_damaged(segment, walk->at, error);
    walk->end = walk->at + head.len;
    walk->left = (struct reel_str){segment->map + walk->at + sizeof head, head.len - sizeof head};
    walk->left_room = FRAME_ROUND(head.len) - head.len;
    walk->at += FRAME_ROUND(head.len);
    if (head.last_seq < walk->from_seq) walk->left.len = 0; /* the walk needs none of its events */
    if (head.last_seq >= walk->to_seq) walk->at = UINT64_MAX;
    return 1;
}

/* Goes to the frame that contains the first entry, or to a frame before it. */
static int begin_raw(struct log_walk *walk, const struct segment *segment,
                     struct reel_error *error) {
    uint64_t at, frame_at;
    walk->at = SEGMENT_PAGE;
    if (!segment_find(segment, walk->from_seq, &at, &frame_at))
        return enter_frame(walk, segment, error);
    walk->at = frame_at;
    int rc = enter_frame(walk, segment, error);
    if (rc <= 0 || walk->left.len == 0) return rc;
    walk->left = (struct reel_str){segment->map + at, walk->end - at};
    return 1;
}

static int more_raw(struct log_walk *walk, const struct segment *segment,
                    struct reel_error *error) {
    if (!walk->inside) {
        walk->inside = true;
        return begin_raw(walk, segment, error);
    }
    return walk->at == UINT64_MAX ? 0 : enter_frame(walk, segment, error);
}

/* ---- Sealed ---------------------------------------------------------------------------------- */

/* Returns the oldest block, if none of its entries must stay valid. */
static struct log_unpacked *take_spare(struct log_walk *walk) {
    struct log_unpacked **last = &walk->blocks;
    if (!*last) return NULL;
    while ((*last)->next) last = &(*last)->next;
    struct log_unpacked *spare = *last;
    if (spare == walk->blocks || walk->given < spare->given + LOG_HELD) return NULL;
    *last = NULL;
    INVARIANT(walk->held_bytes >= spare->len);
    walk->held_bytes -= spare->len;
    return spare;
}

static int more_sealed(struct log_walk *walk, const struct segment *segment,
                       struct reel_error *error) {
    if (!walk->inside) {
        walk->inside = true;
        walk->block = segment_find_block(segment, walk->from_seq);
    }
    if (walk->block == segment->head.table_count ||
        segment_block(segment, walk->block).first_seq > walk->to_seq)
        return 0;
    struct log_unpacked *unpacked, *spare;
    if (walk->blocks) walk->blocks->given = walk->given;
    while ((spare = take_spare(walk)) && walk->held_bytes > 4 * BLOCK_BYTES) free(spare);
    int rc = unpack_block(segment, walk->block, spare, &unpacked, error);
    if (rc < 0) return rc;
    unpacked->next = walk->blocks;
    walk->blocks = unpacked;
    walk->held_bytes += unpacked->len;
    walk->block++;
    walk->left = (struct reel_str){unpacked->bytes, unpacked->len};
    walk->left_room = LOG_ROOM;
    return 1;
}

/* ---- Walking --------------------------------------------------------------------------------- */

/* 1: there are more entries; 0: the walk is at its end. */
static int more(struct log_walk *walk, struct reel_error *error) {
    while (walk->segment < walk->pin->count) {
        const struct segment *segment = walk->pin->segments[walk->segment];
        if (segment->head.first_seq > walk->to_seq) return 0;
        int rc = segment->head.form == SEGMENT_RAW ? more_raw(walk, segment, error)
                                                   : more_sealed(walk, segment, error);
        if (rc != 0) return rc;
        walk->segment++;
        walk->inside = false;
    }
    return 0;
}

/* Prefetches the next entry. Callers look into each entry soon, and the log is usually not in a
 * cache. */
static void fetch_ahead(struct reel_str left, size_t len) {
    const size_t ahead = 1024;
    for (size_t at = ahead; at < ahead + len && at < left.len; at += 64)
        __builtin_prefetch(left.data + at);
}

static int next_entry(struct log_walk *walk, struct log_entry *ret, struct reel_error *error) {
    while (walk->left.len == 0) {
        int rc = more(walk, error);
        if (rc <= 0) return rc;
    }
    size_t before = walk->left.len;
    if (!entry_read(&walk->left, walk->left_room, ret))
        return fail_damaged(walk->pin->segments[walk->segment], walk->end - before, error);
    fetch_ahead(walk->left, before - walk->left.len);
    return 1;
}

int log_next(struct log_walk *walk, struct log_entry *ret, struct reel_error *error) {
    if (walk->from_seq > walk->to_seq) return 0;
    for (;;) {
        struct log_entry entry;
        int rc = next_entry(walk, &entry, error);
        if (rc <= 0) return rc;
        bool control = entry.flags & LOG_CONTROL;
        if (entry.seq > walk->to_seq) return 0;
        if (!control && entry.seq == walk->to_seq) walk->at = UINT64_MAX;
        if (entry.seq < walk->from_seq || (control && !walk->with_control)) continue;
        *ret = entry;
        walk->given++;
        return 1;
    }
}

/* ---- One event ------------------------------------------------------------------------------- */

int log_get(struct log_walk *walk, struct log_pin *pin, uint64_t seq, struct log_entry *ret,
            struct reel_error *error) {
    log_walk_start(walk, pin, seq, seq);
    int rc = log_next(walk, ret, error);
    if (rc < 0) return rc;
    return rc > 0 ? 0 : fail(error, -ENOENT, "the log has no such event");
}

/* Continues looking from an earlier position. */
static void start_at(struct log_walk *walk, size_t segment, uint64_t from_seq) {
    struct log_pin *pin = walk->pin;
    uint64_t to_seq = walk->to_seq;
    log_walk_finish(walk);
    log_walk_start(walk, pin, from_seq, to_seq);
    walk->segment = segment;
}

/* The last event from this position on. It is walked twice: first to find it, then to return it. */
static int last_from(struct log_walk *walk, size_t segment, uint64_t from_seq,
                     struct log_entry *ret, struct reel_error *error) {
    uint64_t last = 0;
    int rc;
    start_at(walk, segment, from_seq);
    while ((rc = log_next(walk, ret, error)) > 0) last = ret->seq;
    if (rc < 0 || last == 0) return rc < 0 ? rc : -ENOENT;
    start_at(walk, segment, last);
    rc = log_next(walk, ret, error);
    return rc < 0 ? rc : 0;
}

/* Finds the beginning of the part of a segment that contains `seq`: the seq of its point or
 * block. */
static uint64_t part_before(const struct segment *segment, uint64_t seq) {
    if (segment->head.form == SEGMENT_SEALED)
        return segment->head.table_count == 0
                   ? segment->head.first_seq
                   : segment_block(segment, segment_find_block(segment, seq)).first_seq;
    uint64_t at, frame_at;
    struct entry_head head;
    if (!segment_find(segment, seq, &at, &frame_at)) return segment->head.first_seq;
    memcpy(&head, segment->map + at, sizeof head);
    return head.seq;
}

int log_get_last(struct log_walk *walk, struct log_pin *pin, uint64_t seq, struct log_entry *ret,
                 struct reel_error *error) {
    log_walk_start(walk, pin, seq, seq);
    for (size_t i = find_segment(pin, seq) + 1; i-- > 0 && i < pin->count;) {
        const struct segment *segment = pin->segments[i];
        uint64_t from = part_before(segment, seq);
        if (from > seq) from = segment->head.first_seq;
        int rc = last_from(walk, i, from, ret, error);
        if (rc != -ENOENT) return rc;
        if (from > segment->head.first_seq) {
            rc = last_from(walk, i, segment->head.first_seq, ret, error);
            if (rc != -ENOENT) return rc;
        }
    }
    return fail(error, -ENOENT, "the log has no event up to this seq");
}
