/* group.h: the entries that the writer gathers. Together they become one frame.
 *
 * The buffer begins with space for the frame's head, and is written as it is. After a large group,
 * its memory is freed.
 */
#ifndef REEL_ENGINE_LOG_GROUP_H
#define REEL_ENGINE_LOG_GROUP_H

#include "engine/log/format.h"

struct group {
    struct text frame;
    struct text places; /* positions of the events' entries: uint32_t */
    uint64_t first_seq; /* of its first event; 0: it has none */
    uint64_t last_seq;  /* the head with this group; 0: the group does not move the head */
    uint32_t entries;
    uint32_t last_at; /* position of the newest event's entry */
    uint32_t type_at; /* where the last event had its type: a sender writes all its events alike */
    bool has_facts;
    struct log_facts facts;
};

void group_finish(struct group *group);
void group_clear(struct group *group);
bool group_is_empty(const struct group *group);

int group_add(struct group *group, struct log_entry *entry, struct reel_error *error);
void group_describe(struct group *group, const struct log_entry *entry);
void group_answer(struct group *group, reel_outcome outcome);
int group_get(const struct group *group, uint64_t seq, struct log_entry *ret);

/* Completes the frame with zeros, for frame_write. Fills in the members of `ret_head` that the
 * group knows. NULL: out of memory. */
char *group_frame(struct group *group, uint64_t head, struct frame_head *ret_head);

#endif
