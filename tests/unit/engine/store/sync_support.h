/* sync_support.h: which directories were synced. The fsync of all code that is linked statically is
 * the one of sync_support.c, which notes and does not wait for a disk. */
#ifndef TESTS_UNIT_SYNC_SUPPORT_H
#define TESTS_UNIT_SYNC_SUPPORT_H

#include <stdbool.h>

/* Forgets what was synced so far. */
void syncs_begin(void);

/* Has this file or directory been synced since then? */
bool was_synced(const char *path);

#endif
