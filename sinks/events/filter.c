/* filter.c: see filter.h. */
#include "events/filter.h"

#include "base/error.h"
#include "events/subject.h"

int event_filter_check(const struct event_filter *filter, struct reel_error *error) {
    if (!filter->subject.data || subject_filter_valid(filter->subject)) return 0;
    return fail(error, -EINVAL,
                "\"%.*s\" is not a subject filter: it must consist of tokens separated by dots; a "
                "token is `*`, or `>` at the end, or text without wildcards and white space",
                REEL_FMT(filter->subject));
}

bool event_filter_is_empty(const struct event_filter *filter) {
    return filter->type.len == 0 && !filter->subject.data && !filter->ce_subject.data;
}

/* True if `str` begins with `prefix`. An event without a type begins with the empty prefix. */
static bool begins_with(struct reel_str str, struct reel_str prefix) {
    if (prefix.len == 0) return true;
    return str.len >= prefix.len && memcmp(str.data, prefix.data, prefix.len) == 0;
}

bool event_filter_matches(const struct event_filter *filter, const struct reel_entry *entry) {
    char space[SUBJECT_BYTES_MAX];
    if (entry->flags & REEL_LOG_GAP) return true;
    if (!begins_with(entry->type, filter->type)) return false;
    if (filter->ce_subject.data && !reel_str_eq(entry->subject, filter->ce_subject)) return false;
    return !filter->subject.data || subject_matches(filter->subject, subject_of(entry, space));
}
