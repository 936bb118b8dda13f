/* segment.h: one segment in memory: its map, and where in it a seq is found.
 *
 * A segment is shared by the pins that have it, and freed with the last of them; then its map goes,
 * and on disk the file, if it has no name any more. While it is raw, the writer adds to it; readers
 * look only below `end`, which the writer raises after the bytes are there.
 *
 * A raw segment has a *point* about every POINT_BYTES: a seq, and the place of its entry. A sealed
 * one has the table of its blocks for that.
 */
#ifndef REEL_ENGINE_LOG_SEGMENT_H
#define REEL_ENGINE_LOG_SEGMENT_H

#include "engine/log/format.h"

#define SEGMENT_NAME  "%020llu.seg"
#define SEGMENT_BYTES ((uint64_t)64 << 20)
#define POINT_BYTES   ((uint64_t)64 << 10)

struct point {
    atomic_uint_fast64_t seq;
    atomic_uint_fast64_t at;       /* of the entry */
    atomic_uint_fast64_t frame_at; /* of the frame that it is in */
};

struct segment {
    atomic_uint refs;
    struct segment_head head;
    char name[32];
    int fd; /* of a raw one that was or is written; else -1 */
    char *map;
    size_t map_len; /* raw: the file may be shorter; no frame goes beyond */
    bool on_heap;   /* the map is no file's */
    uint64_t file_bytes;
    atomic_uint_fast64_t end;      /* where its frames end */
    atomic_uint_fast64_t last_seq; /* the head there */
    atomic_uint_fast64_t filled;   /* zeros are there up to here */
    struct point *points;          /* of a raw one */
    size_t points_max;
    atomic_size_t point_count;
};

/* A raw one, for `map_len` bytes: empty, on the heap; or of a file, which is mapped. NULL: out of
 * memory. */
struct segment *segment_create(const struct segment_head *head, size_t map_len);
struct segment *segment_map(const struct segment_head *head, int fd, uint64_t file_bytes,
                            size_t map_len);

struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment); /* NULL does nothing */

/* The entry of that seq is there. Only the first one in a while is remembered. */
void segment_note(struct segment *segment, uint64_t seq, uint64_t at, uint64_t frame_at);

/* Where to begin looking for a seq: the last point at or below it. False: at the beginning. */
bool segment_find(const struct segment *segment, uint64_t seq, uint64_t *ret_at,
                  uint64_t *ret_frame_at);

/* Of a sealed one: its table, and the last block that begins at or below a seq. */
struct block segment_block(const struct segment *segment, size_t n);
size_t segment_find_block(const struct segment *segment, uint64_t seq);

/* ---- Pins ------------------------------------------------------------------------------------ */

struct log_pin {
    atomic_uint refs;
    size_t count;
    struct segment *segments[]; /* oldest first */
};

/* One of so many segments, each yet to be given; NULL: out of memory. */
struct log_pin *pin_create(size_t count);

#endif
