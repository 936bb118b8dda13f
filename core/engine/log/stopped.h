/* stopped.h: the file `stopped`: what a log that is closed knows about its last segment.
 *
 * Opening follows the frames of the last segment by their checksums. If the last frame has the
 * checksum that is in this file, the segment is the one that was closed, to the last bit: frames
 * are chained by their checksums. Then the head, the facts, the points (segment.h) and the index of
 * duplicates are taken from this file, and no entry of the segment is read. Otherwise they are read
 * from the segment.
 *
 * So the file is never needed, and never trusted beyond its own checksum: it is not synced.
 * Opening removes it before it appends anything.
 */
#ifndef REEL_ENGINE_LOG_STOPPED_H
#define REEL_ENGINE_LOG_STOPPED_H

#include "engine/log/dedup_table.h"
#include "engine/log/io.h"
#include "engine/log/segment.h"

#define STOPPED_NAME "stopped"

#define STOPPED_MAGIC  UINT64_C(0x31646e456c656552) /* "ReelEnd1" */
#define STOPPED_FORMAT 1

struct stopped_point {
    uint64_t seq, at, frame_at;
};

/* The points follow, then the entries of the index. */
struct stopped_head {
    uint64_t magic;
    uint64_t checksum; /* of the file, with 0 in this place */
    uint32_t format;
    uint32_t has_index; /* 0 or 1: the index was open */
    uint64_t salt, number;
    uint64_t end, chain; /* where the frames ended, and the checksum of the last one */
    struct log_facts facts;
    uint64_t point_count, entry_count;
};

struct stopped {
    struct stopped_head head;
    const struct stopped_point *points;
    const struct dedup_entry *entries;
    struct text bytes; /* of the file */
};

/* Without `index`, NULL, the next opening reads it from the log. Returns 0, or an error after which
 * there is no such file. */
int stopped_write(const struct io *io, int directory, const struct segment *last, uint64_t chain,
                  const struct log_facts *facts, const struct dedup_table *index);

/* -ENOENT: there is none. -EBADMSG: it is damaged. To be finished in any case. */
int stopped_read(int directory, struct stopped *ret);
void stopped_finish(struct stopped *stopped);

/* Is it about that segment, whose frames end there, with that checksum and that head? */
bool stopped_fits(const struct stopped *stopped, const struct segment *last, uint64_t end,
                  uint64_t chain, uint64_t last_seq);

#endif
