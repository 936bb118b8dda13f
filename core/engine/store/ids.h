/* ids.h: which event already came by a command or by POST.
 *
 * An event is named by its CloudEvents source and id. What is submitted is remembered under a
 * UUID made from both (version 5, RFC 9562 section 5.5), until the log lets go of the event. A
 * hit only points at an event: whether it is the same is for the caller to compare.
 */
#ifndef REEL_ENGINE_STORE_IDS_H
#define REEL_ENGINE_STORE_IDS_H

#include "engine/store/store.h"

/* Most strings that one name is made of. */
#define IDS_PARTS_MAX 8

/* The UUID of a list of strings: the same for the same strings, on every machine. */
void ids_hash(const struct reel_str *parts, size_t count, uint8_t ret[16]);

/* What is known of one. `record` is the key of what a command's answer showed: a repeat shows it,
 * too. */
struct ids_known {
    uint64_t seq;
    reel_outcome outcome;
    bool has_record;        /* a stream's event may be of a command that another daemon took */
    struct reel_str record; /* when read, LMDB's: good until the transaction writes or ends */
};

int ids_put(struct store *store, const uint8_t hash[16], const struct ids_known *known,
            struct reel_error *error);

/* -ENOENT: not known. */
int ids_get(struct store *store, MDB_txn *txn, const uint8_t hash[16], struct ids_known *ret,
            struct reel_error *error);

/* Removes it, if it still names that seq. */
int ids_remove(struct store *store, const uint8_t hash[16], uint64_t seq, struct reel_error *error);

#endif
