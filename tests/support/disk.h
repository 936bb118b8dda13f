/* disk.h: a small disk that can be full; and one that does not answer.
 *
 * The small one is a tmpfs in the mount namespace of a child. So it needs no rights if user
 * namespaces are allowed, and disappears with the child. */
#ifndef TESTS_SUPPORT_DISK_H
#define TESTS_SUPPORT_DISK_H

#include "support.h"

/* Runs the function in a child that has such a disk at `directory`, with these mount options:
 * "size=16m". Skips the test if this is not permitted. */
void run_on_disk(void (*run)(const char *directory), const char *options);

/* Writes a file of this size, or as large as fits. */
void write_ballast(const char *path, size_t bytes);

/* Leaves about this much space, by writing such a file. */
void leave_room(const char *directory, const char *ballast, size_t bytes);

/* No file may be open for writing there. */
void make_disk_read_only(const char *directory);

/* In daemons that are started between these two calls, no sync returns while this file is there
 * (stalled_disk.c). */
void stalls_begin(const char *file);
void stalls_end(void);

#endif
