/* entry.c: see entry.h. How entries are stored is in format.h; here are the contents of controls,
 * and the lists of collections for which an event is set aside. */
#include "engine/log/entry.h"

#include "base/invariant.h"

#include <string.h>

/* ---- Controls -------------------------------------------------------------------------------- */

/* A control entry has its kind (entry.h) as `size` of its header. The content of LOG_FACTS is a
 * `struct log_facts`; that of the others is this head and the collection's name. */
struct control_head {
    uint64_t number;
    uint64_t generation;
    uint32_t collection_len;
    uint32_t reserved;
};

_Static_assert(CONTROL_BYTES_MAX == sizeof(struct control_head) + COLLECTION_BYTES_MAX,
               "the longest content");

size_t log_write_control(const struct log_control *control, char to[CONTROL_BYTES_MAX]) {
    struct control_head head = {
        .number = control->number,
        .generation = control->generation,
        .collection_len = (uint32_t)control->collection.len,
    };
    memcpy(to, &head, sizeof head);
    if (control->collection.len > 0)
        memcpy(to + sizeof head, control->collection.data, control->collection.len);
    return sizeof head + control->collection.len;
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
    if (entry->size > LOG_EMPTIED || content.len < sizeof head) return false;
    memcpy(&head, content.data, sizeof head);
    if (content.len != sizeof head + head.collection_len) return false;
    ret->number = head.number;
    ret->generation = head.generation;
    ret->collection = (struct reel_str){content.data + sizeof head, head.collection_len};
    return true;
}

/* ---- Set aside ------------------------------------------------------------------------------- */

/* Of the list in `set_aside`: this, then the collection's name. */
struct set_aside_head {
    uint8_t name_len;
    uint8_t signal;
    uint8_t build_id[LOG_BUILD_ID_BYTES];
    uint8_t ms[4]; /* the least significant byte first */
};

void log_set_aside_append(struct text *list, const struct log_set_aside *mark) {
    const struct reel_str *name = &mark->collection;
    struct set_aside_head head = {.name_len = (uint8_t)name->len, .signal = mark->signal};
    INVARIANT(name->len <= UINT8_MAX);
    for (size_t i = 0; i < sizeof head.ms; i++) head.ms[i] = (uint8_t)(mark->ms >> 8 * i);
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
    for (size_t i = 0; i < sizeof head.ms; i++) ret->ms |= (uint32_t)head.ms[i] << 8 * i;
    *list = (struct reel_str){at + head.name_len, left - head.name_len};
    return true;
}

bool log_is_set_aside(const struct log_entry *entry, const char *collection,
                      const uint8_t build_id[LOG_BUILD_ID_BYTES], struct log_set_aside *ret) {
    static const uint8_t any[LOG_BUILD_ID_BYTES];
    struct reel_str list = entry->set_aside;
    struct log_set_aside mark;
    if (!(entry->flags & LOG_SET_ASIDE)) return false;
    while (log_set_aside_next(&list, &mark)) {
        if (!reel_str_is(mark.collection, collection)) continue;
        if (memcmp(mark.build_id, any, sizeof any) != 0 &&
            memcmp(mark.build_id, build_id, sizeof any) != 0)
            continue;
        if (ret) *ret = mark;
        return true;
    }
    return false;
}
