/* subject.h: every event has a NATS subject (event/subject.h), whatever feed it came by: what no
 * stream has carried counts as published where it would be, `cellos.events.event.<type>`. So one
 * filter serves both.
 */
#ifndef REEL_SINKS_EVENTS_SUBJECT_H
#define REEL_SINKS_EVENTS_SUBJECT_H

#include "event/subject.h"

#include <reel/view.h>

#define SUBJECT_OF_EVENTS SUBJECT_ROOT ".event."

/* Room for the subject of an event that was not published. */
#define SUBJECT_BYTES_MAX (sizeof SUBJECT_OF_EVENTS - 1 + SUBJECT_PART_MAX)

/* The subject of an event: its own, or the one it would have, in `space`. */
struct reel_str subject_of(const struct reel_entry *entry, char space[SUBJECT_BYTES_MAX]);

#endif
