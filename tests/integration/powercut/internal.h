/* internal.h: the test of power cuts, from within.
 *
 *     work.c     what is done while the calls are recorded, and notes of what was promised
 *     old.c      a store to convert
 *     expect.c   what the notes say that must be there
 *     check.c    opens what a power cut left, and compares
 *     test.c     which power cuts
 *
 * The notes stand among the records, so that it is known at each of them what had been answered or
 * shown by then. */
#ifndef TESTS_POWERCUT_INTERNAL_H
#define TESTS_POWERCUT_INTERNAL_H

#include <reel/reel.h>

/* The core has these names, too (unit.h). */
#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg

#include "powercut.h"

#define SEGMENT_SIZE ((uint64_t)64 << 10)

/* Events of the log that is adopted have higher numbers. */
#define OTHER_FIRST 5000
#define SEQS_MAX    10000

/* The store is in here, below the directory that is recorded; and a backup of it. */
#define STORE_NAME "store"
#define COPY_NAME  "copy"

enum note {
    NOTE_BEGIN,     /* a work begins */
    NOTE_EVENT,     /* `struct noted_event`, and its bytes */
    NOTE_HEAD,      /* uint64_t: all up to there was acknowledged */
    NOTE_SEEN,      /* uint64_t: a view showed it */
    NOTE_TRIMMING,  /* uint64_t: events below may be gone */
    NOTE_TRIMMED,   /* uint64_t: and are */
    NOTE_ANSWER,    /* `struct noted_answer` */
    NOTE_ADOPTING,  /* the other log may be there instead */
    NOTE_ADOPTED,   /* and is */
    NOTE_KEPT,      /* and is not: this was seen */
    NOTE_BACKED_UP, /* uint64_t: the head that the backup has at least */
    NOTE_SHOWN,     /* uint64_t: the generation of `cells` that a view showed */
};

struct noted_answer {
    uint64_t seq;
    char key[24]; /* idempotency key */
};

/* ---- work.c ---------------------------------------------------------------------------------- */

/* Each is run in a child, with the store in `directory`/STORE_NAME. */
typedef void (*work_fn)(const char *directory, uint64_t seed);
void work_life(const char *directory, uint64_t seed);        /* all but the following */
void work_some(const char *directory, uint64_t seed);        /* opens, appends some to any log */
void work_adoption(const char *directory, uint64_t seed);    /* another log takes the place */
void work_checkpoints(const char *directory, uint64_t seed); /* one after another, beside writing */
void work_rewriting(const char *directory, uint64_t seed);   /* and those that rewrite tables */
void work_trimming(const char *directory, uint64_t seed);    /* of most segments at once */
void work_rebuilding(const char *directory, uint64_t seed);  /* a rebuild, beside writing */

struct reel *open_store(const char *directory, uint32_t flags);

/* Appends a group of events of the other log. */
void mirror_payloads(struct reel *reel, uint64_t first_seq, const struct reel_str *payloads,
                     size_t count);
void adopt_other(struct reel *reel);

/* ---- old.c ----------------------------------------------------------------------------------- */

/* Of the store in `from`, which is of no use afterwards, makes one of format 2 in `directory`. */
void make_old_store(const char *from, const char *directory);

/* ---- expect.c -------------------------------------------------------------------------------- */

struct expected {
    const struct record *events[SEQS_MAX]; /* by seq: NOTE_EVENT */
    uint64_t head;                         /* at least */
    uint64_t next_head;                    /* or this one, all of it; 0: no other */
    uint64_t first_seq_min, first_seq_max; /* the floor */
    struct noted_answer answers[64];
    size_t answer_count;
    bool may_be_other, is_other; /* the log that was adopted */
    bool is_backed_up;
    uint64_t backup_head;
    uint64_t generation; /* of `cells`, at least */
};

/* What must be there at the beginning: nothing. */
void expected_init(struct expected *expected);
void expected_apply(struct expected *expected, const struct record *record);

/* Looks ahead, from the record that comes next, for what may be there already. */
void expected_look_ahead(struct expected *expected, const struct record *next);

struct reel_str noted_bytes(const struct record *event);

/* ---- check.c --------------------------------------------------------------------------------- */

/* Of a directory with a store that a power cut left. */
void check_state(const char *directory, const struct expected *expected);

/* Of a record that is about to be applied: a frame's mark is true. */
void check_mark(const struct disk *disk, const struct record *record);

#endif
