/* keys.h: keys of any length in an LMDB database, in byte order.
 *
 * LMDB's keys have 1 to 511 bytes. Keys of records are UTF-8 of any length, and may be empty. They
 * are stored as a tree of chunks:
 *
 *     0x00                          the highest number that a node was given
 *     0x01 node chunk               within a node (8 bytes, big-endian): what is left of a key
 *     0x01 node chunk 0x01          the next KEY_CHUNK bytes of still longer keys → a node
 *     0x02 chunk                    at the top: the whole key, if it has at most KEY_CHUNK bytes
 *     0x02 chunk 0x01               the first KEY_CHUNK bytes of longer keys → a node's number
 *
 * Only a full chunk is followed by 0x01. So an entry with a full chunk and one more byte continues
 * in another node. It is directly after the key that ends with this chunk, and before all greater
 * keys, which is the place of the longer keys. So a walk through the tree gives byte order.
 *
 * The top level is at the end of the database, so that new keys that are greater than all others
 * can be appended. Almost all keys are short. They take one byte more than in LMDB itself, and no
 * further look-up.
 */
#ifndef REEL_ENGINE_STORE_KEYS_H
#define REEL_ENGINE_STORE_KEYS_H

#include "base/text.h"
#include "engine/store/environment.h"

#define KEY_CHUNK 500

/* An LMDB key, with memory for it. */
struct stored_key {
    size_t len;
    unsigned char bytes[1 + 8 + KEY_CHUNK + 1];
};

/* -ENOENT. The value points into LMDB: valid until the transaction writes or ends. */
int keys_get(struct store *store, MDB_txn *txn, MDB_dbi dbi, struct reel_str key,
             struct reel_str *ret_value, struct reel_error *error);

/* Are all keys of a database short, whose first entry this is? And how a short key is stored. */
bool keys_are_short(MDB_val first);
MDB_val keys_short(struct stored_key *stored, struct reel_str key);

/* Writes through a cursor on the database, so that each of several sorted keys is found from the
 * place of the key before. keys_put: the caller writes the value's `size` bytes to `ret_space`. */
struct keys_writer {
    struct store *store;
    MDB_cursor *cursor;
    MDB_dbi dbi;
    bool last_known; /* `last` is the greatest key of the top level */
    struct stored_key last;
};
int keys_writer_start(struct keys_writer *writer, struct store *store, MDB_dbi dbi,
                      struct reel_error *error);
int keys_put(struct keys_writer *writer, struct reel_str key, size_t size, char **ret_space,
             struct reel_error *error);
int keys_delete(struct keys_writer *writer, struct reel_str key, struct reel_error *error);
void keys_writer_finish(struct keys_writer *writer);

/* Walks in byte order. After keys_walk_start, the first keys_next gives the first key at or above
 * `from` (above `from`, if `after`). keys_next: 1; 0 at the end; or an error. Key and value are
 * valid until the next call. */
struct keys_walk {
    struct store *store;
    MDB_cursor *cursor;
    const char *page;     /* the page that contains the cursor */
    MDB_cursor_op next;   /* the operation that leads to the next entry */
    bool at_end;          /* keys_previous begins at the last entry of all, not before the cursor */
    bool is_at;           /* keys_previous begins with the entry at the cursor */
    struct stored_key at; /* the place to look at, for MDB_SET_RANGE */
    struct reel_str from; /* borrowed until the first keys_next */
    bool after;
    size_t depth;    /* number of nodes that the walk is within */
    uint64_t *nodes; /* their numbers, the outermost first */
    size_t nodes_size;
    struct text key; /* the chunks that lead to this node, and the last key */
};
int keys_walk_start(struct keys_walk *walk, struct store *store, MDB_txn *txn, MDB_dbi dbi,
                    struct reel_str from, bool after, struct reel_error *error);
int keys_next(struct keys_walk *walk, struct reel_str *ret_key, struct reel_str *ret_value,
              struct reel_error *error);
void keys_walk_finish(struct keys_walk *walk);

/* The other way. After keys_walk_start_below, the first keys_previous gives the greatest key below
 * `key` (or at it, if `at`). The two functions may follow each other in a walk: each goes on from
 * the key that was given last. After 0 the walk is over. */
int keys_walk_start_below(struct keys_walk *walk, struct store *store, MDB_txn *txn, MDB_dbi dbi,
                          struct reel_str key, bool at, struct reel_error *error);
int keys_previous(struct keys_walk *walk, struct reel_str *ret_key, struct reel_str *ret_value,
                  struct reel_error *error);

#endif
