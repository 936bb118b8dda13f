/* store_file.h: what can be said about data.mdb before its pages are read through the map.
 *
 * LMDB maps the file and trusts it: a page beyond the end of the file is a SIGBUS. A file that was
 * cut short (a copy onto a full disk) is therefore found here, by reading, not by mapping.
 */
#ifndef REEL_ENGINE_STORE_STORE_FILE_H
#define REEL_ENGINE_STORE_STORE_FILE_H

#include "base/error.h"

#include <lmdb.h>

/* True: the directory has no data.mdb, or one in which no transaction was ever committed (a first
 * start was cut off). Such a file has nothing to lose. */
bool store_file_is_new(const char *directory);

/* -EIO: the file of this environment ends before a page that its content needs. Takes a place for a
 * reader while it looks. */
int store_file_check(MDB_env *env, struct reel_error *error);

#endif
