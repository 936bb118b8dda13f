/* scan.h: follows the frames of a raw segment by their checksums, to where they end.
 *
 * What is scanned to find the end of the log is read completely, entries included. If the end is
 * known, the frames' checksums are enough to compare the segment with it: they are chained, so the
 * last one is a digest of all. This reads the file in small pieces instead of through its map,
 * which takes a quarter of the time, as each piece is used while it is in the processor's cache.
 */
#ifndef REEL_ENGINE_LOG_SCAN_H
#define REEL_ENGINE_LOG_SCAN_H

#include "engine/log/stopped.h"

/* The log as it stands between two groups. */
struct standing {
    uint64_t head, chain;
    struct log_facts facts;
};

struct scan {
    struct standing standing; /* behind its last good frame */
    uint64_t end;             /* where that is */
    uint64_t witnessed_at;    /* the highest mark in a good frame */
    bool found_mark;          /* a frame ends where `mark` says, with its checksum */
    uint64_t tail_end;        /* bytes that are not zero are behind `end`, up to here; 0: none */
    uint64_t proof_at;        /* an intact frame says that the bad place was synced; 0: none */
    bool is_strange; /* what is at `end` is a whole frame, of content that is not understood */
};
extern const char strange_frame[]; /* what is wrong when `is_strange` */

struct standing standing_before(const struct segment_head *head);
struct standing standing_behind(const struct segment_head *head); /* of a sealed one */

/* Finds the end, and sets the segment's. */
void segment_scan(struct segment *segment, const struct standing *from, const struct log_mark *mark,
                  struct scan *ret);

/* The same for the last segment, if it is as it was when the log was closed. False: it is not, or
 * cannot be read; it has to be scanned. */
bool scan_as_stopped(struct segment *segment, int directory, const struct log_mark *mark,
                     const struct stopped *stopped, struct scan *ret);

/* The same for a segment that has a next one, which says how it ended. */
void scan_full(struct segment *segment, int directory, const struct segment_head *next,
               struct scan *ret);

#endif
