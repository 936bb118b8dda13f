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
 * A frame says how far the segment was synced when it was written (`synced_at`). A bad frame below
 * that mark is damage: it was whole once. A bad frame that no mark covers may be what a power cut
 * left of the last write (recover.c).
 *
 * The header of a segment has the checksum of the last frame of the segment before it, and where
 * the frames there ended. It is written when all of these are synced. So the headers join the
 * segments to one chain, and a bad frame in any segment but the last is damage. A header also has
 * the facts (log.h) as they were at its beginning: opening reads the last segment only, and
 * segments that were trimmed are not missed.
 *
 * Sealing (seal.c) keeps of a segment its header and its entries, control entries included. Frames
 * without entries are not kept; what they said about the head is in the header's `last_seq`.
 *
 * Numbers are in the machine's byte order; the magic number of another byte order is not accepted.
 */
#ifndef REEL_ENGINE_LOG_FORMAT_H
#define REEL_ENGINE_LOG_FORMAT_H

#include "engine/log/log.h"

#include "base/error.h"

#define SEGMENT_MAGIC  UINT64_C(0x31676f4c6c656552) /* "ReelLog1" */
#define SEGMENT_FORMAT 1
#define SEGMENT_PAGE   4096
#define FRAME_MAGIC    UINT32_C(0x6d617246) /* "Fram" */
#define FRAME_UNIT     512

/* Packed together until they are this long. A longer entry is a block of its own. */
#define BLOCK_BYTES ((size_t)64 << 10)

/* Longest frame. A longer group is refused. */
#define FRAME_BYTES_MAX ((uint64_t)1 << 30)

enum segment_form { SEGMENT_RAW = 1, SEGMENT_SEALED = 2 };

struct segment_head {
    uint64_t magic;
    uint64_t checksum; /* of the whole page, with 0 in this place */
    uint32_t format;
    uint32_t form;
    uint64_t salt;   /* drawn when the log was made */
    uint64_t number; /* 1, 2, 3, … */
    uint64_t first_seq;
    uint64_t previous_end; /* of the segment before: where its frames ended; 0: there was none */
    uint64_t previous_chain;
    struct log_facts facts; /* at the beginning */

    /* Sealed. */
    struct log_facts last_facts;
    uint64_t last_seq; /* the head at its end */
    uint64_t end;      /* where the frames ended */
    uint64_t chain;    /* the checksum of the last of them */
    uint64_t table_at, table_count, table_checksum;
    uint64_t plain_bytes; /* of the entries */
};

/* Of a sealed segment's table. */
struct block {
    uint64_t first_seq;
    uint64_t at;
    uint32_t packed_len; /* equal to plain_len: it is not packed */
    uint32_t plain_len;
    uint64_t checksum; /* of the packed bytes */
};

struct frame_head {
    uint32_t magic;
    uint32_t reserved;
    uint64_t checksum;
    uint64_t previous;  /* checksum of the frame before, or the header's previous_chain */
    uint64_t first_seq; /* of its first event; last_seq + 1 if it has none */
    uint64_t last_seq; /* the head behind it: the last event's, or what the log was said to reach */
    uint64_t synced_at; /* the frames below this offset were synced when it was written */
    uint64_t synced_seq;
    uint32_t len;   /* with this head, without the zeros */
    uint32_t count; /* of entries, control entries included */
};

/* A control entry has its kind (log.h) as `size` of its header. The content of LOG_FACTS is a
 * `struct log_facts`; that of the others is this head and the collection's name. */
struct control_head {
    uint64_t number;
    uint64_t generation;
    uint32_t collection_len;
    uint32_t reserved;
};

struct entry_head {
    uint64_t seq; /* of a control entry: the head */
    uint64_t time_ns;
    uint32_t kept; /* bytes of the event */
    uint32_t size; /* of the event as it came; with LOG_OVERSIZE more than is kept */
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

/* A page to write. */
void segment_head_write(const struct segment_head *head, char page[SEGMENT_PAGE]);

/* NULL, or what is wrong with it. */
const char *segment_head_read(const char page[SEGMENT_PAGE], struct segment_head *ret);

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Completes a frame of `head->len` bytes at `frame`, where room for FRAME_ROUND of it is: writes
 * the zeros, the head and its checksum, which it also returns. */
uint64_t frame_write(struct frame_head *head, const struct segment_head *segment, uint64_t at,
                     char *frame);

/* Is there a valid frame at `at`, of which `frame` are the bytes and `len` the bytes up to the end?
 * Its place in the chain is for the caller to compare. */
bool frame_read(const struct segment_head *segment, uint64_t at, const char *frame, uint64_t len,
                struct frame_head *ret);

/* ---- Entries --------------------------------------------------------------------------------- */

/* Bytes that it takes. */
size_t entry_size(const struct log_entry *entry);

/* Writes it without type and subject; returns where the event's bytes begin. */
char *entry_write(const struct log_entry *entry, char *to);

/* The content of a control entry about a collection, whose name may be COLLECTION_BYTES_MAX long:
 * writes it to `to`, returns its length. */
#define COLLECTION_BYTES_MAX 255
#define CONTROL_BYTES_MAX    (sizeof(struct control_head) + COLLECTION_BYTES_MAX)
size_t control_write(const struct log_control *control, char to[CONTROL_BYTES_MAX]);

/* Takes one entry off the front of `entries`; `room` bytes behind them may be read. False: that is
 * none. */
bool entry_read(struct reel_str *entries, size_t room, struct log_entry *ret);

#endif
