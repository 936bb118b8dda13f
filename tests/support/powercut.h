/* powercut.h: what a power cut may leave on a disk, made of a recording (recorder.h).
 *
 * A `disk` goes through the records one by one. It knows of each file what is durable, and what was
 * changed since its last sync; of each directory likewise with its names. A state that a power cut
 * may leave at this point has all that is durable, and any part of the rest: any of the changes,
 * in any order, writes torn at 512 bytes; a name that was made, moved or removed is certain only
 * when its directory was synced. (A later change over an earlier one is the only order that shows,
 * so leaving changes out makes all of them.) */
#ifndef TESTS_POWERCUT_H
#define TESTS_POWERCUT_H

#include "recorder.h"

struct disk;

/* A disk with what is in `directory` now, all of it durable. */
struct disk *disk_create(const char *directory);
void disk_destroy(struct disk *disk);

void disk_apply(struct disk *disk, const struct record *record);

enum cut {
    CUT_ALL_LOST, /* only what is durable */
    CUT_ALL_KEPT,
    CUT_NAMES_KEPT, /* changes of names, and not of what files contain */
    CUT_ANY,        /* another part each time */
};

/* Writes such a state to an empty directory. */
void disk_cut(const struct disk *disk, enum cut cut, uint64_t *random, const char *to);

/* True if the file with this inode has changes below `at` that are not durable. */
bool disk_is_unsynced_below(const struct disk *disk, uint64_t file, uint64_t at);

/* The last path of the file: "//store/log/spare"; "" if it never had one. free() it. */
char *disk_path_of(const struct disk *disk, uint64_t file);

/* Fails unless `directory` is the result of all changes, apart from the file `except`: otherwise a
 * change was not recorded. */
void disk_assert_same(const struct disk *disk, const char *directory, const char *except);

#endif
