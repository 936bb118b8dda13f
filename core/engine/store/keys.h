/* keys.h: keys of any length in an LMDB database, in byte order.
 *
 * LMDB's keys have 1 to 511 bytes. Ours are UTF-8 of any length, the empty one included. They
 * are kept as a tree of chunks:
 *
 *     0x00                          the highest number that a node was given
 *     0x01 node chunk               within a node (8 bytes, big-endian): what is left of a key
 *     0x01 node chunk 0x01          the next KEY_CHUNK bytes of still longer keys → a node
 *     0x02 chunk                    at the top: the whole key, if it has at most KEY_CHUNK bytes
 *     0x02 chunk 0x01               the first KEY_CHUNK bytes of longer keys → a node's number
 *
 * Only a full chunk is followed by 0x01, so an entry with a full chunk and one byte more goes
 * on elsewhere. It stands right behind the key that ends with that chunk, and before all that
 * are greater, which is where the longer keys belong: walking the tree gives byte order.
 *
 * The top is the end of the database, where new keys that are greater than all can be appended.
 * Almost all keys are short, and cost one byte and no look-up more than in LMDB itself.
 */
#ifndef REEL_ENGINE_STORE_KEYS_H
#define REEL_ENGINE_STORE_KEYS_H

#include "base/text.h"
#include "engine/store/store.h"

#define KEY_CHUNK 500

/* An LMDB key with room for it. */
struct stored_key {
    size_t len;
    unsigned char bytes[1 + 8 + KEY_CHUNK + 1];
};

/* -ENOENT. The value is LMDB's: good until the transaction writes or ends. */
int keys_get(struct store *store, MDB_txn *txn, MDB_dbi dbi, struct reel_str key,
             struct reel_str *ret_value, struct reel_error *error);

/* Writing goes through a cursor on the database in the write transaction, so that sorted keys
 * are found from where the last one was.
 * keys_put: `ret_space` is where the caller writes the value's `size` bytes. */
struct keys_writer {
    struct store *store;
    MDB_cursor *cursor;
    MDB_dbi dbi;
    bool last_known; /* `last` is the greatest key at the top level */
    struct stored_key last;
};
int keys_writer_start(struct keys_writer *writer, struct store *store, MDB_dbi dbi,
                      struct reel_error *error);
int keys_put(struct keys_writer *writer, struct reel_str key, size_t size, char **ret_space,
             struct reel_error *error);
int keys_delete(struct keys_writer *writer, struct reel_str key, struct reel_error *error);
void keys_writer_finish(struct keys_writer *writer);

/* Walking in byte order. After keys_walk_start the first keys_next gives the first key at or
 * above `from` (above it, if `after`). keys_next: 1, 0 at the end, or an error. Key and value
 * are good until the next call. */
struct keys_walk {
    struct store *store;
    MDB_cursor *cursor;
    const char *page;     /* that it is in */
    MDB_cursor_op next;   /* how to get to the next entry */
    struct stored_key at; /* where to look, if that is MDB_SET_RANGE */
    struct reel_str from; /* borrowed until the first keys_next */
    bool after;
    size_t depth;    /* nodes that we are within */
    uint64_t *nodes; /* their numbers, the outermost first */
    size_t nodes_size;
    struct text key; /* the chunks that led here, and the key last given */
};
int keys_walk_start(struct keys_walk *walk, struct store *store, MDB_txn *txn, MDB_dbi dbi,
                    struct reel_str from, bool after, struct reel_error *error);
int keys_next(struct keys_walk *walk, struct reel_str *ret_key, struct reel_str *ret_value,
              struct reel_error *error);
void keys_walk_finish(struct keys_walk *walk);

#endif
