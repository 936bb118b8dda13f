/* subject.c: see subject.h. */
#include "events/subject.h"

struct reel_str subject_of(const struct reel_entry *entry, char space[SUBJECT_BYTES_MAX]) {
    const size_t prefix = sizeof SUBJECT_OF_EVENTS - 1;
    if (entry->nats_subject.data) return entry->nats_subject;
    memcpy(space, SUBJECT_OF_EVENTS, prefix);
    return (struct reel_str){space, prefix + subject_write_part(space + prefix, entry->type)};
}
