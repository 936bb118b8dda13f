/* log_support.h: what the tests of the log share: a log in a directory of its own, entries, what is
 * in it, and disks that fail. */
#ifndef TESTS_LOG_SUPPORT_H
#define TESTS_LOG_SUPPORT_H

#include "unit.h"

#include "engine/log/copy.h"
#include "engine/log/log.h"
#include "engine/log/log_private.h"
#include "engine/log/place.h"
#include "engine/log/verify.h"

/* ---- A log ----------------------------------------------------------------------------------- */

/* With segments of 16 KiB, without a helper, and with failing_io, of which no call fails and
 * nothing is synced, unless the options say otherwise. */
extern struct log_options opened_with;

/* A new log, whose first event may be 1. Returns its directory. */
const char *log_made(void);

/* Opens it as opened_with say; must succeed. And: must fail with -EBADMSG, and a sentence that has
 * `part` in it. */
struct log *opened(const char *directory);
void refused(const char *directory, const char *part);

/* Like a crash: no witness is written. */
void crash(struct log *log);

/* ---- Groups ---------------------------------------------------------------------------------- */

/* An entry whose type and subject are as given; NULL: none. */
struct log_entry entry_of(uint64_t seq, const char *bytes, const char *type, const char *subject);

/* Appends and describes. */
void gather(struct log *log, const struct log_entry *entry);

/* Appends events from `first` on, of that many bytes each, whose content depends on their seq; and
 * commits and keeps them as one group. */
void append(struct log *log, uint64_t first, size_t count, size_t bytes);
void append_one(struct log *log, uint64_t seq);
int try_append(struct log *log, uint64_t first, size_t count, size_t bytes);

/* ---- What is in it --------------------------------------------------------------------------- */

/* It has just these, each with the content that append gave it. */
void assert_range(struct log *log, uint64_t first, uint64_t last);
void assert_seqs(struct log *log, uint64_t from, uint64_t to, const uint64_t *seqs, size_t count);
#define SEQS(...)                                                                                  \
    (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

/* How many segments, sealed ones. */
size_t count_segments(struct log *log, bool sealed_only);
void seal_all(struct log *log);

/* ---- Files ----------------------------------------------------------------------------------- */

/* The path of the n-th segment file; how many there are. */
const char *segment_path(const char *directory, size_t n);
size_t count_files(const char *directory);

/* Where the frames of the last segment end. */
uint64_t end_of(struct log *log);

void flip(const char *path, uint64_t at);
void overwrite(const char *path, uint64_t at, const void *bytes, size_t len);
uint64_t size_of(const char *path);

/* ---- Disks that fail ------------------------------------------------------------------------- */

enum call {
    CALL_OPEN,
    CALL_WRITE,
    CALL_SYNC,
    CALL_SYNC_DIRECTORY,
    CALL_RENAME,
    CALL_UNLINK,
    CALL_LINK,
    CALL_TRUNCATE,
    CALLS
};

/* A struct io that fails the n-th of these calls from now on, with that code; 0: none. A write that
 * fails writes `part` bytes before. */
extern const struct io failing_io;
void fail_call(enum call call, size_t n, int code, size_t part);
void fail_each_call(enum call call, int code); /* until fail_call */
extern atomic_size_t calls[CALLS];             /* so far */

#endif
