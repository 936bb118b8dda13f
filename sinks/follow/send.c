/* send.c: see send.h. */
#include "follow/send.h"

#include "base/invariant.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The rest of a frame is copied if it has at most this number of bytes, so that its chunk can be
 * freed. */
#define COPIED_MAX 4096

/* Most runs of matching frames in one call of the system. */
#define RUNS_MAX 64

/* The frames of a chunk from `first` to `end`, without `end`. */
struct run {
    size_t first, end;
};

struct runs {
    struct run runs[RUNS_MAX];
    struct iovec parts[RUNS_MAX];
    size_t count, next; /* the frame after the last run and after the frames that do not match */
};

static void count_sent(struct follower *follower, size_t frames, size_t bytes) {
    struct transport_metrics *metrics = &follower->hub->metrics[follower->kind];
    atomic_fetch_add_explicit(&metrics->frames, frames, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->bytes, bytes, memory_order_relaxed);
    follower->life_ms = follower->full_ms = follower->hub->now_ms;
}

/* ---- What to send ---------------------------------------------------------------------------- */

/* The first frame that is not sent. */
static size_t end_of(const struct follower *follower) {
    return follower->stop ? follower->stop : follower->chunk->count;
}

static bool is_wanted(const struct follower *follower, size_t n) {
    const struct chunk *chunk = follower->chunk;
    if (!chunk->is_shared || (n == follower->frame && follower->sent > 0)) return true;
    struct reel_entry entry = chunk_entry(chunk, n);
    return event_filter_matches(&follower->filter, &entry);
}

static struct run next_run(const struct follower *follower, size_t from) {
    const struct chunk *chunk = follower->chunk;
    size_t end = end_of(follower);
    struct run run = {from, end};
    if (!chunk->is_shared || event_filter_is_empty(&follower->filter)) return run;
    while (run.first < end && !is_wanted(follower, run.first)) run.first++;
    run.end = run.first;
    while (run.end < end && is_wanted(follower, run.end)) run.end++;
    return run;
}

static void find_runs(const struct follower *follower, struct runs *ret) {
    const struct chunk *chunk = follower->chunk;
    ret->count = 0;
    ret->next = follower->frame;
    while (ret->count < RUNS_MAX && ret->next < end_of(follower)) {
        struct run run = next_run(follower, ret->next);
        ret->next = run.end;
        if (run.first == run.end) break;
        size_t begin = chunk_begin(chunk, run.first);
        if (run.first == follower->frame) begin += follower->sent;
        ret->parts[ret->count] =
            (struct iovec){chunk->bytes.data + begin, chunk_begin(chunk, run.end) - begin};
        ret->runs[ret->count++] = run;
    }
}

/* ---- What was sent --------------------------------------------------------------------------- */

/* A follower of records is told positions only. */
static void tell(struct follower *follower, uint64_t seq) {
    if (follower->records) return;
    if (follower->told < seq) follower->told = seq; /* control frames have seq 0 */
    follower->told_ms = follower->hub->now_ms;
}

/* Moves the position by the bytes that the socket took. Returns the number of frames that are
 * complete. */
static size_t advance(struct follower *follower, const struct runs *runs, size_t len) {
    const struct chunk *chunk = follower->chunk;
    size_t frames = 0;
    for (size_t i = 0; i < runs->count; i++) {
        const struct iovec *part = &runs->parts[i];
        const struct run *run = &runs->runs[i];
        if (len < part->iov_len) {
            size_t at = (size_t)((char *)part->iov_base - chunk->bytes.data) + len;
            follower->frame = chunk_find_byte(chunk, at);
            follower->sent = at - chunk_begin(chunk, follower->frame);
            frames += follower->frame - run->first;
            if (follower->frame > run->first)
                tell(follower, chunk->frames[follower->frame - 1].seq);
            return frames;
        }
        len -= part->iov_len;
        frames += run->end - run->first;
        tell(follower, chunk->frames[run->end - 1].seq);
    }
    INVARIANT(len == 0);
    follower->frame = runs->next;
    follower->sent = 0;
    return frames;
}

static void put_down(struct follower *follower) {
    chunk_unref(follower->chunk);
    follower->chunk = NULL;
    follower->frame = follower->sent = follower->stop = 0;
}

/* Moves the position past the first `count` frames of the chunk; and past all of the chunk. */
static void move_past(struct follower *follower, size_t count) {
    const struct chunk *chunk = follower->chunk;
    if (follower->records)
        records_sent(follower->records, &follower->seq, chunk, count);
    else if (count > 0 && follower->seq < chunk->frames[count - 1].seq)
        follower->seq = chunk->frames[count - 1].seq;
}

static void move_past_all(struct follower *follower) {
    if (follower->stop)
        move_past(follower, follower->stop);
    else if (follower->records)
        records_sent_all(follower->records, &follower->seq, follower->chunk);
    else if (follower->seq < follower->chunk->last)
        follower->seq = follower->chunk->last;
}

/* Keeps the rest of the frame that was begun, and nothing else. The rest is copied, so that the
 * chunk can be freed, with two exceptions: a long rest of a shared chunk stays in the chunk, which
 * other followers use, too; and a rest stays in a chunk of its own if it is half of the chunk or
 * more. Without memory for a copy, the chunk is kept. */
static void keep_rest(struct follower *follower) {
    struct chunk *chunk = follower->chunk, *rest;
    size_t n = follower->frame, at = chunk_begin(chunk, n) + follower->sent;
    move_past(follower, n);
    if (follower->sent == 0) {
        put_down(follower);
        return;
    }
    uint64_t seq = follower->records ? 0 : chunk->frames[n].seq;
    struct reel_str bytes = {chunk->bytes.data + at, chunk->frames[n].end - at};
    if (chunk->is_shared && bytes.len > COPIED_MAX) {
        follower->stop = n + 1;
        return;
    }
    if (!chunk->is_shared && n + 1 == chunk->count && 2 * bytes.len >= chunk->bytes.len) return;
    rest = chunk_create(seq, false, &follower->hub->memory);
    if (!rest || chunk_add(rest, seq, bytes) < 0) {
        chunk_unref(rest);
        return;
    }
    if (follower->records)
        move_past(follower, n + 1); /* nothing else can be sent before the rest */
    put_down(follower);
    follower->chunk = rest;
}

/* ---- Sending --------------------------------------------------------------------------------- */

/* Returns the number of bytes that the socket took. -EAGAIN: none. */
static ssize_t hand_over(int fd, struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t len;
    do len = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (len < 0 && errno == EINTR);
    return len < 0 ? -errno : len;
}

static size_t length_of(const struct runs *runs) {
    size_t len = 0;
    for (size_t i = 0; i < runs->count; i++) len += runs->parts[i].iov_len;
    return len;
}

enum sent send_chunk(struct follower *follower) {
    struct runs runs;
    INVARIANT(follower->chunk);
    do {
        INVARIANT(follower->frame <= end_of(follower));
        find_runs(follower, &runs);
        size_t wanted = length_of(&runs);
        ssize_t len = wanted ? hand_over(follower->fd, runs.parts, runs.count) : 0;
        if (len < 0 && len != -EAGAIN) return SENT_FAILED;
        if (len > 0 || wanted == 0) {
            size_t frames = advance(follower, &runs, (size_t)len);
            if (len > 0) count_sent(follower, frames, (size_t)len);
        }
        if (len < 0 || (size_t)len < wanted) {
            keep_rest(follower);
            return SENT_SOME;
        }
    } while (follower->frame < end_of(follower));
    move_past_all(follower);
    put_down(follower);
    return SENT_ALL;
}

enum sent send_rest(struct follower *follower) {
    keep_rest(follower);
    return follower->chunk ? send_chunk(follower) : SENT_ALL;
}

enum sent send_bytes(struct follower *follower, struct reel_str bytes) {
    struct iovec part = {(char *)bytes.data, bytes.len};
    INVARIANT(!follower->chunk);
    ssize_t len = hand_over(follower->fd, &part, 1);
    if (len < 0 && len != -EAGAIN) return SENT_FAILED;
    if (len > 0) count_sent(follower, 0, (size_t)len);
    size_t sent = len > 0 ? (size_t)len : 0;
    if (sent == bytes.len) return SENT_ALL;
    struct chunk *rest = chunk_create(0, false, &follower->hub->memory); /* not an event */
    struct reel_str left = {bytes.data + sent, bytes.len - sent};
    if (!rest || chunk_add(rest, 0, left) < 0) {
        chunk_unref(rest);
        return SENT_NO_MEMORY;
    }
    follower->chunk = rest;
    return SENT_SOME;
}
