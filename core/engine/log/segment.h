/* segment.h: one segment in memory: its map, and an index of its seqs.
 *
 * A segment is shared by the pins that contain it. When the last of them is gone, the segment is
 * freed and unmapped. If the file has no name any more, the disk space is then free, too. While a
 * segment is raw, the writer adds to it. Readers only read below `end`, which the writer raises
 * after it has written the bytes.
 *
 * A raw segment has a *point* about every POINT_BYTES: a seq, and the position of its entry. A
 * sealed segment has the table of its blocks instead.
 */
#ifndef REEL_ENGINE_LOG_SEGMENT_H
#define REEL_ENGINE_LOG_SEGMENT_H

#include "engine/log/format.h"

#include <stdatomic.h>

#define SEGMENT_NAME  "%020llu.seg"
#define SEGMENT_BYTES ((uint64_t)64 << 20)
#define POINT_BYTES   ((uint64_t)64 << 10)

struct point {
    atomic_uint_fast64_t seq;
    atomic_uint_fast64_t at;       /* of the entry */
    atomic_uint_fast64_t frame_at; /* of the frame that contains the entry */
};

struct segment {
    atomic_uint refs;
    struct segment_head head;
    char name[32];
    int fd; /* of a raw segment that this process writes or wrote; otherwise -1 */
    char *map;
    size_t map_len; /* raw: the file may be shorter; frames never go beyond the map */
    bool on_heap;   /* the map is memory, not a file */
    uint64_t file_bytes;
    atomic_uint_fast64_t end;      /* where its frames end */
    atomic_uint_fast64_t last_seq; /* the head at this end */
    atomic_uint_fast64_t filled;   /* the file has zeros up to here */
    struct point *points;          /* of a raw one */
    size_t points_max;
    atomic_size_t point_count;
};

/* Creates a raw segment for `map_len` bytes: an empty one in memory, or one that maps a file. NULL:
 * out of memory. */
struct segment *segment_create(const struct segment_head *head, size_t map_len);
struct segment *segment_map(const struct segment_head *head, int fd, uint64_t file_bytes,
                            size_t map_len);

struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment); /* accepts NULL */

/* Reads all of it from a segment's file. -EBADMSG: the file is shorter. */
int segment_read(int fd, char *to, uint64_t len, uint64_t at);

/* Notes where the entry of this seq is. Only one entry in every POINT_BYTES is stored. */
void segment_note(struct segment *segment, uint64_t seq, uint64_t at, uint64_t frame_at);

/* Finds where to begin looking for a seq: at the last point at or below it. False: at the
 * beginning. */
bool segment_find(const struct segment *segment, uint64_t seq, uint64_t *ret_at,
                  uint64_t *ret_frame_at);

/* For a sealed segment: an entry of its table; and the last block that begins at or below a seq. */
struct block segment_block(const struct segment *segment, size_t n);
size_t segment_find_block(const struct segment *segment, uint64_t seq);

/* ---- Pins ------------------------------------------------------------------------------------ */

struct log_pin {
    atomic_uint refs;
    size_t count;
    struct segment *segments[]; /* oldest first */
};

/* Creates a pin for this number of segments, which the caller must still set. NULL: out of
 * memory. */
struct log_pin *pin_create(size_t count);

#endif
