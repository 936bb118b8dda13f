/* format.c: see format.h. */
#include "engine/log/format.h"

#include "base/invariant.h"

#include <string.h>
#include <xxhash.h>

/* ---- Header pages ---------------------------------------------------------------------------- */

static uint64_t page_checksum(const char page[SEGMENT_PAGE]) {
    char copy[SEGMENT_PAGE];
    memcpy(copy, page, SEGMENT_PAGE);
    memset(copy + offsetof(struct segment_head, checksum), 0, sizeof(uint64_t));
    return XXH3_64bits(copy, SEGMENT_PAGE);
}

void segment_head_write(const struct segment_head *head, char page[SEGMENT_PAGE]) {
    memset(page, 0, SEGMENT_PAGE);
    memcpy(page, head, sizeof *head);
    uint64_t checksum = page_checksum(page);
    memcpy(page + offsetof(struct segment_head, checksum), &checksum, sizeof checksum);
}

const char *segment_head_read(const char page[SEGMENT_PAGE], struct segment_head *ret) {
    struct segment_head head;
    memcpy(&head, page, sizeof head);
    if (head.magic != SEGMENT_MAGIC) return "it does not begin as a segment does";
    if (head.checksum != page_checksum(page)) return "the checksum of its header is wrong";
    if (head.format != SEGMENT_FORMAT) return "its format is not one that this version reads";
    if (head.form != SEGMENT_RAW && head.form != SEGMENT_SEALED) return "its form is unknown";
    if (head.first_seq == 0 || head.number == 0) return "it begins with event 0";
    *ret = head;
    return NULL;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

uint64_t frame_seed(const struct segment_head *segment, uint64_t at) {
    uint64_t place[] = {segment->salt, segment->number, at};
    return XXH3_64bits(place, sizeof place);
}

static uint64_t frame_checksum(const struct segment_head *segment, uint64_t at, const char *frame,
                               uint64_t len) {
    return XXH3_64bits_withSeed(frame + FRAME_COVERED_FROM, len - FRAME_COVERED_FROM,
                                frame_seed(segment, at));
}

uint64_t frame_write(struct frame_head *head, const struct segment_head *segment, uint64_t at,
                     char *frame) {
    uint64_t len = FRAME_ROUND(head->len);
    INVARIANT(head->len >= sizeof *head && at % FRAME_UNIT == 0);
    memset(frame + head->len, 0, len - head->len);
    head->magic = FRAME_MAGIC;
    memcpy(frame, head, sizeof *head);
    head->checksum = frame_checksum(segment, at, frame, len);
    memcpy(frame, head, sizeof *head);
    return head->checksum;
}

bool frame_head_fits(const struct frame_head *head, uint64_t len) {
    return head->magic == FRAME_MAGIC && head->reserved == 0 && head->len >= sizeof *head &&
           FRAME_ROUND(head->len) <= len;
}

bool frame_read(const struct segment_head *segment, uint64_t at, const char *frame, uint64_t len,
                struct frame_head *ret) {
    struct frame_head head;
    if (len < FRAME_UNIT) return false;
    memcpy(&head, frame, sizeof head);
    if (!frame_head_fits(&head, len)) return false;
    if (head.checksum != frame_checksum(segment, at, frame, FRAME_ROUND(head.len))) return false;
    *ret = head;
    return true;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static size_t known_size(const struct log_entry *entry) {
    if (!(entry->flags & (LOG_ANSWERED | LOG_SET_ASIDE))) return 0;
    const struct log_answer *answer = &entry->answer;
    return sizeof(struct known_head) + answer->key.len + answer->principal.len +
           entry->set_aside.len;
}

static size_t hash_size(uint32_t flags) {
    return flags & LOG_SUBMITTED ? 16 : 0;
}

size_t entry_size(const struct log_entry *entry) {
    return sizeof(struct entry_head) + hash_size(entry->flags) + known_size(entry) +
           entry->nats_subject.len + entry->bytes.len;
}

static char *put(char *to, const void *bytes, size_t len) {
    if (len) memcpy(to, bytes, len);
    return to + len;
}

static char *put_known(const struct log_entry *entry, char *to) {
    const struct log_answer *answer = &entry->answer;
    INVARIANT(answer->principal.len <= UINT16_MAX && entry->set_aside.len <= UINT16_MAX);
    struct known_head head = {
        .key_len = (uint32_t)answer->key.len,
        .principal_len = (uint16_t)answer->principal.len,
        .set_aside_len = (uint16_t)entry->set_aside.len,
        .has_record = answer->has_record,
        .has_body = answer->has_body,
        .outcome = (int8_t)answer->outcome,
    };
    memcpy(head.body_hash, answer->body_hash, sizeof head.body_hash);
    memcpy(head.caller_hash, answer->caller_hash, sizeof head.caller_hash);
    to = put(to, &head, sizeof head);
    to = put(to, answer->key.data, answer->key.len);
    to = put(to, answer->principal.data, answer->principal.len);
    return put(to, entry->set_aside.data, entry->set_aside.len);
}

char *entry_write(const struct log_entry *entry, char *to) {
    size_t known_len = known_size(entry);
    INVARIANT(entry->nats_subject.len <= UINT16_MAX && entry->bytes.len <= UINT32_MAX);
    struct entry_head head = {
        .seq = entry->seq,
        .time_ns = entry->time_ns,
        .kept = (uint32_t)entry->bytes.len,
        .size = entry->size,
        .known_len = (uint32_t)known_len,
        .nats_subject_len = (uint16_t)entry->nats_subject.len,
        .flags = (uint16_t)entry->flags,
    };
    to = put(to, &head, sizeof head);
    to = put(to, entry->id_hash, hash_size(entry->flags));
    if (known_len) to = put_known(entry, to);
    to = put(to, entry->nats_subject.data, entry->nats_subject.len);
    put(to, entry->bytes.data, entry->bytes.len);
    return to;
}

static struct reel_str part_of(struct reel_str bytes, uint32_t at, uint32_t len) {
    if (len == 0 || at > bytes.len || len > bytes.len - at) return (struct reel_str){0};
    return (struct reel_str){bytes.data + at, len};
}

static struct reel_str next_part(const char **at, size_t len) {
    struct reel_str part = {*at, len};
    *at += len;
    return part;
}

static bool read_known(const char *at, size_t len, struct log_entry *ret) {
    struct known_head head;
    if (len < sizeof head) return false;
    memcpy(&head, at, sizeof head);
    if (len != sizeof head + head.key_len + head.principal_len + head.set_aside_len) return false;
    at += sizeof head;
    ret->answer.key = next_part(&at, head.key_len);
    ret->answer.principal = next_part(&at, head.principal_len);
    ret->set_aside = next_part(&at, head.set_aside_len);
    memcpy(ret->answer.body_hash, head.body_hash, sizeof head.body_hash);
    memcpy(ret->answer.caller_hash, head.caller_hash, sizeof head.caller_hash);
    ret->answer.outcome = head.outcome;
    ret->answer.has_record = head.has_record;
    ret->answer.has_body = head.has_body;
    return true;
}

bool entry_read(struct reel_str *entries, size_t room, struct log_entry *ret) {
    struct entry_head head;
    if (entries->len < sizeof head) return false;
    memcpy(&head, entries->data, sizeof head);
    size_t hash_len = hash_size(head.flags);
    size_t before = sizeof head + hash_len + (size_t)head.known_len + head.nats_subject_len;
    size_t len = before + head.kept;
    if (entries->len < len) return false;
    const char *at = entries->data;
    struct reel_str bytes = {at + before, head.kept};
    *ret = (struct log_entry){
        .seq = head.seq,
        .time_ns = head.time_ns,
        .flags = head.flags,
        .size = head.size,
        .bytes = bytes,
        .room = entries->len - len + room,
        .type = part_of(bytes, head.type_at, head.type_len),
        .subject = part_of(bytes, head.subject_at, head.subject_len),
        .nats_subject = {at + before - head.nats_subject_len, head.nats_subject_len},
        .id_hash = hash_len ? (const uint8_t *)at + sizeof head : NULL,
    };
    if (head.flags & (LOG_ANSWERED | LOG_SET_ASIDE) &&
        !read_known(at + sizeof head + hash_len, head.known_len, ret))
        return false;
    *entries = (struct reel_str){at + len, entries->len - len};
    return true;
}
