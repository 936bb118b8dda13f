/* segment.c: see segment.h. */
#include "engine/log/segment.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Life ------------------------------------------------------------------------------------ */

static struct segment *segment_new(const struct segment_head *head, size_t map_len) {
    struct segment *segment = calloc(1, sizeof *segment);
    if (!segment) return NULL;
    segment->head = *head;
    segment->fd = -1;
    segment->map = MAP_FAILED;
    segment->map_len = map_len;
    snprintf(segment->name, sizeof segment->name, SEGMENT_NAME,
             (unsigned long long)head->first_seq);
    atomic_init(&segment->refs, 1);
    atomic_init(&segment->end, SEGMENT_PAGE);
    atomic_init(&segment->last_seq, head->first_seq - 1);
    if (head->form == SEGMENT_SEALED) {
        atomic_init(&segment->last_seq, head->last_seq);
        return segment;
    }
    segment->points_max = map_len / POINT_BYTES + 2;
    segment->points = calloc(segment->points_max, sizeof *segment->points);
    if (segment->points) return segment;
    segment_unref(segment);
    return NULL;
}

static struct segment *with_map(struct segment *segment, int flags, int fd) {
    int protection = fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ;
    segment->map = mmap(NULL, segment->map_len, protection, flags, fd, 0);
    if (segment->map != MAP_FAILED) return segment;
    segment_unref(segment);
    return NULL;
}

struct segment *segment_create(const struct segment_head *head, size_t map_len) {
    struct segment *segment = segment_new(head, map_len);
    if (!segment) return NULL;
    segment->on_heap = true;
    segment = with_map(segment, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    /* Each page is written for the first time: one fault for 2 MiB, where the system can do that,
     * not one for 4 KiB. */
    if (segment) (void)madvise(segment->map, map_len, MADV_HUGEPAGE);
    return segment;
}

struct segment *segment_map(const struct segment_head *head, int fd, uint64_t file_bytes,
                            size_t map_len) {
    struct segment *segment = segment_new(head, map_len);
    if (!segment) return NULL;
    segment->file_bytes = file_bytes;
    atomic_init(&segment->filled, file_bytes);
    return with_map(segment, MAP_SHARED, fd);
}

struct segment *segment_ref(struct segment *segment) {
    atomic_fetch_add(&segment->refs, 1);
    return segment;
}

void segment_unref(struct segment *segment) {
    if (!segment) return;
    unsigned refs = atomic_fetch_sub(&segment->refs, 1);
    INVARIANT(refs > 0);
    if (refs > 1) return;
    if (segment->map != MAP_FAILED) munmap(segment->map, segment->map_len);
    if (segment->fd >= 0) close(segment->fd);
    free(segment->points);
    free(segment);
}

/* ---- Reading a file -------------------------------------------------------------------------- */

int segment_read(int fd, char *to, uint64_t len, uint64_t at) {
    for (uint64_t done = 0; done < len;) {
        ssize_t got = pread(fd, to + done, len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0 ? -errno : -EBADMSG;
        done += (uint64_t)got;
    }
    return 0;
}

/* ---- Finding --------------------------------------------------------------------------------- */

void segment_note(struct segment *segment, uint64_t seq, uint64_t at, uint64_t frame_at) {
    size_t count = atomic_load_explicit(&segment->point_count, memory_order_relaxed);
    if (count == segment->points_max) return;
    if (count > 0) {
        const struct point *last = &segment->points[count - 1];
        if (at < atomic_load_explicit(&last->at, memory_order_relaxed) + POINT_BYTES) return;
        INVARIANT(atomic_load_explicit(&last->seq, memory_order_relaxed) < seq);
    }
    struct point *point = &segment->points[count];
    atomic_store_explicit(&point->seq, seq, memory_order_relaxed);
    atomic_store_explicit(&point->at, at, memory_order_relaxed);
    atomic_store_explicit(&point->frame_at, frame_at, memory_order_relaxed);
    atomic_store_explicit(&segment->point_count, count + 1, memory_order_release);
}

bool segment_find(const struct segment *segment, uint64_t seq, uint64_t *ret_at,
                  uint64_t *ret_frame_at) {
    size_t low = 0, high = atomic_load_explicit(&segment->point_count, memory_order_acquire);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (atomic_load_explicit(&segment->points[middle].seq, memory_order_relaxed) <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return false;
    const struct point *point = &segment->points[low - 1];
    *ret_at = atomic_load_explicit(&point->at, memory_order_relaxed);
    *ret_frame_at = atomic_load_explicit(&point->frame_at, memory_order_relaxed);
    return true;
}

struct block segment_block(const struct segment *segment, size_t n) {
    struct block block;
    INVARIANT(n < segment->head.table_count);
    memcpy(&block, segment->map + segment->head.table_at + n * sizeof block, sizeof block);
    return block;
}

size_t segment_find_block(const struct segment *segment, uint64_t seq) {
    size_t low = 0, high = segment->head.table_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segment_block(segment, middle).first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

/* ---- Pins ------------------------------------------------------------------------------------ */

struct log_pin *pin_create(size_t count) {
    struct log_pin *pin = calloc(1, sizeof *pin + count * sizeof *pin->segments);
    if (!pin) return NULL;
    pin->count = count;
    atomic_init(&pin->refs, 1);
    return pin;
}
