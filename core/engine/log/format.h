/* format.h: what a segment file contains.
 *
 * A segment is `<first seq, 20 digits>.seg`. It begins with a header page. What follows depends on
 * its form:
 *
 *     raw      frames, each at a multiple of 512 bytes, then zeros up to the end of the file
 *     sealed   blocks of entries, packed with LZ4, then a table of the blocks; nothing behind it
 *
 * A *frame* is one group of entries, which was written and synced as a whole: a `struct
 * frame_head`, `len` bytes of entries, and zeros up to the next multiple of 512. Its checksum
 * (XXH3-64) covers all of that except the first 16 bytes, which are the magic number, a reserved
 * field and the checksum itself. It is seeded with the log's salt, the segment's number and the
 * frame's offset, so that a frame is valid only in the place that it was written for. A frame
 * also has the checksum of the frame before it, so that a frame is valid only after the frames
 * that it was written after. In this way:
 *     - a frame of which a part is missing is not valid, whichever 512-byte sectors are missing;
 *     - bytes of an event that look like a frame are not one: nobody outside knows the salt;
 *     - a frame that was left behind by an earlier use of the same file is not valid.
 * A frame says how far the segment was synced when the frame was written (`synced_at`). An invalid
 * frame below this mark is damage, because it was complete once. If no mark covers an invalid
 * frame, it may be what a power cut left of the last write (recover.c).
 *
 * The header of a segment has the checksum of the last frame of the segment before it, and the
 * offset at which the frames of that segment ended. The header is written when all of these frames
 * are synced. So the headers join the segments to a chain, and an invalid frame in any segment
 * except the last is damage. A header also has the facts (log.h) at the beginning of its segment.
 * So opening only reads the last segment, and trimmed segments are not needed.
 *
 * Sealing (seal.c) keeps the header and the entries of a segment, including control entries. Frames
 * without entries are dropped; the head that they named is in the header's `last_seq`.
 *
 * Numbers are in the machine's byte order; the magic number of another byte order is not accepted.
 */
#ifndef REEL_ENGINE_LOG_FORMAT_H
#define REEL_ENGINE_LOG_FORMAT_H

#include "base/error.h"
#include "engine/log/entry.h"

#define SEGMENT_MAGIC  UINT64_C(0x31676f4c6c656552) /* "ReelLog1" */
#define SEGMENT_FORMAT 1
#define SEGMENT_PAGE   4096
#define FRAME_MAGIC    UINT32_C(0x6d617246) /* "Fram" */
#define FRAME_UNIT     512

/* Entries are packed together until they have this length. A longer entry is a block of its own. */
#define BLOCK_BYTES ((size_t)64 << 10)

/* Longest frame. A longer group is refused. */
#define FRAME_BYTES_MAX ((uint64_t)1 << 30)

enum segment_form { SEGMENT_RAW = 1, SEGMENT_SEALED = 2 };

struct segment_head {
    uint64_t magic;
    uint64_t checksum; /* of the whole page, with 0 in place of the checksum */
    uint32_t format;
    uint32_t form;
    uint64_t salt;   /* a random number, drawn when the log was created */
    uint64_t number; /* 1, 2, 3, … */
    uint64_t first_seq;
    uint64_t previous_end; /* of the segment before: where its frames ended; 0: there is no segment
                              before */
    uint64_t previous_chain;
    struct log_facts facts; /* at the beginning */

    /* Sealed. */
    struct log_facts last_facts;
    uint64_t last_seq; /* the head at the end of the segment */
    uint64_t end;      /* where the frames ended */
    uint64_t chain;    /* the checksum of the last frame */
    uint64_t table_at, table_count, table_checksum;
    uint64_t plain_bytes; /* of the entries */
};

/* An entry in the table of a sealed segment. */
struct block {
    uint64_t first_seq;
    uint64_t at;
    uint32_t packed_len; /* equal to plain_len if the block is not packed */
    uint32_t plain_len;
    uint64_t checksum; /* of the packed bytes */
};

struct frame_head {
    uint32_t magic;
    uint32_t reserved;
    uint64_t checksum;
    uint64_t previous;  /* checksum of the frame before, or the header's previous_chain */
    uint64_t first_seq; /* of its first event; last_seq + 1 if it has none */
    uint64_t last_seq; /* the head after this frame: the last event's seq, or the seq that log_reach
                          named */
    uint64_t synced_at; /* when the frame was written, the frames below this offset were synced */
    uint64_t synced_seq;
    uint32_t len;   /* with this head, without the zeros after it */
    uint32_t count; /* of entries, control entries included */
};

struct entry_head {
    uint64_t seq; /* of a control entry: the head */
    uint64_t time_ns;
    uint32_t kept; /* bytes of the event that are stored */
    uint32_t size; /* bytes of the event as received; with LOG_OVERSIZE more than are stored */
    uint32_t type_at, type_len;
    uint32_t subject_at, subject_len;
    uint32_t known_len;
    uint16_t nats_subject_len;
    uint16_t flags;
};

/* With LOG_ANSWERED or LOG_SET_ASIDE; the texts follow, in this order. */
struct known_head {
    uint8_t body_hash[16];
    uint8_t caller_hash[16];
    uint32_t key_len;
    uint16_t principal_len, set_aside_len;
    uint8_t has_record, has_body;
    int8_t outcome;
    uint8_t reserved;
};

#define FRAME_ROUND(len) (((uint64_t)(len) + FRAME_UNIT - 1) & ~(uint64_t)(FRAME_UNIT - 1))

/* ---- Header pages ---------------------------------------------------------------------------- */

/* Writes a header page. */
void segment_head_write(const struct segment_head *head, char page[SEGMENT_PAGE]);

/* Reads a header page. Returns NULL, or what is wrong with the page. */
const char *segment_head_read(const char page[SEGMENT_PAGE], struct segment_head *ret);

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Completes a frame of `head->len` bytes. `frame` has room for FRAME_ROUND of this length. Writes
 * the zeros, the head and its checksum, which is returned. */
uint64_t frame_write(struct frame_head *head, const struct segment_head *segment, uint64_t at,
                     char *frame);

/* True if there is a valid frame at `at`. `frame` are its bytes, and `len` is the number of bytes
 * up to the end. The caller must compare its place in the chain. */
bool frame_read(const struct segment_head *segment, uint64_t at, const char *frame, uint64_t len,
                struct frame_head *ret);

/* For those who read it piece by piece: can it be the head of a frame, `len` bytes before the end?
 * Its checksum covers the frame from FRAME_COVERED_FROM on, seeded with its place. */
#define FRAME_COVERED_FROM offsetof(struct frame_head, previous)
bool frame_head_fits(const struct frame_head *head, uint64_t len);
uint64_t frame_seed(const struct segment_head *segment, uint64_t at);

/* ---- Entries --------------------------------------------------------------------------------- */

/* The number of bytes that the entry takes. */
size_t entry_size(const struct log_entry *entry);

/* Writes the entry without type and subject. Returns the address of the event's bytes. */
char *entry_write(const struct log_entry *entry, char *to);

/* Takes one entry off the front of `entries`; `room` bytes behind them may be read. False: that is
 * none. */
bool entry_read(struct reel_str *entries, size_t room, struct log_entry *ret);

#endif
