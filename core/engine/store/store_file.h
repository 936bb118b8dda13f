/* store_file.h: checks data.mdb before its pages are read through the map.
 *
 * LMDB maps the file and trusts it: access to a page beyond the end of the file causes a SIGBUS. So
 * a truncated file (such as a copy to a full disk) is detected here, by reading instead of mapping.
 */
#ifndef REEL_ENGINE_STORE_STORE_FILE_H
#define REEL_ENGINE_STORE_STORE_FILE_H

#include "base/error.h"

#include <lmdb.h>

/* True if the directory has no data.mdb, or one without any committed transaction (after an
 * interrupted first start). Such a file has no data. */
bool store_file_is_new(const char *directory);
bool store_file_is_there(const char *directory);

/* -EBADMSG: a store that was made before has lost its data. A new one must not take its place: if
 * the log was trimmed, it would have fewer records, and nobody would be told. */
int store_file_check_content(const char *directory, struct reel_error *error);

/* -EIO: the file of this environment ends before a page that its content needs. Uses a reader slot
 * while it checks. */
int store_file_check(MDB_env *env, struct reel_error *error);

#endif
