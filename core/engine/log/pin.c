/* pin.c: see pin.h. */
#include "engine/log/pin.h"

#include "base/invariant.h"
#include "engine/log/segment.h"

#include <stdlib.h>
#include <string.h>

void log_unpin(struct log_pin *pin) {
    if (!pin) return;
    unsigned refs = atomic_fetch_sub(&pin->refs, 1);
    INVARIANT(refs > 0);
    if (refs > 1) return;
    for (size_t i = 0; i < pin->count; i++) segment_unref(pin->segments[i]);
    free(pin);
}

bool log_pin_segment(const struct log_pin *pin, size_t n, struct log_segment *ret) {
    if (n >= pin->count) return false;
    const struct segment *segment = pin->segments[n];
    bool sealed = segment->head.form == SEGMENT_SEALED;
    *ret = (struct log_segment){
        .number = segment->head.number,
        .first_seq = segment->head.first_seq,
        .last_seq = atomic_load(&segment->last_seq),
        .bytes = sealed             ? segment->file_bytes
                 : segment->on_heap ? atomic_load(&segment->end)
                                    : atomic_load(&segment->filled),
        .sealed = sealed,
    };
    memcpy(ret->name, segment->name, sizeof ret->name);
    return true;
}

/* The offset of the part that contains `first_seq` and everything after it. */
static uint64_t bytes_from(const struct segment *segment, uint64_t first_seq) {
    bool sealed = segment->head.form == SEGMENT_SEALED;
    uint64_t end = sealed ? segment->file_bytes : atomic_load(&segment->end);
    uint64_t at = SEGMENT_PAGE, frame_at;
    if (first_seq > atomic_load(&segment->last_seq)) return 0;
    if (first_seq > segment->head.first_seq) {
        if (!sealed)
            segment_find(segment, first_seq, &at, &frame_at);
        else if (segment->head.table_count > 0)
            at = segment_block(segment, segment_find_block(segment, first_seq)).at;
    }
    return end - at;
}

uint64_t log_pin_bytes(const struct log_pin *pin, uint64_t first_seq) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < pin->count; i++) bytes += bytes_from(pin->segments[i], first_seq);
    return bytes;
}

uint64_t log_pin_salt(const struct log_pin *pin) {
    return pin->count > 0 ? pin->segments[0]->head.salt : 0;
}
