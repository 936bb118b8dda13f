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

/* What a repeat of a command is held against, and answered from: kept with each of its events. Of a
 * stream's event not all of it may be known here: it may be of a command that another daemon took.
 */
struct ids_request {
    bool has_record;         /* false: it is not known which record the answer showed */
    bool has_body;           /* false: nor what the request's body was */
    uint8_t body_hash[16];   /* ids_hash of the body */
    uint8_t caller_hash[16]; /* ids_hash of reel_order.caller; all zero: not known */
    struct reel_str record;  /* the key that was accepted; when read, LMDB's: good until the
                                transaction writes or ends */
};

/* What is known of one. */
struct ids_known {
    uint64_t seq;
    reel_outcome outcome;
    struct ids_request request;
};

int ids_put(struct store *store, const uint8_t hash[16], const struct ids_known *known,
            struct reel_error *error);

/* -ENOENT: not known. */
int ids_get(struct store *store, MDB_txn *txn, const uint8_t hash[16], struct ids_known *ret,
            struct reel_error *error);

/* Removes it, if it still names that seq. */
int ids_remove(struct store *store, const uint8_t hash[16], uint64_t seq, struct reel_error *error);

#endif
