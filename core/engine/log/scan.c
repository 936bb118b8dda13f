/* scan.c: see scan.h. */
#include "engine/log/scan.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

const char strange_frame[] = "a frame is whole, but its content is not understood";

/* ---- Entries --------------------------------------------------------------------------------- */

struct standing standing_before(const struct segment_head *head) {
    return (struct standing){head->first_seq - 1, head->previous_chain, head->facts};
}

struct standing standing_behind(const struct segment_head *head) {
    return (struct standing){head->last_seq, head->chain, head->last_facts};
}

/* Controls are numbered without a gap. */
static bool take_control(const struct log_entry *entry, struct standing *standing) {
    struct log_control control;
    if (!log_read_control(entry, &control) || control.number != standing->facts.controls + 1)
        return false;
    if (control.kind == LOG_FACTS)
        standing->facts = control.facts;
    else
        standing->facts.controls = control.number;
    return true;
}

/* Notes the entries of a frame, and the facts that they give. False: they are none. */
static bool read_frame_entries(struct segment *segment, uint64_t at, const struct frame_head *head,
                               struct standing *standing) {
    struct reel_str left = {segment->map + at + sizeof *head, head->len - sizeof *head};
    uint64_t previous = standing->head;
#ifndef REEL_FAULT_5                        /* which this would find without a power cut */
    if (head->synced_at > at) return false; /* a frame is written after what its mark says */
#endif
    for (uint32_t i = 0; i < head->count; i++) {
        struct log_entry entry;
        uint64_t entry_at = (uint64_t)(left.data - segment->map);
        if (!entry_read(&left, 0, &entry)) return false;
        if (!(entry.flags & LOG_CONTROL)) {
            if (entry.seq <= previous || entry.seq > head->last_seq) return false;
            previous = entry.seq;
            segment_note(segment, entry.seq, entry_at, at);
        } else if (!take_control(&entry, standing)) {
            return false;
        }
    }
    return left.len == 0 && head->last_seq >= previous;
}

static bool is_zero(const char *bytes, size_t len) {
    uint64_t any = 0, word;
    size_t at = 0;
    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        any |= word;
    }
    for (; at < len; at++) any |= (unsigned char)bytes[at];
    return any == 0;
}

/* ---- The tail -------------------------------------------------------------------------------- */

/* Finds the last byte after the end that is not zero. */
static uint64_t find_tail_end(const struct segment *segment, uint64_t from) {
    uint64_t tail_end = 0;
    for (uint64_t at = from; at < segment->file_bytes; at += FRAME_UNIT) {
        uint64_t left = segment->file_bytes - at;
        size_t len = left < FRAME_UNIT ? (size_t)left : FRAME_UNIT;
        if (!is_zero(segment->map + at, len)) tail_end = at + len;
    }
    return tail_end;
}

/* Finds an intact frame after `end` which says that the place was synced. */
static uint64_t find_proof(const struct segment *segment, uint64_t end, uint64_t tail_end) {
    struct frame_head head;
    for (uint64_t at = end; at < tail_end; at += FRAME_UNIT)
        if (frame_read(&segment->head, at, segment->map + at, segment->file_bytes - at, &head) &&
            head.synced_at > end)
            return at;
    return 0;
}

/* ---- Scanning -------------------------------------------------------------------------------- */

static void begin_scan(struct segment *segment, const struct standing *from, struct scan *ret) {
    *ret = (struct scan){.standing = *from, .end = SEGMENT_PAGE, .witnessed_at = SEGMENT_PAGE};
    atomic_store(&segment->point_count, 0);
}

static void look_for_mark(const struct log_mark *mark, struct scan *scan) {
    if (scan->end == mark->at && scan->standing.chain == mark->chain) scan->found_mark = true;
}

static void pass_frame(const struct frame_head *head, const struct log_mark *mark,
                       struct scan *scan) {
    if (head->synced_at > scan->witnessed_at) scan->witnessed_at = head->synced_at;
    scan->standing.head = head->last_seq;
    scan->standing.chain = head->checksum;
    scan->end += FRAME_ROUND(head->len);
    look_for_mark(mark, scan);
}

static void publish_end(struct segment *segment, const struct scan *scan) {
    atomic_store(&segment->end, scan->end);
    atomic_store(&segment->last_seq, scan->standing.head);
}

void segment_scan(struct segment *segment, const struct standing *from, const struct log_mark *mark,
                  struct scan *ret) {
    struct frame_head head;
    begin_scan(segment, from, ret);
    look_for_mark(mark, ret);
    while (ret->end < segment->file_bytes &&
           frame_read(&segment->head, ret->end, segment->map + ret->end,
                      segment->file_bytes - ret->end, &head) &&
           head.previous == ret->standing.chain) {
        ret->is_strange = !read_frame_entries(segment, ret->end, &head, &ret->standing);
        if (ret->is_strange) break;
        pass_frame(&head, mark, ret);
    }
    ret->tail_end = find_tail_end(segment, ret->end);
    ret->proof_at = find_proof(segment, ret->end, ret->tail_end);
    publish_end(segment, ret);
}

/* ---- Comparing with what is known ------------------------------------------------------------ */

#define PIECE_BYTES ((uint64_t)128 << 10)

/* A segment that is read from its file, a piece at a time. */
struct reading {
    const struct segment *segment;
    int fd;
    char *piece;
    uint64_t at, len; /* of the piece */
    XXH3_state_t *hash;
};

/* The bytes at `at`, at most so many; NULL: the file has none there. */
static const char *piece_at(struct reading *reading, uint64_t at, uint64_t *len) {
    if (at < reading->at || at >= reading->at + reading->len) {
        uint64_t left = at < reading->segment->file_bytes ? reading->segment->file_bytes - at : 0;
        reading->at = at;
        reading->len = left < PIECE_BYTES ? left : PIECE_BYTES;
        if (reading->len == 0 || segment_read(reading->fd, reading->piece, reading->len, at) < 0) {
            reading->len = 0;
            return NULL;
        }
    }
    uint64_t there = reading->at + reading->len - at;
    if (*len > there) *len = there;
    return reading->piece + (at - reading->at);
}

/* The checksum of what a frame covers, as frame_read compares it. */
static bool hash_frame(struct reading *reading, uint64_t at, uint64_t len, uint64_t *ret) {
    uint64_t from = at + FRAME_COVERED_FROM, end = at + len;
    XXH3_64bits_reset_withSeed(reading->hash, frame_seed(&reading->segment->head, at));
    while (from < end) {
        uint64_t part = end - from;
        const char *bytes = piece_at(reading, from, &part);
        if (!bytes) return false;
        XXH3_64bits_update(reading->hash, bytes, part);
        from += part;
    }
    *ret = XXH3_64bits_digest(reading->hash);
    return true;
}

static bool read_frame(struct reading *reading, uint64_t at, struct frame_head *ret) {
    uint64_t len = sizeof *ret, checksum;
    const char *bytes = piece_at(reading, at, &len);
    if (!bytes || len < sizeof *ret) return false;
    memcpy(ret, bytes, sizeof *ret);
    return frame_head_fits(ret, reading->segment->file_bytes - at) && ret->synced_at <= at &&
           hash_frame(reading, at, FRAME_ROUND(ret->len), &checksum) && checksum == ret->checksum;
}

/* There is a point at most at the beginning of each frame. */
static void follow_frames(struct reading *reading, struct segment *segment,
                          const struct log_mark *mark, struct scan *scan) {
    struct frame_head head;
    look_for_mark(mark, scan);
    while (read_frame(reading, scan->end, &head) && head.previous == scan->standing.chain) {
        if (head.count > 0 && head.first_seq <= head.last_seq &&
            head.first_seq > scan->standing.head)
            segment_note(segment, head.first_seq, scan->end + sizeof head, scan->end);
        pass_frame(&head, mark, scan);
    }
}

static bool has_tail(struct reading *reading, uint64_t at) {
    for (uint64_t len; at < reading->segment->file_bytes; at += len) {
        len = PIECE_BYTES;
        const char *bytes = piece_at(reading, at, &len);
        if (!bytes || !is_zero(bytes, len)) return true;
    }
    return false;
}

static bool begin_reading(struct reading *reading, const struct segment *segment, int directory) {
    *reading = (struct reading){.segment = segment, .fd = -1};
    if (segment->on_heap) return false;
    reading->fd = openat(directory, segment->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    reading->piece = malloc(PIECE_BYTES);
    reading->hash = XXH3_createState();
    return reading->fd >= 0 && reading->piece && reading->hash;
}

static void end_reading(struct reading *reading) {
    if (reading->fd >= 0) close(reading->fd);
    free(reading->piece);
    XXH3_freeState(reading->hash);
}

static void take_stopped(struct segment *segment, const struct stopped *stopped,
                         struct scan *scan) {
    atomic_store(&segment->point_count, 0);
    for (uint64_t i = 0; i < stopped->head.point_count; i++) {
        const struct stopped_point *point = &stopped->points[i];
        segment_note(segment, point->seq, point->at, point->frame_at);
    }
    scan->standing.facts = stopped->head.facts;
    publish_end(segment, scan);
}

bool scan_as_stopped(struct segment *segment, int directory, const struct log_mark *mark,
                     const struct stopped *stopped, struct scan *ret) {
    CLEANUP(end_reading) struct reading reading;
    struct standing from = standing_before(&segment->head);
    if (!begin_reading(&reading, segment, directory)) return false;
    begin_scan(segment, &from, ret);
    follow_frames(&reading, segment, mark, ret);
    const struct standing *standing = &ret->standing;
    if (!stopped_fits(stopped, segment, ret->end, standing->chain, standing->head) ||
        has_tail(&reading, ret->end))
        return false;
    take_stopped(segment, stopped, ret);
    return true;
}

static bool scan_as_known(struct segment *segment, int directory, const struct segment_head *next,
                          struct scan *ret) {
    static const struct log_mark none;
    CLEANUP(end_reading) struct reading reading;
    struct standing from = standing_before(&segment->head);
    if (!begin_reading(&reading, segment, directory)) return false;
    begin_scan(segment, &from, ret);
    follow_frames(&reading, segment, &none, ret);
    if (ret->standing.chain != next->previous_chain || ret->end != next->previous_end) return false;
    ret->standing.facts = next->facts;
    publish_end(segment, ret);
    return true;
}

void scan_full(struct segment *segment, int directory, const struct segment_head *next,
               struct scan *ret) {
    static const struct log_mark none;
    struct standing from = standing_before(&segment->head);
    if (!scan_as_known(segment, directory, next, ret)) segment_scan(segment, &from, &none, ret);
}
