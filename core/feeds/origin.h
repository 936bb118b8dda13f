/* origin.h: finds out whether a stream is the one that the log mirrors.
 *
 * A log that mirrors a stream stores the stream's name, its creation time and the filter (struct
 * store_origin). The log's epoch is computed from these. So all daemons that mirror the same stream
 * with the same filter have the same epoch, and (epoch, seq) names the same event at each of them.
 *
 * If the stream was created again, or if the filter is another, the log is another: its epoch
 * differs, and the log is replaced. But a stream may also have been reset to an older state, by a
 * restore or by a power cut of the broker, and may have continued with other messages. This is
 * detected in two ways: the stream ends before our cursor; or the newest of our messages that the
 * stream still holds is not the same in both. Then nobody can know which events are true, and the
 * operator must decide.
 */
#ifndef REEL_FEEDS_ORIGIN_H
#define REEL_FEEDS_ORIGIN_H

#include "feeds/broker.h"

/* Compares the stream with the log, and replaces the log if necessary. `ret_from`: the first seq
 * that the log does not have. 1: the log was replaced, and `error` has a sentence about it.
 * -ESTALE: the log would have to be replaced, but this would lose events that the stream no longer
 * holds, or the operator must decide; with `may_lose`, it is replaced anyway. */
int origin_check(struct reel *reel, const struct feed_stream *stream, bool may_lose,
                 void (*release)(struct feed_message *message), uint64_t *ret_from,
                 struct reel_error *error);

/* For a daemon without a feed. -ESTALE: the log is a mirror, which only its stream may continue.
 */
int feed_check_own(struct reel *reel, struct reel_error *error);

#endif
