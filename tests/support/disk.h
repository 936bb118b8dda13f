/* disk.h: a small disk that can be full.
 *
 * It is a tmpfs in a mount namespace of a child's own, so that it needs no rights where user
 * namespaces may be made, and is gone with the child. */
#ifndef TESTS_SUPPORT_DISK_H
#define TESTS_SUPPORT_DISK_H

#include "support.h"

/* Runs it in a child that has such a disk at `directory`, of mount's `options`: "size=16m". Skips
 * the test where that is not permitted. */
void run_on_disk(void (*run)(const char *directory), const char *options);

/* A file of that many bytes, or of all that there is room for. */
void write_ballast(const char *path, size_t bytes);

/* Leaves about that much room, by such a file. */
void leave_room(const char *directory, const char *ballast, size_t bytes);

/* Nothing may be open for writing there. */
void make_disk_read_only(const char *directory);

#endif
