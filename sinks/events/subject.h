/* subject.h: the NATS subject of an event (event/subject.h), whatever feed it came from. An event
 * that was not received from a stream has the subject under which it would be published:
 * `cellos.events.event.<type>`. So one filter works for all events.
 */
#ifndef REEL_SINKS_EVENTS_SUBJECT_H
#define REEL_SINKS_EVENTS_SUBJECT_H

#include "event/subject.h"

#include <reel/view.h>

#define SUBJECT_OF_EVENTS SUBJECT_ROOT ".event."

/* Bytes for the subject of an event that was not published. */
#define SUBJECT_BYTES_MAX (sizeof SUBJECT_OF_EVENTS - 1 + SUBJECT_PART_MAX)

/* The subject of an event: its own, or the one under which it would be published, in `space`. */
struct reel_str subject_of(const struct reel_entry *entry, char space[SUBJECT_BYTES_MAX]);

#endif
