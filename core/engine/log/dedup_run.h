/* dedup_run.h: a file of the duplicates' index (dedup.h): sorted pairs of (key, seq).
 *
 * A run is `<from seq>-<to seq>.ids`, 20 digits each. It has all events from `from_seq` to `to_seq`
 * that the index knows:
 *     - a header page, with its checksum;
 *     - blocks of 4 KiB: RUN_BLOCK_ENTRIES entries, in order, and a checksum;
 *     - the first entry of each block;
 *     - a filter (a split block Bloom filter: a key sets eight bits, all in 32 bytes).
 * The last two have one checksum, in the header. Opening a run checks its header and those two;
 * a block is checked whenever something is looked for in it. Checksums of blocks are seeded with
 * their place, so that a block is valid only there.
 *
 * A run is of one log: it has the log's salt, and the checksum of the frame that ends behind its
 * last event. Frames are chained by their checksums, so that this is a digest of all that the log
 * had up to there.
 *
 * It is written as `<name>.tmp`, synced, renamed, and the directory is synced. It is never changed.
 */
#ifndef REEL_ENGINE_LOG_DEDUP_RUN_H
#define REEL_ENGINE_LOG_DEDUP_RUN_H

#include "engine/log/dedup_table.h"
#include "engine/log/format.h"
#include "engine/log/io.h"
#include "engine/log/pacer.h"

#include <stdatomic.h>

#define RUN_MAGIC         UINT64_C(0x317364496c656552) /* "ReelIds1" */
#define RUN_FORMAT        1
#define RUN_BLOCK         4096
#define RUN_BLOCK_ENTRIES 255
#define RUN_NAME_MAX      56

struct run_head {
    uint64_t magic;
    uint64_t checksum; /* of the page, with 0 in this place */
    uint32_t format;
    uint32_t level; /* how often it was merged */
    uint64_t salt;
    uint64_t from_seq, to_seq;
    uint64_t chain; /* segment_head.previous_chain of the segment that begins behind `to_seq` */
    uint64_t count; /* of entries */
    uint64_t block_count, filter_count;
    uint64_t tail_at; /* the first entries, then the filter */
    uint64_t tail_checksum;
    uint64_t file_bytes;
};

struct run_block {
    struct dedup_entry entries[RUN_BLOCK_ENTRIES];
    uint64_t checksum;
    uint64_t reserved;
};

struct run {
    atomic_uint refs;
    struct run_head head;
    char name[RUN_NAME_MAX];
    const char *map;
    atomic_bool damaged; /* a block was found not to be what was written */
};

/* ---- Reading --------------------------------------------------------------------------------- */

/* -EBADMSG: it is damaged, or not a run; else it cannot be read. */
int run_open(int directory, const char *name, struct run **ret);
struct run *run_ref(struct run *run);
void run_unref(struct run *run); /* NULL does nothing */

/* Adds what it has of a key at or above `first_seq`. -EBADMSG: it is damaged, and says so now. */
int run_find(struct run *run, uint64_t key, uint64_t first_seq, struct dedup_found *found);

/* The entries in order. */
struct run_reader {
    struct run *run;
    uint64_t block; /* that `at` is in */
    size_t at;      /* in the block */
};
/* 1 and the entry, 0 at the end, -EBADMSG. run_reader_step goes on to the next. */
int run_reader_peek(struct run_reader *reader, struct dedup_entry *ret);
void run_reader_step(struct run_reader *reader);

/* ---- What a run consists of ------------------------------------------------------------------ */

bool run_has_name(const char *name, const char *end); /* `end`: ".ids" */

/* Is it the header of a run of that name and size? */
bool run_head_fits(const struct run_head *head, const char page[SEGMENT_PAGE], const char *name,
                   uint64_t bytes);
size_t run_block_entries(const struct run_head *head, uint64_t n);
uint64_t run_block_checksum(const struct run_head *head, uint64_t n, const struct run_block *block);
uint64_t run_tail_bytes(const struct run_head *head); /* whose checksum is in the header */

/* ---- Writing --------------------------------------------------------------------------------- */

struct run_writer {
    const struct io *io;
    int directory;
    struct pacer *pacer; /* NULL: as fast as it can */
    const atomic_bool *ended;
    atomic_uint_fast64_t *bytes;
    struct run_head head;
    char name[RUN_NAME_MAX], temporary[RUN_NAME_MAX + 8];
    int fd; /* -1: it was not begun */
    uint64_t at;
    struct run_block *block;
    size_t in_block;
    struct text gathered; /* blocks that are not written yet */
    struct text firsts;
    struct text filter;
};

/* `head` gives salt, range, chain and level; `count_max` the most entries that will come. Returns
 * 0, or an error after which nothing is left; so do the others. */
int run_writer_begin(struct run_writer *writer, const struct run_head *head, uint64_t count_max);
int run_writer_add(struct run_writer *writer, const struct dedup_entry *entry);
int run_writer_finish(struct run_writer *writer, struct run **ret);
void run_writer_abort(struct run_writer *writer);

#endif
