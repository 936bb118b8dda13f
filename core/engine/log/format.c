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

size_t control_write(const struct log_control *control, char to[CONTROL_BYTES_MAX]) {
    struct control_head head = {
        .number = control->number,
        .generation = control->generation,
        .collection_len = (uint32_t)control->collection.len,
    };
    char *end = put(to, &head, sizeof head);
    return (size_t)(put(end, control->collection.data, control->collection.len) - to);
}

static bool read_facts(struct reel_str content, struct log_control *ret) {
    if (content.len != sizeof ret->facts) return false;
    memcpy(&ret->facts, content.data, sizeof ret->facts);
    ret->number = ret->facts.controls;
    return true;
}

bool log_read_control(const struct log_entry *entry, struct log_control *ret) {
    struct control_head head;
    struct reel_str content = entry->bytes;
    if (!(entry->flags & LOG_CONTROL)) return false;
    *ret = (struct log_control){.kind = entry->size, .seq = entry->seq};
    if (entry->size == LOG_FACTS) return read_facts(content, ret);
    if (entry->size > LOG_GENERATION || content.len < sizeof head) return false;
    memcpy(&head, content.data, sizeof head);
    if (content.len != sizeof head + head.collection_len) return false;
    ret->number = head.number;
    ret->generation = head.generation;
    ret->collection = (struct reel_str){content.data + sizeof head, head.collection_len};
    return true;
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

/* ---- Set aside ------------------------------------------------------------------------------- */

void log_set_aside_append(struct text *list, const struct log_set_aside *mark) {
    const struct reel_str *name = &mark->collection;
    struct set_aside_head head = {.name_len = (uint8_t)name->len, .signal = mark->signal};
    INVARIANT(name->len <= UINT8_MAX);
    memcpy(head.build_id, mark->build_id, sizeof head.build_id);
    text_append(list, &head, sizeof head);
    text_append_str(list, *name);
}

bool log_set_aside_next(struct reel_str *list, struct log_set_aside *ret) {
    struct set_aside_head head;
    if (list->len < sizeof head) return false;
    memcpy(&head, list->data, sizeof head);
    const char *at = list->data + sizeof head;
    size_t left = list->len - sizeof head;
    if (head.name_len > left) return false;
    *ret = (struct log_set_aside){.collection = {at, head.name_len}, .signal = head.signal};
    memcpy(ret->build_id, head.build_id, sizeof ret->build_id);
    *list = (struct reel_str){at + head.name_len, left - head.name_len};
    return true;
}

bool log_is_set_aside(const struct log_entry *entry, const char *collection,
                      const uint8_t build_id[LOG_BUILD_ID_BYTES]) {
    static const uint8_t any[LOG_BUILD_ID_BYTES];
    struct reel_str list = entry->set_aside;
    struct log_set_aside mark;
    if (!(entry->flags & LOG_SET_ASIDE)) return false;
    while (log_set_aside_next(&list, &mark)) {
        if (!reel_str_is(mark.collection, collection)) continue;
        if (memcmp(mark.build_id, any, sizeof any) == 0) return true;
        if (memcmp(mark.build_id, build_id, sizeof any) == 0) return true;
    }
    return false;
}
