/* recorder.h: writes down each call by which this program changes files below one directory.
 *
 * A program that has recorder.c among its sources calls it instead of the C library: open, write,
 * ftruncate, rename, unlink, mkdir, fsync and their relatives, also from the libraries that it is
 * linked with. What is written down is in memory that is shared with children, so that the parent
 * can read what a child did until it was killed. Calls are done one at a time; their order in the
 * recording is the order in which they happened.
 *
 * Changes through a map are not seen. powercut.h compares the recording with the directory. */
#ifndef TESTS_RECORDER_H
#define TESTS_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_kind {
    RECORD_CREATE,   /* a file: `text` is its path, `file` its inode */
    RECORD_MKDIR,    /* a directory, in the same way */
    RECORD_WRITE,    /* `len` bytes at `at`; with `is_certain` they are durable (O_DSYNC) */
    RECORD_TRUNCATE, /* to `at` bytes */
    RECORD_EXTEND,   /* to `at` bytes, if it is shorter */
    RECORD_RENAME,   /* `text` has both paths, one behind the other */
    RECORD_LINK,     /* one more name of a file: `text` is the new path */
    RECORD_REMOVE,   /* a name: of a file or of a directory */
    RECORD_SYNC,     /* of a file or of a directory */
    RECORD_NOTE,     /* the program's own: `at` is its kind, and `len` bytes */
};

/* Paths are relative to the directory; "" is the directory itself. */
struct record {
    uint32_t size; /* to the next one */
    uint8_t kind;
    bool is_certain;
    uint64_t file; /* inode */
    uint64_t at, len;
    char bytes[]; /* or text */
};

/* Starts an empty recording. `directory` is a real path (realpath). */
void recorder_begin(const char *directory);
void recorder_end(void);

/* Continues the recording with another directory. Returns the last record before it; recorder_drop
 * removes the records after this one. */
const struct record *recorder_begin_another(const char *directory);
void recorder_drop(const struct record *last);

/* Kills the process before the n-th further record, or before the first change after that; 0:
 * never. No other thread may be recording. */
void recorder_kill_at(size_t n);

/* Or before the n-th sync behind the next note of a kind; or in the n-th write to a file that was
 * opened with O_DSYNC, when others see it and the disk does not have it. */
void recorder_kill_at_sync(uint64_t note, size_t n);
void recorder_kill_in_synced_write(size_t n);

void recorder_note(uint64_t kind, const void *bytes, size_t len);

/* Called in this thread before each sync below the directory. NULL: not called. */
void recorder_before_sync(void (*fn)(void));

/* The record after `record` (NULL: the first). NULL: there is none. */
const struct record *recorder_next(const struct record *record);

/* The number of records. */
size_t recorder_count(void);

#endif
