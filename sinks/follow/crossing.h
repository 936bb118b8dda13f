/* crossing.h: from the records of one generation to those of the next one.
 *
 * When a rebuild has ended, a collection has other records, and another generation. Its followers
 * have the old records. They are sent the differences, and then go on in the new generation.
 *
 * While a collection is rebuilt, the newest view that a follower has read is kept open; after a
 * reload of plugins, the view of what the last worker had. The first view that has the new records
 * makes of both a crossing: the old records as of `from_seq`, which is not below the position of
 * any follower, and the new ones as of `to_seq`.
 *
 *     CROSSING_NONE       no rebuild has ended lately
 *     CROSSING_COMPARING  the records of both views are compared, a slice in each turn
 *     CROSSING_READY      the keys of all records that differ are known
 *
 * Followers in the old generation read from the old view, until they are at its end. Then they are
 * sent the records that the keys name, as they are now: like a listing, of these records only. What
 * was changed after `to_seq` is left out, since it follows.
 *
 * The work and the memory do not depend on the number of followers: they share the keys. A crossing
 * is given up if it has too many keys, or if a view's time ends before all is compared; then
 * followers in the old generation must take a snapshot. A crossing ends when no follower uses it
 * any more, after CROSSING_MS.
 *
 * Views are limited (views_max), and requests need them, too. So only some collections have views
 * here at one time (`places`); the followers of others must take a snapshot.
 */
#ifndef REEL_SINKS_FOLLOW_CROSSING_H
#define REEL_SINKS_FOLLOW_CROSSING_H

#include "base/text.h"

#include <reel/sink_host.h>

/* Keys of records that differ. */
#define CROSSING_BYTES_MAX ((size_t)32 << 20)

/* For followers that were not at the end of the old records when all was compared. Nobody has used
 * it for this time: it is given up. */
#define CROSSING_MS 30000

enum crossing_state {
    CROSSING_NONE,
    CROSSING_COMPARING,
    CROSSING_READY,
};

/* A view, and what is known of the collection in it. */
struct crossing_side {
    struct reel_view *view; /* or NULL */
    struct reel_position position;
    uint64_t generation;
};

/* Most views that one crossing holds, and that all of a hub hold: this part of views_max. */
#define CROSSING_VIEWS       3
#define CROSSING_VIEWS_SHARE 4

/* Of a hub: one for each collection that is followed. */
struct crossings {
    struct crossing *first;
    uint64_t places, taken; /* for those that have views */
};

struct crossing {
    struct crossing *next;
    struct crossings *all;
    bool has_place;
    struct reel_sink_host *host;
    const char *collection;
    unsigned streams; /* that use it */

    struct crossing_side kept; /* while the collection is rebuilt, or after a reload */

    enum crossing_state state;
    struct crossing_side from, to;
    unsigned cursors; /* followers that are sent the differences */
    uint64_t used_ms; /* when it was begun, compared or begun by a follower, last */
    uint64_t number;  /* of crossings, up to this one */

    /* Comparing: first all old records, then those new ones that are not old ones. */
    bool is_second;
    struct text after; /* the last key that was compared */
    bool has_after;
    struct text keys;
};

/* The crossing for this collection, with a reference. NULL: out of memory. */
struct crossing *crossing_ref(struct crossings *all, struct reel_sink_host *host,
                              const char *collection);
void crossing_unref(struct crossing *crossing);

/* What a view has of the collection, and where that stands: one that is stopped is behind others.
 */
int crossing_look(struct reel_sink_host *host, struct reel_view *view, const char *collection,
                  struct reel_position *ret_position, struct reel_collection_info *ret_info);

/* Takes ownership of a view that was read, unless it is of no use; it is closed then. */
void crossing_saw_take(struct crossing *crossing, struct reel_view *view,
                       const struct reel_position *position,
                       const struct reel_collection_info *info);

/* The old view of a follower in this generation; NULL: it has none. */
struct reel_view *crossing_old_view(const struct crossing *crossing, const struct reel_epoch *epoch,
                                    uint64_t generation);

/* True if a follower at this place has all of the old records. */
bool crossing_begins(const struct crossing *crossing, const struct reel_epoch *epoch,
                     uint64_t generation, uint64_t seq);

/* Compares a slice. 1: all is compared; 0: there is more; or an error, and it is given up. */
int crossing_compare(struct crossing *crossing);

/* A record that differs. `next`: the place of the next one; the first has the place 0. */
struct crossing_key {
    struct reel_str key;
    bool is_gone; /* the new records do not have it */
    size_t next;
};
/* False: there are no more. */
bool crossing_key_at(const struct crossing *crossing, size_t at, struct crossing_key *ret);

/* Gives up what nobody needs. */
void crossing_tidy(struct crossing *crossing);

#endif
