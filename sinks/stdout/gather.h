/* gather.h: gathers the next events, or the next changed records, as lines.
 *
 * A gatherer has a position, a seq: everything up to it has been gathered. Each step opens a view,
 * makes lines for what follows, until there are about GATHER_BYTES, closes the view, and moves the
 * position. So no view is open while the sink waits for a reader. A step always ends between two
 * seqs. If it must end within the lines of one seq, these lines are gathered again.
 *
 * Nothing is left out silently. If events were trimmed before they were gathered, a step fails. For
 * records, this is necessary because only the log knows of deleted records. For the same reason, a
 * step for records fails until every collection is served. A step also fails if the log was
 * replaced, because it now mirrors another stream.
 */
#ifndef REEL_SINKS_STDOUT_GATHER_H
#define REEL_SINKS_STDOUT_GATHER_H

#include "base/text.h"
#include "events/filter.h"

#include <reel/sink_host.h>

#define GATHER_BYTES ((size_t)256 << 10)

/* All zero, except the first members. Call text_finish(&text) at the end. */
struct gather {
    struct reel_sink_host *host;
    bool records;               /* false: events */
    struct event_filter filter; /* for events; borrowed */
    bool begun;                 /* `at` and `base` are set */
    uint64_t at;                /* everything up to this seq has been gathered, or is not wanted */
    uint64_t base;              /* trimming events up to this seq loses nothing */
    uint64_t shown;             /* the seq of the last line, or of the begin */
    struct reel_epoch
        epoch;        /* the epoch of the log in which `at` is a position; empty: not known yet */
    struct text text; /* lines, each with its LF; the caller removes them */

    /* About the current step. */
    uint64_t until;   /* the view's cursor */
    uint64_t current; /* the seq whose lines are being gathered */
    size_t mark;      /* where its lines begin in the text */
};

/* Begins after all current events: only new ones are gathered. */
void gather_begin_new(struct gather *gather);

/* Begins after `since`. 0: with the oldest event in the log; for records, with all records.
 * -ERANGE: the log begins after `since`; -EAGAIN: try again later. */
int gather_begin_since(struct gather *gather, uint64_t since, struct reel_error *error);

/* Does one step. The text may still be empty after it. -EAGAIN: try again soon; -ERANGE: events
 * that were not gathered yet have been trimmed; -ESTALE: the log was replaced; or an error of a
 * view. */
int gather_step(struct gather *gather, struct reel_error *error);

#endif
