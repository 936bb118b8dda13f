/* gather.h: what comes next of a Reel, as lines: its events, or its changed records.
 *
 * A gatherer stands at a seq: all up to it has been gathered. Each step opens a view, takes lines
 * from there on until there are about GATHER_BYTES, closes the view and stands further on; so no
 * view is open while anyone waits for a reader. A step always ends between two seqs: what is cut
 * short within one is gathered again.
 *
 * Nothing is left out unsaid. If trimming has taken what it had yet to come by, a step fails: with
 * events these themselves, with records the deletions among them, since records that are gone are
 * only known by the log. For the same reason records wait until every collection is served. And a
 * step fails when the log is not the same any more, since it has begun anew to mirror another
 * stream.
 */
#ifndef REEL_SINKS_STDOUT_GATHER_H
#define REEL_SINKS_STDOUT_GATHER_H

#include "base/text.h"
#include "events/filter.h"

#include <reel/sink.h>

#define GATHER_BYTES ((size_t)256 << 10)

/* All zero but for the first members; text_finish(&text) at last. */
struct gather {
    struct reel_sink_host *host;
    bool records;               /* or else events */
    struct event_filter filter; /* of events; borrowed */
    bool begun;                 /* `at` and `base` are set */
    uint64_t at;                /* all up to this seq has been gathered, or is not wanted */
    uint64_t base;              /* what trimming takes up to here is no loss */
    uint64_t shown;             /* the seq of the last line, or where it began */
    struct reel_epoch epoch;    /* of the log that `at` is a place in; empty: none yet */
    struct text text;           /* lines, each with its LF; the caller empties it */

    /* Of the step under way. */
    uint64_t until;   /* the view's cursor */
    uint64_t current; /* the seq that lines are being gathered of */
    size_t mark;      /* where in the text they begin */
};

/* Stands behind what there is already: only what is new is gathered. */
void gather_begin_new(struct gather *gather);

/* Stands at `since`; 0: before the oldest that is kept, or for records before all. -ERANGE: the
 * log no longer reaches back to it; -EAGAIN: later. */
int gather_begin_since(struct gather *gather, uint64_t since, struct reel_error *error);

/* Takes a step; the text may still be empty after it. -EAGAIN: again in a moment; -ERANGE: trimming
 * has overtaken it; -ESTALE: it is another log; else what a view may give. */
int gather_step(struct gather *gather, struct reel_error *error);

#endif
