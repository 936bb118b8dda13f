/* walk.h: reads a log in place, by any thread, without waiting for the writer.
 *
 * The caller says how far it may read: a view must not see a group that is not visible yet.
 */
#ifndef REEL_ENGINE_LOG_WALK_H
#define REEL_ENGINE_LOG_WALK_H

#include "base/error.h"
#include "engine/log/entry.h"
#include "engine/log/pin.h"

/* An entry stays valid while this number of further entries is given. */
#define LOG_HELD 257

/* A walk. The first log_next gives the first event at or above `from_seq`; no event above `to_seq`
 * is given. log_next returns 1 and an entry, 0 at the end, or an error: -EBADMSG, the log is
 * damaged. log_walk_held: bytes of memory that the walk keeps for entries that it gave. To keep
 * this small, the caller uses the entries before it continues. */
struct log_walk {
    struct log_pin *pin;
    uint64_t from_seq, to_seq;
    size_t segment;       /* the number of the current segment in the pin */
    bool inside;          /* the walk has begun with this segment */
    uint64_t at, end;     /* raw: the next entry, and the end of its frame */
    size_t block;         /* sealed: the next block */
    struct reel_str left; /* remaining entries of the current frame or block */
    size_t left_room;
    uint64_t given; /* number of entries given */
    struct log_unpacked
        *blocks; /* the newest first; each is kept until LOG_HELD further entries are given */
    size_t held_bytes;
    bool with_control; /* entries with LOG_CONTROL are given, too, for log_read_control */
};
void log_walk_start(struct log_walk *walk, struct log_pin *pin, uint64_t from_seq, uint64_t to_seq);
int log_next(struct log_walk *walk, struct log_entry *ret, struct reel_error *error);
void log_walk_finish(struct log_walk *walk);

/* One event; and the newest up to `seq`. `walk` need not be initialized, and is for the caller to
 * finish in any case; the entry is valid until then. -ENOENT. */
int log_get(struct log_walk *walk, struct log_pin *pin, uint64_t seq, struct log_entry *ret,
            struct reel_error *error);
int log_get_last(struct log_walk *walk, struct log_pin *pin, uint64_t seq, struct log_entry *ret,
                 struct reel_error *error);

#endif
