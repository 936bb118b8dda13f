/* files.h: the files of a log's directory, by their headers: what there is, without reading all of
 * it. verify.h compares every byte.
 */
#ifndef REEL_ENGINE_LOG_FILES_H
#define REEL_ENGINE_LOG_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_FILE_NAME_MAX 64

enum log_file_kind { LOG_FILE_SEGMENT, LOG_FILE_INDEX, LOG_FILE_OTHER };
struct log_file {
    enum log_file_kind kind;
    char name[LOG_FILE_NAME_MAX]; /* a longer one is cut; `?` for what is not ASCII to be shown */
    uint64_t bytes;
    const char *wrong; /* with the header; NULL: nothing. The members below are then not set */
    uint64_t first_seq, last_seq; /* last_seq 0: the header of a raw segment does not say it */
    uint64_t number;              /* of a segment */
    bool is_sealed;
    uint64_t plain_bytes; /* sealed: before it was packed */
    uint64_t entries;     /* of a run of the index */
    uint64_t level;       /* how often it was merged */
};

/* Gives each file, in the order of names, until `fn` returns an error. A raw segment's last seq is
 * set if another segment follows. Files that go meanwhile are left out. -ENOENT: there is no such
 * directory. */
typedef int (*log_file_fn)(void *context, const struct log_file *file);
int log_files_each(const char *directory, log_file_fn fn, void *context, struct reel_error *error);

#endif
