/* log.c: writes a group to the disk, and undoes it: see log.h.
 *
 * A group is written with one pwrite after the last frame, where the file already has zeros, and is
 * synced. Only then is the group part of the log: `end`, the head and the chain are updated.
 *
 * Full disk: the write fails, and the bytes that it has written are overwritten with zeros if
 * possible. They are not a valid frame, because some bytes are missing. But zeros that are written
 * after them later could be exactly the missing bytes. So the head of the frame is removed at once.
 * The rest is not needed, but after a clean stop nobody shall take it for damage (verify.h).
 *
 * Undoing a group: its frame is overwritten with zeros, from its head on, and synced. No mark
 * says that the frame was synced (a witness is not written before log_keep or the next group), so
 * this place is an end of the log like any other.
 */
#include "engine/log/log.h"
#include "engine/log/log_private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"

#include <errno.h>
#include <string.h>

/* The space that a group probably needs. */
#define ROOM_BYTES ((uint64_t)1 << 20)

static const char zeros[64 << 10];

/* ---- Writing --------------------------------------------------------------------------------- */

int log_break(struct log *log, const char *doing, int rc, struct reel_error *error) {
    atomic_store(&log->broken, true);
    return fail(error, -EIO, "%s: %s; the log cannot be trusted, end this process", doing,
                strerror(-rc));
}

/* Writes frames beyond the zeros. The helper must not overwrite them with zeros. */
static int write_beyond(struct log *log, struct segment *segment, const void *bytes, size_t len,
                        uint64_t at) {
    HOLD_LOCK(&log->fill_lock);
    INVARIANT(segment == log->active);
    int rc = io_write_all(log->io, segment->fd, bytes, len, at);
    if (rc == 0 && at + len > atomic_load(&segment->filled))
        atomic_store(&segment->filled, at + len);
    return rc;
}

int log_write(struct log *log, struct segment *segment, const void *bytes, size_t len, uint64_t at,
              struct reel_error *error) {
    INVARIANT(at >= SEGMENT_PAGE && at + len <= segment->map_len);
    if (segment->on_heap) {
        memcpy(segment->map + at, bytes, len);
        return 0;
    }
    int rc = at + len > atomic_load(&segment->filled)
                 ? write_beyond(log, segment, bytes, len, at)
                 : io_write_all(log->io, segment->fd, bytes, len, at);
    if (rc == 0) return 0;
    if (rc == -ENOSPC) return fail(error, rc, "cannot write the log: the disk is full");
    return log_break(log, "cannot write the log", rc, error);
}

int log_sync(struct log *log, int fd, struct reel_error *error) {
    if (fd < 0) return 0;
    uint64_t began = clock_ns();
    pacer_sync_begins(log->pacer);
    int rc = log->io->sync(fd);
    pacer_sync_ended(log->pacer);
    histogram_observe(&log->syncs, clock_ns() - began);
    return rc == 0 ? 0 : log_break(log, "cannot sync the log", rc, error);
}

/* ---- The end of the log ---------------------------------------------------------------------- */

uint64_t log_head(const struct log *log) {
    return log->now.head;
}

const struct log_facts *log_facts(const struct log *log) {
    return &log->now.facts;
}

bool log_is_broken(const struct log *log) {
    return atomic_load(&log->broken);
}

static struct log_mark mark_of(const struct log *log) {
    const struct segment *active = log->active;
    struct log_mark mark = {.salt = log->salt, .chain = log->now.chain};
    if (active) {
        mark.number = active->head.number;
        mark.at = atomic_load(&active->end);
    } else {
        mark.number = log->kept.number;
        mark.at = log->kept.at;
    }
    return mark;
}

struct log_mark log_mark(struct log *log) {
    HOLD_LOCK(&log->append_lock);
    return mark_of(log);
}

struct log_mark log_kept(struct log *log) {
    HOLD_LOCK(&log->pins_lock);
    return log->kept;
}

uint64_t log_group_head(const struct log *log) {
    return log->group.last_seq ? log->group.last_seq : log->now.head;
}

/* ---- Gathering ------------------------------------------------------------------------------- */

int log_append(struct log *log, struct log_entry *entry, struct reel_error *error) {
    if (entry->seq <= log_group_head(log))
        return fail(error, -EINVAL, "event %llu comes behind %llu in the log",
                    (unsigned long long)entry->seq, (unsigned long long)log_group_head(log));
    if (log->dedup && entry->id_hash && dedup_reserve(log->dedup) < 0) return fail_memory(error);
    return group_add(&log->group, entry, error);
}

void log_describe(struct log *log, const struct log_entry *entry) {
    group_describe(&log->group, entry);
    if (log->dedup && entry->id_hash && !(entry->flags & LOG_OTHER_HASH))
        dedup_add(log->dedup, entry->id_hash, entry->seq);
}

void log_answer(struct log *log, reel_outcome outcome) {
    group_answer(&log->group, outcome);
}

void log_reach(struct log *log, uint64_t seq) {
    if (seq > log_group_head(log)) log->group.last_seq = seq;
}

/* The facts with what the group has. */
static struct log_facts group_facts(const struct log *log) {
    return log->group.has_facts ? log->group.facts : log->now.facts;
}

static int add_control(struct log *log, enum log_control_kind kind, struct reel_str content,
                       const struct log_facts *facts, struct reel_error *error) {
    struct log_facts before = group_facts(log);
    /* Floors rise, at most to the end. An archive that was put back lowers that of events. */
    INVARIANT(facts->first_seq >= before.first_seq || log->took_archive);
    INVARIANT(facts->first_deletion >= before.first_deletion);
    INVARIANT(facts->first_seq <= log_group_head(log) + 1);
    struct log_entry entry = {
        .seq = log_group_head(log),
        .flags = LOG_CONTROL,
        .size = kind,
        .bytes = content,
    };
    int rc = group_add(&log->group, &entry, error);
    if (rc < 0) return rc;
    log->group.has_facts = true;
    log->group.facts = *facts;
    return 0;
}

int log_set_facts(struct log *log, const struct log_facts *given, struct reel_error *error) {
    struct log_facts facts = *given;
    facts.controls = group_facts(log).controls + 1;
    return add_control(log, LOG_FACTS, (struct reel_str){(const char *)&facts, sizeof facts},
                       &facts, error);
}

int log_add_control(struct log *log, struct log_control *control, struct reel_error *error) {
    char content[CONTROL_BYTES_MAX];
    struct log_facts facts = group_facts(log);
    INVARIANT(control->kind != LOG_FACTS && control->collection.len <= COLLECTION_BYTES_MAX);
    control->number = ++facts.controls;
    size_t len = log_write_control(control, content);
    return add_control(log, control->kind, (struct reel_str){content, len}, &facts, error);
}

int log_group_get(const struct log *log, uint64_t seq, struct log_entry *ret) {
    return group_get(&log->group, seq, ret);
}

int log_find_id(struct log *log, const uint8_t id_hash[16], uint64_t ret[LOG_CANDIDATES],
                struct reel_error *error) {
    INVARIANT(log->dedup);
    struct log_pin *pin = log_pin(log);
    int rc = dedup_find(log->dedup, pin, id_hash, ret, error);
    log_unpin(pin);
    return rc;
}

void log_abort(struct log *log) {
    group_clear(&log->group);
    if (log->dedup) dedup_abort(log->dedup);
}

/* ---- Committing ------------------------------------------------------------------------------ */

void log_keep_all(struct log *log) {
    INVARIANT(lock_is_held(&log->append_lock));
    struct log_mark mark = mark_of(log);
    INVARIANT(mark.number > log->kept.number ||
              (mark.number == log->kept.number && mark.at >= log->kept.at));
    log->undo_at = 0;
    HOLD_LOCK(&log->pins_lock);
    log->kept = mark;
}

static void note_entries(struct segment *segment, const struct group *group, uint64_t at) {
    size_t count = group->places.len / sizeof(uint32_t);
    for (size_t i = 0; i < count; i++) {
        uint32_t place;
        struct entry_head head;
        memcpy(&place, group->places.data + i * sizeof place, sizeof place);
        memcpy(&head, group->frame.data + place, sizeof head);
        segment_note(segment, head.seq, at + place, at);
    }
}

/* The frame is on the disk, so it is now part of the log. */
static void accept(struct log *log, const struct frame_head *head, uint64_t at) {
    struct segment *segment = log->active;
    INVARIANT(!log->undo_at && at == atomic_load(&segment->end));
    INVARIANT(head->previous == log->now.chain && head->last_seq >= log->now.head);
    INVARIANT(log->witnessed_at <= at); /* a mark is never above what is written and synced */
    log->before = log->now;
    log->points_before = atomic_load(&segment->point_count);
    log->undo_at = at;
    log->witnessed_at = at;
    log->committed_ms = clock_ms();
    log->now.head = head->last_seq;
    log->now.chain = head->checksum;
    if (log->group.has_facts) log->now.facts = log->group.facts;
    note_entries(segment, &log->group, at);
    atomic_store(&segment->last_seq, head->last_seq);
    atomic_store_explicit(&segment->end, at + FRAME_ROUND(head->len), memory_order_release);
}

/* Overwrites a frame with zeros. -ENOSPC: not even its head. */
static int clear_frame(struct log *log, struct segment *segment, uint64_t at, uint64_t len,
                       struct reel_error *error) {
    int rc = log_write(log, segment, zeros, FRAME_UNIT, at, error);
    if (rc < 0) return rc;
    for (uint64_t done = FRAME_UNIT; rc == 0 && done < len; done += sizeof zeros) {
        uint64_t part = len - done < sizeof zeros ? len - done : sizeof zeros;
        rc = log_write(log, segment, zeros, part, at + done, error);
    }
    return rc == -ENOSPC ? 0 : rc; /* then no more was written of the frame */
}

/* Removes what a failed write has left of a frame, so that it cannot become a complete frame
 * later. */
static int scrub(struct log *log, uint64_t at, uint64_t len, int rc, struct reel_error *error) {
    if (rc != -ENOSPC || log->active->on_heap) return rc;
    int scrubbed = clear_frame(log, log->active, at, len, error);
    if (scrubbed < 0) return scrubbed; /* -ENOSPC: nothing was written at this place */
    int synced = log_sync(log, log->active->fd, error);
    return synced < 0 ? synced : rc;
}

static int write_frame(struct log *log, char *frame, struct frame_head *head,
                       struct reel_error *error) {
    INVARIANT(lock_is_held(&log->append_lock));
    struct segment *segment = log->active;
    uint64_t at = atomic_load(&segment->end), len = FRAME_ROUND(head->len);
    head->previous = log->now.chain;
    head->synced_at = at;
#ifdef REEL_FAULT_5 /* a mark one frame too high */
    head->synced_at = at + len;
#endif
    head->synced_seq = log->now.head;
    frame_write(head, &segment->head, at, frame);
#ifdef REEL_FAULT_3 /* a frame visible before its sync, which comes with the next one */
    if (log_sync(log, segment->fd, error) < 0) return -EIO;
#endif
    int rc = log_write(log, segment, frame, len, at, error);
    if (rc < 0) return scrub(log, at, len, rc, error);
    pacer_took(log->pacer, len);
    atomic_fetch_add(&log->group_bytes, len);
    atomic_store(&log->frame_bytes, (atomic_load(&log->frame_bytes) * 7 + len) / 8);
#ifndef REEL_FAULT_3
    rc = log_sync(log, segment->fd, error);
#endif
    if (rc == 0) accept(log, head, at);
    return rc;
}

static bool has_room(const struct log *log, uint64_t len) {
    const struct segment *active = log->active;
    if (!active) return false;
    uint64_t end = atomic_load(&active->end);
    bool is_empty = active->head.first_seq > log->now.head;
    return end + len <= (is_empty ? active->map_len : log->segment_bytes);
}

static int commit(struct log *log, struct reel_error *error) {
    struct frame_head head;
    INVARIANT(!log->read_only);
    if (atomic_load(&log->broken)) return fail(error, -EIO, "the log failed earlier");
    char *frame = group_frame(&log->group, log->now.head, &head);
    if (!frame) return fail_memory(error);
    HOLD_LOCK(&log->append_lock);
    if (log->undo_at) log_keep_all(log);
    int rc =
        has_room(log, FRAME_ROUND(head.len)) ? 0 : log_make_room(log, FRAME_ROUND(head.len), error);
    return rc < 0 ? rc : write_frame(log, frame, &head, error);
}

int log_commit(struct log *log, struct reel_error *error) {
    if (group_is_empty(&log->group)) return 0;
    int rc = commit(log, error);
    if (rc == 0 && log->dedup) dedup_commit(log->dedup);
    log_abort(log); /* there is nothing more of it */
    if (rc == 0) log_wake_helper(log);
    return rc;
}

void log_keep(struct log *log) {
    HOLD_LOCK(&log->append_lock);
    if (log->undo_at) log_keep_all(log);
}

int log_undo(struct log *log, struct reel_error *error) {
    HOLD_LOCK(&log->append_lock);
    if (!log->undo_at) return 0;
    struct segment *segment = log->active;
    INVARIANT(log->undo_at < atomic_load(&segment->end));
    INVARIANT(log->kept.number < segment->head.number || log->kept.at <= log->undo_at);
    INVARIANT(log->before.head <= log->now.head &&
              log->points_before <= atomic_load(&segment->point_count));
    atomic_store(&segment->point_count, log->points_before);
    atomic_store(&segment->last_seq, log->before.head);
    uint64_t len = atomic_load(&segment->end) - log->undo_at;
    atomic_store(&segment->end, log->undo_at);
    int rc = clear_frame(log, segment, log->undo_at, len, error);
    if (rc == -ENOSPC) rc = log_break(log, "cannot take a group back", rc, error);
    if (rc == 0) rc = log_sync(log, segment->fd, error);
    if (rc < 0) return rc;
    log->now = log->before;
    log->undo_at = 0;
    if (log->dedup) dedup_undo(log->dedup);
    return 0;
}

/* ---- Room ------------------------------------------------------------------------------------ */

/* Writes zeros as the helper would: after the frames of the active segment, or to the spare if this
 * segment is nearly full. */
int log_try_room(struct log *log, struct reel_error *error) {
    int rc = 0;
    if (log->directory < 0) return 0;
    pthread_mutex_lock(&log->fill_lock);
    struct segment *active = log->active;
    uint64_t goal = active ? atomic_load(&active->end) + ROOM_BYTES : UINT64_MAX;
    bool spare = goal > log->segment_bytes;
    while (rc == 0 && !spare && atomic_load(&active->filled) < goal) {
        uint64_t filled = atomic_load(&active->filled);
        INVARIANT(atomic_load(&active->end) <= filled); /* zeros never go over a frame */
        rc = io_write_all(log->io, active->fd, zeros, sizeof zeros, filled);
        if (rc == 0) atomic_store(&active->filled, filled + sizeof zeros);
    }
    pthread_mutex_unlock(&log->fill_lock);
    if (spare) rc = log_fill_spare(log, ROOM_BYTES);
    if (rc >= 0) return 0;
    return fail(error, rc, "cannot write the log: %s",
                rc == -ENOSPC ? "the disk is full" : strerror(-rc));
}

/* ---- Witness --------------------------------------------------------------------------------- */

bool log_needs_witness(const struct log *log) {
    const struct segment *active = log->active;
    if (!active || active->on_heap || log->read_only || log->undo_at) return false;
    return !atomic_load(&log->broken) && log->witnessed_at < atomic_load(&active->end);
}

int log_write_witness(struct log *log, struct reel_error *error) {
    INVARIANT(lock_is_held(&log->append_lock));
    INVARIANT(!log->undo_at); /* what may be taken back has no witness */
    struct segment *segment = log->active;
    char frame[FRAME_UNIT];
    uint64_t at = atomic_load(&segment->end);
    if (at + sizeof frame > segment->map_len) {
        log->witnessed_at = at; /* the header of the next segment will contain this mark */
        return 0;
    }
    struct frame_head head = {
        .first_seq = log->now.head + 1,
        .last_seq = log->now.head,
        .previous = log->now.chain,
        .synced_at = at,
        .synced_seq = log->now.head,
        .len = sizeof head,
    };
    frame_write(&head, &segment->head, at, frame);
    int rc = log_write(log, segment, frame, sizeof frame, at, error);
    if (rc < 0) return scrub(log, at, sizeof frame, rc, error);
    rc = log_sync(log, segment->fd, error);
    if (rc < 0) return rc;
    log->now.chain = head.checksum;
    atomic_store_explicit(&segment->end, at + sizeof frame, memory_order_release);
    log->witnessed_at = at + sizeof frame; /* the witness itself may be lost */
    log_keep_all(log);
    return 0;
}

/* ---- Pins ------------------------------------------------------------------------------------ */

struct log_pin *log_pin(struct log *log) {
    HOLD_LOCK(&log->pins_lock);
    atomic_fetch_add(&log->pin->refs, 1);
    return log->pin;
}

void log_set_pin(struct log *log, struct log_pin *pin) {
    pthread_mutex_lock(&log->pins_lock);
    struct log_pin *before = log->pin;
    log->pin = pin;
    pthread_mutex_unlock(&log->pins_lock);
    log_unpin(before);
}

/* ---- Measuring ------------------------------------------------------------------------------- */

void log_measure(struct log *log, struct log_metrics *ret) {
    struct log_pin *pin = log_pin(log);
    struct log_segment segment;
    struct dedup_metrics dedup = {0};
    if (log->dedup) dedup_measure(log->dedup, &dedup);
    *ret = (struct log_metrics){
        .group_bytes = atomic_load(&log->group_bytes),
        .fill_bytes = atomic_load(&log->fill_bytes),
        .sealed_bytes = atomic_load(&log->sealed_bytes),
        .dedup_bytes = dedup.written,
        .failures = atomic_load(&log->failures),
        .paced_ns = atomic_load(&log->pacer->paced_ns),
    };
    histogram_read(&log->syncs, ret->sync_buckets, &ret->sync_seconds);
    for (size_t i = 0; log_pin_segment(pin, i, &segment); i++) {
        ret->bytes += segment.bytes;
        *(segment.sealed ? &ret->sealed_segments : &ret->raw_segments) += 1;
    }
    ret->bytes += atomic_load(&log->spare_bytes) + atomic_load(&log->used_bytes);
    log_unpin(pin);
}
