/* filter.h: which events a follower wants. Judged by what the log knows of an event without
 * parsing it. */
#ifndef REEL_SINKS_EVENTS_FILTER_H
#define REEL_SINKS_EVENTS_FILTER_H

#include <reel/view.h>

/* All that is given must match. The strings are borrowed; none (NULL data) matches everything,
 * which all of zero therefore does. */
struct event_filter {
    struct reel_str type;       /* how the CloudEvents `type` begins */
    struct reel_str subject;    /* NATS subject filter, with its wildcards (subject.h) */
    struct reel_str ce_subject; /* the CloudEvents `subject`, whole */
};

/* -EINVAL: the subject filter is none. */
int event_filter_check(const struct event_filter *filter, struct reel_error *error);

/* A gap matches every filter: nobody knows what was in it. */
bool event_filter_is_empty(const struct event_filter *filter);
bool event_filter_matches(const struct event_filter *filter, const struct reel_entry *entry);

#endif
