/* origin.h: is this the stream that the log mirrors?
 *
 * A log that mirrors a stream keeps the stream's name, creation time and our filter (struct
 * store_origin), and its epoch is made from them: so all daemons that mirror a stream alike have
 * the same epoch, and (epoch, seq) names the same event at each of them.
 *
 * A stream that was made anew, or another filter, is another log: its epoch differs, and
 * everything is begun anew. But the same stream may also have been taken back, by a restore or by
 * a power cut of the broker, and have gone on otherwise. That is seen when it ends before our
 * cursor, or when the newest message that we have and it still holds is not the same in both.
 * Then there is no telling which events are true, and somebody must decide.
 */
#ifndef REEL_FEEDS_ORIGIN_H
#define REEL_FEEDS_ORIGIN_H

#include "feeds/broker.h"

/* Compares, and begins anew where that is due. `ret_from`: the first seq that the log lacks. 1: the
 * log was begun anew, as `error` tells in a sentence. -ESTALE: that is due, but would lose what
 * the stream no longer holds, or is for somebody to decide: not without `may_lose`. */
int origin_check(struct reel *reel, const struct feed_stream *stream, bool may_lose,
                 void (*release)(struct feed_message *message), uint64_t *ret_from,
                 struct reel_error *error);

/* For a daemon without a feed: -ESTALE: the log is a mirror, and only its stream may go on with it.
 */
int feed_check_own(struct reel *reel, struct reel_error *error);

#endif
