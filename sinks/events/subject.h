/* subject.h: NATS subjects and the filters on them.
 *
 * A subject is tokens between dots: `cellos.events.cells.c1.started`. In a filter a token `*`
 * stands for any one token and `>`, which can only be the last, for one or more. (NATS
 * documentation, "Subject-Based Messaging".)
 *
 * Every event has a subject, whatever feed it came by: what no stream has carried counts as
 * published where it would be, `cellos.events.event.<type>`. So one filter serves both.
 */
#ifndef REEL_SINKS_EVENTS_SUBJECT_H
#define REEL_SINKS_EVENTS_SUBJECT_H

#include "base/subject.h"

#include <reel/view.h>

#define SUBJECT_OF_EVENTS SUBJECT_ROOT ".event."

/* Room for the subject of an event that was not published. */
#define SUBJECT_BYTES_MAX (sizeof SUBJECT_OF_EVENTS - 1 + SUBJECT_PART_MAX)

/* Tokens that are neither empty nor have white space, control characters or a wildcard that does
 * not stand alone. */
bool subject_filter_valid(struct reel_str filter);

/* Does a valid filter match? Tokens are compared byte by byte. */
bool subject_matches(struct reel_str filter, struct reel_str subject);

/* The subject of an event: its own, or the one it would have, in `space`. */
struct reel_str subject_of(const struct reel_entry *entry, char space[SUBJECT_BYTES_MAX]);

#endif
