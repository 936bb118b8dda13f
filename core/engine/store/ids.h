/* ids.h: remembers which events were submitted by a command or by POST.
 *
 * Source and id identify an event. A submitted event is stored under a UUID made from both (version
 * 5, RFC 9562 section 5.5), until the event is removed from the log. Two events may have the same
 * UUID, so the caller must compare the event.
 */
#ifndef REEL_ENGINE_STORE_IDS_H
#define REEL_ENGINE_STORE_IDS_H

#include "engine/store/store.h"

/* Most strings from which a UUID is made. */
#define IDS_PARTS_MAX 8

/* Makes a UUID from a list of strings: the same for the same strings, on every machine. */
void ids_hash(const struct reel_str *parts, size_t count, uint8_t ret[16]);

/* The data that repeats of a command are compared with and answered from; stored with each of its
 * events. For an event from a stream, some of it may be unknown, because another daemon may have
 * received the command.
 */
struct ids_request {
    bool has_record;         /* false: the record of the result is unknown */
    bool has_body;           /* false: the body of the request is unknown */
    uint8_t body_hash[16];   /* ids_hash of the body */
    uint8_t caller_hash[16]; /* ids_hash of reel_command_request.caller; all zero: unknown */
    struct reel_str record;  /* the key that was accepted; when read, it points into LMDB: valid
                                until the transaction writes or ends */
};

/* The entry of one event. */
struct ids_known {
    uint64_t seq;
    reel_outcome outcome;
    struct ids_request request;
};

int ids_put(struct store *store, const uint8_t hash[16], const struct ids_known *known,
            struct reel_error *error);

/* -ENOENT: there is no entry. */
int ids_get(struct store *store, MDB_txn *txn, const uint8_t hash[16], struct ids_known *ret,
            struct reel_error *error);

/* Removes the entry, if it has this seq. */
int ids_remove(struct store *store, const uint8_t hash[16], uint64_t seq, struct reel_error *error);

#endif
