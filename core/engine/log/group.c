/* group.c: see group.h. */
#include "engine/log/group.h"

#include "base/invariant.h"

#include <errno.h>
#include <string.h>

/* A larger buffer is freed after use. */
#define KEPT_BYTES ((size_t)16 << 20)

void group_finish(struct group *group) {
    text_finish(&group->frame);
    text_finish(&group->places);
}

static void clear_text(struct text *text) {
    text->len = 0;
    text->failed = false;
    if (text->size > KEPT_BYTES) text_finish(text);
}

void group_clear(struct group *group) {
    clear_text(&group->frame);
    clear_text(&group->places);
    group->first_seq = group->last_seq = 0;
    group->entries = 0;
    group->has_facts = false;
}

bool group_is_empty(const struct group *group) {
    return group->entries == 0 && group->last_seq == 0;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

/* Adds `len` bytes, with LOG_ROOM after them. */
static char *extend(struct group *group, size_t len) {
    static const struct frame_head none;
    struct text *frame = &group->frame;
    if (frame->len == 0) text_append(frame, &none, sizeof none);
    char *to = text_extend(frame, len + LOG_ROOM);
    if (!to) return NULL;
    frame->len -= LOG_ROOM;
    return to;
}

int group_add(struct group *group, struct log_entry *entry, struct reel_error *error) {
    size_t len = entry_size(entry);
    if (entry->answer.principal.len > UINT16_MAX || entry->set_aside.len > UINT16_MAX)
        return fail(error, -E2BIG, "an entry has more than %u bytes beside its event", UINT16_MAX);
    if (group->frame.len + len > FRAME_BYTES_MAX)
        return fail(error, -E2BIG, "a group of more than %llu bytes",
                    (unsigned long long)FRAME_BYTES_MAX);
    char *to = extend(group, len);
    if (!to) return fail_memory(error);
    uint32_t at = (uint32_t)(to - group->frame.data);
    if (!(entry->flags & LOG_CONTROL)) {
        INVARIANT(entry->seq > group->last_seq);
        text_append(&group->places, &at, sizeof at);
        if (group->places.failed) return fail_memory(error);
        if (!group->first_seq) group->first_seq = entry->seq;
        group->last_seq = entry->seq;
        group->last_at = at;
    }
    group->entries++;
    to = entry_write(entry, to);
    memset(to + entry->bytes.len, 0, LOG_ROOM);
    entry->bytes.data = to;
    entry->room = LOG_ROOM;
    return 0;
}

/* Finds where `part` is in `bytes`, beginning at `guess`. Returns false if `bytes` does not contain
 * it, or if it is empty, because the header cannot distinguish an empty part from none. */
static bool locate(struct reel_str bytes, struct reel_str part, uint32_t guess, uint32_t *ret_at,
                   uint32_t *ret_len) {
    if (!part.data) return true;
    if (part.len == 0) return false;
    const char *found = bytes.data + guess;
    bool fits = guess <= bytes.len && part.len <= bytes.len - guess;
    if (!fits || memcmp(found, part.data, part.len) != 0)
        found = memmem(bytes.data, bytes.len, part.data, part.len);
    if (!found) return false;
    *ret_at = (uint32_t)(found - bytes.data);
    *ret_len = (uint32_t)part.len;
    return true;
}

/* These flags determine the parts of an entry. They do not change after the entry is written. */
#define LAYOUT_FLAGS ((uint32_t)(LOG_SUBMITTED | LOG_ANSWERED | LOG_SET_ASIDE | LOG_CONTROL))

void group_describe(struct group *group, const struct log_entry *entry) {
    INVARIANT(group->places.len > 0 && group->last_at < group->frame.len);
    struct entry_head head;
    char *at = group->frame.data + group->last_at;
    memcpy(&head, at, sizeof head);
    head.flags = (uint16_t)((head.flags & LAYOUT_FLAGS) | (entry->flags & ~LAYOUT_FLAGS));
    if (!locate(entry->bytes, entry->type, group->type_at, &head.type_at, &head.type_len) ||
        !locate(entry->bytes, entry->subject, 0, &head.subject_at, &head.subject_len))
        head.flags |= LOG_LOOK_INSIDE;
    group->type_at = head.type_at;
    memcpy(at, &head, sizeof head);
}

void group_answer(struct group *group, reel_outcome outcome) {
    INVARIANT(group->places.len > 0 && group->last_at < group->frame.len);
    struct entry_head head;
    char *at = group->frame.data + group->last_at;
    memcpy(&head, at, sizeof head);
    if (!(head.flags & LOG_ANSWERED)) return;
    at += sizeof head + (head.flags & LOG_SUBMITTED ? 16 : 0);
    at[offsetof(struct known_head, outcome)] = (char)outcome;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void entry_at(const struct group *group, size_t n, struct log_entry *ret) {
    uint32_t at;
    memcpy(&at, group->places.data + n * sizeof at, sizeof at);
    struct reel_str entries = {group->frame.data + at, group->frame.len - at};
    bool is_whole = entry_read(&entries, LOG_ROOM, ret);
    INVARIANT(is_whole); /* it is our own */
}

int group_get(const struct group *group, uint64_t seq, struct log_entry *ret) {
    size_t low = 0, high = group->places.len / sizeof(uint32_t);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        entry_at(group, middle, ret);
        if (ret->seq == seq) return 0;
        if (ret->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return -ENOENT;
}

char *group_frame(struct group *group, uint64_t head, struct frame_head *ret_head) {
    uint64_t last_seq = group->last_seq ? group->last_seq : head;
    INVARIANT(last_seq >= head);
    if (!extend(group, 0)) return NULL;
    *ret_head = (struct frame_head){
        .first_seq = group->first_seq ? group->first_seq : last_seq + 1,
        .last_seq = last_seq,
        .len = (uint32_t)group->frame.len,
        .count = group->entries,
    };
    size_t zeros = FRAME_ROUND(group->frame.len) - group->frame.len;
    if (zeros > 0 && !text_extend(&group->frame, zeros)) return NULL;
    group->frame.len -= zeros;
    return group->frame.data;
}
