/* filter.h: which events a follower gets. Only uses what the log knows about an event without
 * parsing it. */
#ifndef REEL_SINKS_EVENTS_FILTER_H
#define REEL_SINKS_EVENTS_FILTER_H

#include <reel/view.h>

/* All members that are given must match. The strings are borrowed. A member without a string (NULL
 * data) matches everything, so a filter that is all zero matches every event. */
struct event_filter {
    struct reel_str type;       /* beginning of the CloudEvents `type` */
    struct reel_str subject;    /* NATS subject filter, with its wildcards (subject.h) */
    struct reel_str ce_subject; /* the complete CloudEvents `subject` */
};

/* -EINVAL: the subject filter is malformed. */
int event_filter_check(const struct event_filter *filter, struct reel_error *error);

/* A gap matches every filter, because its content is unknown. */
bool event_filter_is_empty(const struct event_filter *filter);
bool event_filter_matches(const struct event_filter *filter, const struct reel_entry *entry);

#endif
