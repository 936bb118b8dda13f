/* set_aside.h: what must not be given to a plugin again, because the process has ended in it.
 *
 * A crash is input to every later fold, since it may not repeat. So the file `set-aside` in the
 * directory of a store lists them: one line each, appended and synced by the process that watches
 * the daemon, before the next worker opens the store. Whoever folds the store's log reads it: the
 * worker, `reeld verify`, a backup that is restored.
 *
 *     event     an event: it is rejected for the collection
 *     record    a record of the source of a derived collection, which is made from records
 *     request   a command: it is refused
 *     key       a text that is not accepted as a key
 *     stopped   the collection has crashed too often, and folds no events from this seq on
 *     released  that is over, and requests and keys before it do not count any more
 *
 * A line is for one object of the plugin, by its build id. With another build it is tried again.
 *
 * An event is recognized by a hash of its bytes and by its seq: a stream may have messages that are
 * equal, and a plugin may crash with one of them only. But one that was posted has no seq of its
 * own when it is appended: the process has ended before its group was durable, and when the client
 * sends it again, it has another one. So it is recognized by its hash alone. As it has an id, it is
 * appended once. When an event that is set aside is appended, the log's entry is marked, too
 * (log_set_aside), so that the log alone gives the same records.
 *
 *     reel-set-aside event cells 5f…(build id) 6e…(hash) 412(bytes) 17(seq) 11(signal) 0(ms)
 *     1764435550(seconds since 1970) 0.9.0(version of the host) end
 *
 * on one line. A line that a power cut has left incomplete is not read: nobody has acted on it.
 * A line that is damaged is not read, either: what it is about is tried again, and set aside again.
 */
#ifndef REEL_ENGINE_FOLD_SET_ASIDE_H
#define REEL_ENGINE_FOLD_SET_ASIDE_H

#include "base/error.h"
#include "engine/fold/callbacks.h"
#include "engine/log/entry.h"

#define SET_ASIDE_FILE "set-aside"

enum set_aside_kind {
    SET_ASIDE_EVENT,
    SET_ASIDE_RECORD,
    SET_ASIDE_REQUEST,
    SET_ASIDE_KEY,
    SET_ASIDE_STOPPED,
    SET_ASIDE_RELEASED,
    SET_ASIDE_KINDS,
};

/* One line. How the process ended: `ms` is set if the callback did not return within this time;
 * else `signal`; else it called exit(). */
struct set_aside {
    enum set_aside_kind kind;
    char collection[CALLBACK_NAME_MAX];
    uint8_t build_id[BUILD_ID_BYTES]; /* all zero: it is linked in */
    uint8_t hash[CALLBACK_HASH_BYTES];
    uint64_t size; /* of what the hash is of; 0: not known (a command) */
    uint64_t seq;  /* of the event, or where the collection stopped; else for people */
    uint32_t signal, ms;
    uint64_t time_s;  /* since 1970, UTC */
    char version[32]; /* of the host */
};

struct set_aside_list {
    struct set_aside *all; /* in the order of the file */
    size_t count;
    const struct set_aside **sorted; /* by size */
    uint64_t sizes;                  /* a bit for each size, modulo 64 */
    size_t damaged;                  /* the number of the first line that is not one, and was not
                                        cut either; 0: there is none */
};

/* Reads the file of a store, with all of its lines. Without a file the list is empty. To be
 * finished in any case. */
int set_aside_read(const char *directory, struct set_aside_list *ret, struct reel_error *error);
void set_aside_finish(struct set_aside_list *list);

/* Appends a line, and syncs it. */
int set_aside_add(const char *directory, const struct set_aside *line, struct reel_error *error);

/* Appends a line by which a collection is released, if one has stopped it, or if requests or keys
 * were set aside. */
int set_aside_release(const char *directory, const char *collection, struct reel_error *error);

/* The line by which something must not be given to a collection; NULL: it may be. */
const struct set_aside *set_aside_find(const struct set_aside_list *list, enum set_aside_kind kind,
                                       const char *collection,
                                       const uint8_t build_id[BUILD_ID_BYTES],
                                       const uint8_t hash[CALLBACK_HASH_BYTES], uint64_t size);

/* False: no line has something of this size. Cheap, for each event. */
static inline bool set_aside_has_size(const struct set_aside_list *list, uint64_t size) {
    return list->sizes & UINT64_C(1) << (size & 63);
}

/* Appends the marks of all lines about this event to the list of a log's entry. `seq` 0: it has
 * none before it is appended. False: there is none. */
bool set_aside_mark(const struct set_aside_list *list, struct reel_str bytes, uint64_t seq,
                    struct text *ret);

/* The line that has stopped a collection; NULL: it is not stopped. The second function: also if the
 * line is for another build of the plugin or of the host. */
const struct set_aside *set_aside_stop(const struct set_aside_list *list, const char *collection,
                                       const uint8_t build_id[BUILD_ID_BYTES], const char *version);
const struct set_aside *set_aside_was_stopped(const struct set_aside_list *list,
                                              const char *collection);

/* How much of each kind is set aside for a collection and an object with this build id. */
struct set_aside_counts {
    uint32_t events;         /* and records */
    uint32_t requests, keys; /* since it was released last */
};
void set_aside_count(const struct set_aside_list *list, const char *collection,
                     const uint8_t build_id[BUILD_ID_BYTES], struct set_aside_counts *ret);

/* How many there can be for a collection and an object, which is what limits the file. After so
 * many events, the collection is stopped. After so many requests or keys, the plugin's `decide` or
 * `canonical_key` is not called any more: those who send requests could make up others for ever. */
#define SET_ASIDE_EVENTS_MAX   10000
#define SET_ASIDE_REQUESTS_MAX 100
#define SET_ASIDE_KEYS_MAX     100

/* Copies the file of one store to the directory of another, and syncs it. */
int set_aside_copy(const char *from, const char *to, struct reel_error *error);

/* The reason of the rejection: "the projector crashed (SIGSEGV)". */
#define SET_ASIDE_REASON_MAX 80
void set_aside_reason(uint32_t signal, uint32_t ms, char ret[SET_ASIDE_REASON_MAX]);

#endif
