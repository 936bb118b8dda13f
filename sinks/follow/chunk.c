/* chunk.c: see chunk.h. */
#include "follow/chunk.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>

struct chunk *chunk_create(uint64_t after, bool is_shared, atomic_uint_fast64_t *total) {
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk) return NULL;
    chunk->refs = 1;
    chunk->total = total;
    chunk->is_shared = is_shared;
    chunk->after = chunk->last = after;
    return chunk;
}

struct chunk *chunk_ref(struct chunk *chunk) {
    chunk->refs++;
    return chunk;
}

void chunk_unref(struct chunk *chunk) {
    if (!chunk) return;
    INVARIANT(chunk->refs > 0);
    if (--chunk->refs > 0) return;
    uint64_t total = atomic_fetch_sub_explicit(chunk->total, chunk->counted, memory_order_relaxed);
    INVARIANT(total >= chunk->counted);
    text_finish(&chunk->bytes);
    text_finish(&chunk->meta);
    free(chunk->frames);
    free(chunk);
}

/* ---- Adding ---------------------------------------------------------------------------------- */

/* Makes room for one more frame. If it fails, the chunk does not change. */
static bool reserve_frame(struct chunk *chunk) {
    if (chunk->count < chunk->room) return true;
    size_t room = chunk->room ? 2 * chunk->room : 1;
    struct chunk_frame *frames = realloc(chunk->frames, room * sizeof *frames);
    if (!frames) return false;
    chunk->frames = frames;
    chunk->room = room;
    return true;
}

static bool reserve(struct text *text, size_t len) {
    text_reserve(text, len);
    bool good = !text->failed;
    text->failed = false;
    return good;
}

/* Counts the chunk's memory, including reserved memory. */
static void count(struct chunk *chunk) {
    size_t bytes = chunk->bytes.size + chunk->meta.size + chunk->room * sizeof *chunk->frames;
    atomic_fetch_add_explicit(chunk->total, bytes - chunk->counted, memory_order_relaxed);
    chunk->counted = bytes;
}

static struct chunk_span keep(struct text *meta, struct reel_str str) {
    struct chunk_span span = {(uint32_t)meta->len, CHUNK_NONE};
    if (!str.data) return span;
    span.len = (uint32_t)str.len;
    text_append_str(meta, str);
    return span;
}

void chunk_drop_frame(struct chunk *chunk) {
    INVARIANT(chunk->bytes.len >= chunk_begin(chunk, chunk->count));
    chunk->bytes.len = chunk_begin(chunk, chunk->count);
    chunk->bytes.failed = false;
}

/* Ends the frame, if there is memory for it and for what is added to `meta`; otherwise drops it. */
static struct chunk_frame *end_frame(struct chunk *chunk, uint64_t seq, size_t meta_len) {
    if (chunk->bytes.failed || !reserve_frame(chunk) || !reserve(&chunk->meta, meta_len)) {
        chunk_drop_frame(chunk);
        return NULL;
    }
    INVARIANT(chunk->bytes.len <= UINT32_MAX);
    struct chunk_frame *added = &chunk->frames[chunk->count++];
    *added = (struct chunk_frame){.seq = seq, .end = (uint32_t)chunk->bytes.len};
    return added;
}

int chunk_end_frame(struct chunk *chunk, uint64_t seq, const struct reel_entry *entry) {
    INVARIANT(chunk->count == 0 || chunk->frames[chunk->count - 1].seq <= seq);
    size_t meta_len = entry ? entry->type.len + entry->subject.len + entry->nats_subject.len : 0;
    struct chunk_frame *added = end_frame(chunk, seq, meta_len);
    if (!added) return -ENOMEM;
    if (entry) {
        added->flags = entry->flags;
        added->type = keep(&chunk->meta, entry->type);
        added->subject = keep(&chunk->meta, entry->subject);
        added->nats_subject = keep(&chunk->meta, entry->nats_subject);
    }
    count(chunk);
    return 0;
}

int chunk_end_change(struct chunk *chunk, uint64_t seq, struct reel_str key, bool more) {
    struct chunk_frame *added = end_frame(chunk, seq, key.len);
    if (!added) return -ENOMEM;
    added->flags = more ? CHUNK_MORE : 0;
    added->key = keep(&chunk->meta, key);
    count(chunk);
    return 0;
}

int chunk_add(struct chunk *chunk, uint64_t seq, struct reel_str frame) {
    text_append_str(&chunk->bytes, frame);
    return chunk_end_frame(chunk, seq, NULL);
}

/* ---- Looking --------------------------------------------------------------------------------- */

size_t chunk_begin(const struct chunk *chunk, size_t n) {
    return n > 0 ? chunk->frames[n - 1].end : 0;
}

static struct reel_str kept(const struct chunk *chunk, struct chunk_span span) {
    struct reel_str none = {NULL, 0};
    if (span.len == CHUNK_NONE) return none;
    return (struct reel_str){chunk->meta.data ? chunk->meta.data + span.at : "", span.len};
}

struct reel_entry chunk_entry(const struct chunk *chunk, size_t n) {
    INVARIANT(n < chunk->count);
    const struct chunk_frame *frame = &chunk->frames[n];
    return (struct reel_entry){
        .seq = frame->seq,
        .flags = frame->flags,
        .type = kept(chunk, frame->type),
        .subject = kept(chunk, frame->subject),
        .nats_subject = kept(chunk, frame->nats_subject),
    };
}

static uint64_t seq_of(const struct chunk_frame *frame) {
    return frame->seq;
}

static uint64_t end_of(const struct chunk_frame *frame) {
    return frame->end;
}

struct reel_str chunk_key(const struct chunk *chunk, size_t n) {
    INVARIANT(n < chunk->count);
    return kept(chunk, chunk->frames[n].key);
}

/* The first frame whose value is greater than `value`. Values rise from frame to frame. */
static size_t find_beyond(const struct chunk *chunk, uint64_t value,
                          uint64_t (*of)(const struct chunk_frame *frame)) {
    size_t low = 0, high = chunk->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (of(&chunk->frames[middle]) > value)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t chunk_find_seq(const struct chunk *chunk, uint64_t seq) {
    return find_beyond(chunk, seq, seq_of);
}

size_t chunk_find_byte(const struct chunk *chunk, size_t at) {
    return find_beyond(chunk, at, end_of);
}
