/* rejected.h: rejected events, with the reason.
 *
 * The key is the seq (big-endian, for the order) and the name of the collection whose projector
 * rejected the event. If the event is not JSON, no projector was called, and the name is empty.
 * With the collection's second set of tables (store.h), a byte 0x01 follows. Only rejections of the
 * set that the collection has are given: those of a shadow are not, before it is shown.
 */
#ifndef REEL_ENGINE_STORE_REJECTED_H
#define REEL_ENGINE_STORE_REJECTED_H

#include "engine/store/environment.h"

int rejected_put(struct store *store, uint64_t seq, const char *collection, unsigned set,
                 const char *reason, struct reel_error *error);

/* The reason. It is valid until the snapshot ends, or the writer writes. -ENOENT. */
int rejected_get(struct store *store, const struct snapshot *at, uint64_t seq,
                 const char *collection, unsigned set, struct reel_str *ret_reason,
                 struct reel_error *error);

/* What a row of the table says, also for those who read LMDB without memtables. -EBADMSG. */
int rejected_read(struct reel_str key, struct reel_str value, struct reel_rejection *ret,
                  unsigned *ret_set);

/* Removes those below `first_seq`, at most `max` (`ret_more`: there are more), or those of one
 * set of a collection. */
int rejected_trim(struct store *store, uint64_t first_seq, size_t max, bool *ret_more,
                  struct reel_error *error);
int rejected_remove_collection(struct store *store, const char *collection, unsigned set,
                               struct reel_error *error);

/* Calls `fn` for each rejection below `before`, the newest first. If it returns another value than
 * 0, the walk ends with this value. */
int rejected_each(struct store *store, const struct snapshot *at, uint64_t before,
                  reel_rejection_fn fn, void *context, struct reel_error *error);

/* Copies of rejections, for an answer that is given after the end of the snapshot. Rejections
 * beyond REJECTIONS_BYTES_MAX are left out. All zero: empty. */
#define REJECTIONS_BYTES_MAX ((size_t)4 << 20)
struct rejection_list {
    struct reel_rejection **list; /* NULL-terminated; NULL if empty */
    size_t count, size, bytes;
};
void rejection_list_finish(struct rejection_list *list);

/* Add the rejections of one event; and remove them. */
int rejected_copy(struct store *store, const struct snapshot *at, uint64_t seq,
                  struct rejection_list *to, struct reel_error *error);
void rejection_list_remove(struct rejection_list *list, uint64_t seq);

/* Sets collection and reason in the result of an event, from the first of its rejections in the
 * list, from `from` on. */
void rejection_list_tell(const struct rejection_list *list, size_t from, struct reel_result *ret);

#endif
