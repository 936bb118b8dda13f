/* directory.h: the directories that stores live in. */
#ifndef REEL_ENGINE_STORE_DIRECTORY_H
#define REEL_ENGINE_STORE_DIRECTORY_H

#include "base/error.h"

/* Makes the directory if it is absent (mode 0700; its parent must exist; its name is not synced:
 * directory_sync_name) and takes its lock (reel.lock, with our pid in it) until `ret_fd` is closed.
 * -EBUSY: another has it; -ELOOP: reel.lock is a symbolic link. */
int directory_lock(const char *path, int *ret_fd, struct reel_error *error);

/* Makes a directory, which may exist but must be empty. */
int directory_make_empty(const char *path, struct reel_error *error);

/* A new directory under $TMPDIR, or /tmp. */
int directory_make_temporary(char **ret, struct reel_error *error);

/* Removes a directory and the plain files in it, as well as it can. */
void directory_remove(const char *path);

/* Sees to it that a file in it has at least `size` bytes, and every one of them a place on disk:
 * a hole in a mapped file would be a SIGBUS on a full disk. -ELOOP: it is a symbolic link, which
 * could lead to any file. */
int directory_allocate(const char *path, const char *name, uint64_t size, struct reel_error *error);

/* -ELOOP: that name is there, as a symbolic link. */
int directory_check_no_link(const char *path, const char *name, struct reel_error *error);

/* Moves a file of it to the directory above, readable by its owner alone. */
int directory_move_up(const char *path, const char *name, struct reel_error *error);

/* Could so many bytes be written there now? Asks for them, so that quotas count, too. */
bool directory_has_room(const char *path, uint64_t bytes);

/* Makes the names in it durable. */
int directory_sync(const char *path, struct reel_error *error);

/* Makes its own name durable: syncs the directory that it is in. */
int directory_sync_name(const char *path, struct reel_error *error);

#endif
