/* directory.h: operations on the directories of stores. */
#ifndef REEL_ENGINE_STORE_DIRECTORY_H
#define REEL_ENGINE_STORE_DIRECTORY_H

#include "base/error.h"

/* Creates the directory if it does not exist (mode 0700; its parent must exist; its name is not
 * synced: directory_sync_name), and holds its lock (reel.lock, which contains our pid) until
 * `ret_fd` is closed. -EBUSY: another process has the lock; -ELOOP: reel.lock is a symbolic
 * link. */
int directory_lock(const char *path, int *ret_fd, struct reel_error *error);

/* Creates a directory, or accepts an empty one. */
int directory_make_empty(const char *path, struct reel_error *error);

/* A new directory under $TMPDIR, or /tmp. */
int directory_make_temporary(char **ret, struct reel_error *error);

/* Removes a directory and the plain files in it, as far as possible. */
void directory_remove(const char *path);

/* Makes sure that a file in the directory has at least `size` bytes, and that disk space is
 * allocated for all of them: writing to a hole in a mapped file would cause a SIGBUS on a full
 * disk. -ELOOP: it is a symbolic link, which could lead to any file. */
int directory_allocate(const char *path, const char *name, uint64_t size, struct reel_error *error);

/* -ELOOP: this name exists, and is a symbolic link. */
int directory_check_no_link(const char *path, const char *name, struct reel_error *error);

/* Moves a file to the directory above; only its owner may read it. */
int directory_move_up(const char *path, const char *name, struct reel_error *error);

/* True if this number of bytes could be written now. Allocates them for a moment, so that quotas
 * count, too. */
bool directory_has_room(const char *path, uint64_t bytes);

/* Syncs the names in the directory. */
int directory_sync(const char *path, struct reel_error *error);

/* Syncs the directory's own name: syncs the directory above. */
int directory_sync_name(const char *path, struct reel_error *error);

#endif
