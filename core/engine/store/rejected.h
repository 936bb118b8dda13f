/* rejected.h: the events that could not be applied, with the reason.
 *
 * Keyed by seq (big-endian, so that they lie in order) and the name of the collection whose
 * projector rejected it; an empty name for what no projector could be given, being no JSON.
 */
#ifndef REEL_ENGINE_STORE_REJECTED_H
#define REEL_ENGINE_STORE_REJECTED_H

#include "engine/store/store.h"

int rejected_put(struct store *store, uint64_t seq, const char *collection, const char *reason,
                 struct reel_error *error);

/* The reason; LMDB's, good until the transaction writes or ends. -ENOENT. */
int rejected_get(struct store *store, MDB_txn *txn, uint64_t seq, const char *collection,
                 struct reel_str *ret_reason, struct reel_error *error);

/* Removes those below `first_seq`, at most `max` (`ret_more`: there are more), or those of one
 * collection. */
int rejected_trim(struct store *store, uint64_t first_seq, size_t max, bool *ret_more,
                  struct reel_error *error);
int rejected_remove_collection(struct store *store, const char *collection,
                               struct reel_error *error);

/* Calls `fn` for each below `before`, the newest first; what it returns, if that is not 0, ends the
 * walk. */
int rejected_each(struct store *store, MDB_txn *txn, uint64_t before, reel_rejection_fn fn,
                  void *context, struct reel_error *error);

/* Copies, for an answer that is given when the transaction has ended. What would make them take
 * more than REJECTIONS_BYTES_MAX is left out. All of zero is an empty list. */
#define REJECTIONS_BYTES_MAX ((size_t)4 << 20)
struct rejection_list {
    struct reel_rejection **list; /* NULL-terminated; NULL while it is empty */
    size_t count, size, bytes;
};
void rejection_list_finish(struct rejection_list *list);

/* Adds those of one event; and removes them. */
int rejected_copy(struct store *store, MDB_txn *txn, uint64_t seq, struct rejection_list *to,
                  struct reel_error *error);
void rejection_list_remove(struct rejection_list *list, uint64_t seq);

/* Says in an event's result who rejected it, and why: the first in the list, from `from` on. */
void rejection_list_tell(const struct rejection_list *list, size_t from, struct reel_result *ret);

#endif
