/* seal.c: packs a full segment.
 *
 * Its entries are gathered into blocks of about BLOCK_BYTES. Each block is packed with LZ4 and has
 * a checksum. A table of the blocks follows them. The file is written as `<name>.tmp`, synced, and
 * renamed over the raw file; then the directory is synced. A crash before the rename leaves the raw
 * file and a `.tmp`, which opening removes. After the rename, the sealed file is complete. Readers
 * that have mapped the raw file keep it.
 *
 * What is packed is compared with the frames' checksums first: sealing must not make damage look
 * whole. It is read from the file, not from its map: a disk that fails is an error here, and would
 * be a SIGBUS there.
 */
#include "engine/log/log.h"
#include "engine/log/log_private.h"
#include "engine/log/unpack.h"

#include "base/cleanup.h"
#include "base/invariant.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <string.h>
#include <xxhash.h>

/* A sealed file while it is written. */
struct sealing {
    struct log *log;
    struct segment *from;
    int from_fd;
    struct text frame; /* that is read */
    int fd;
    uint64_t at;          /* offset in the file */
    struct text plain;    /* the block that is being gathered */
    uint64_t plain_first; /* its first seq */
    struct text packed;
    struct text table;
    uint64_t plain_bytes;
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

static int write_part(struct sealing *sealing, const void *bytes, size_t len,
                      struct reel_error *error) {
    struct log *log = sealing->log;
    if (log->has_helper && !pacer_wait(log->pacer, len, &log->ended))
        return fail(error, -ECANCELED, "the log is being closed");
    int rc = io_write_all(log->io, sealing->fd, bytes, len, sealing->at);
    if (rc < 0) return fail(error, rc, "cannot seal a segment: %s", strerror(-rc));
    sealing->at += len;
    atomic_fetch_add(&log->sealed_bytes, len);
    return 0;
}

/* The bytes of the block: packed, if this makes them shorter. */
static struct reel_str pack(struct sealing *sealing) {
    struct text *packed = &sealing->packed;
    size_t len = sealing->plain.len;
    packed->len = 0;
    char *to = text_extend(packed, len);
    if (!to || len > LZ4_MAX_INPUT_SIZE) return text_str(&sealing->plain);
    int got = LZ4_compress_default(sealing->plain.data, to, (int)len, (int)len - 1);
    return got > 0 ? (struct reel_str){to, (size_t)got} : text_str(&sealing->plain);
}

static int write_block(struct sealing *sealing, struct reel_error *error) {
    if (sealing->plain.len == 0) return 0;
    struct reel_str packed = pack(sealing);
    struct block block = {
        .first_seq = sealing->plain_first,
        .at = sealing->at,
        .packed_len = (uint32_t)packed.len,
        .plain_len = (uint32_t)sealing->plain.len,
        .checksum = XXH3_64bits(packed.data, packed.len),
    };
    INVARIANT(block.packed_len <= block.plain_len);
    text_append(&sealing->table, &block, sizeof block);
    sealing->plain_bytes += sealing->plain.len;
    int rc = write_part(sealing, packed.data, packed.len, error);
    sealing->plain.len = 0;
    return rc;
}

/* A block is found by its first event. Control entries at its beginning belong to the event before
 * them. */
static int gather(struct sealing *sealing, struct reel_str entry, const struct log_entry *read,
                  struct reel_error *error) {
    int rc = 0;
    if (sealing->plain.len + entry.len > BLOCK_BYTES) rc = write_block(sealing, error);
    if (rc < 0) return rc;
    if (sealing->plain.len == 0)
        sealing->plain_first = read->flags & LOG_CONTROL ? read->seq + 1 : read->seq;
    text_append_str(&sealing->plain, entry);
    return sealing->plain.failed || sealing->table.failed ? fail_memory(error) : 0;
}

static int gather_frame(struct sealing *sealing, uint64_t at, const struct frame_head *head,
                        struct reel_error *error) {
    struct reel_str left = {sealing->frame.data + sizeof *head, head->len - sizeof *head};
    int rc = 0;
    while (rc == 0 && left.len > 0) {
        struct log_entry entry;
        struct reel_str before = left;
        if (!entry_read(&left, 0, &entry))
            return fail(error, -EBADMSG, "log/%s is damaged at offset %llu", sealing->from->name,
                        (unsigned long long)at);
        before.len -= left.len;
        rc = gather(sealing, before, &entry, error);
    }
    return rc;
}

/* Reads so many bytes of the frame at `at`, which begins the buffer. */
static int read_part(struct sealing *sealing, uint64_t at, uint64_t len, struct reel_error *error) {
    struct text *frame = &sealing->frame;
    frame->len = 0;
    char *to = text_extend(frame, len);
    if (!to) return fail_memory(error);
    int rc = segment_read(sealing->from_fd, to, len, at);
    if (rc == 0) return 0;
    return fail(error, rc, "cannot read log/%s at offset %llu: %s", sealing->from->name,
                (unsigned long long)at, rc == -EBADMSG ? "it was cut short" : strerror(-rc));
}

/* How long it is says its first sector, which may be wrong. */
static int read_frame(struct sealing *sealing, uint64_t at, uint64_t end, struct frame_head *ret,
                      struct reel_error *error) {
    const struct segment *from = sealing->from;
    struct frame_head head;
    int rc = read_part(sealing, at, FRAME_UNIT, error);
    if (rc < 0) return rc;
    memcpy(&head, sealing->frame.data, sizeof head);
    uint64_t len = FRAME_ROUND(head.len);
    if (len > FRAME_UNIT && len <= end - at && (rc = read_part(sealing, at, len, error)) < 0)
        return rc;
    if (frame_read(&from->head, at, sealing->frame.data, sealing->frame.len, ret)) return 0;
    return fail(error, -EBADMSG, "log/%s is damaged at offset %llu", from->name,
                (unsigned long long)at);
}

static int write_blocks(struct sealing *sealing, struct reel_error *error) {
    const struct segment *from = sealing->from;
    uint64_t end = atomic_load(&from->end);
    for (uint64_t at = SEGMENT_PAGE; at < end;) {
        struct frame_head head;
        int rc = read_frame(sealing, at, end, &head, error);
        if (rc < 0) return rc;
        rc = gather_frame(sealing, at, &head, error);
        if (rc < 0) return rc;
        at += FRAME_ROUND(head.len);
    }
    return write_block(sealing, error);
}

/* ---- The file -------------------------------------------------------------------------------- */

static struct segment_head sealed_head(const struct sealing *sealing,
                                       const struct segment_head *next) {
    const struct segment *from = sealing->from;
    struct segment_head head = from->head;
    head.form = SEGMENT_SEALED;
    head.last_facts = next->facts;
    head.last_seq = atomic_load(&from->last_seq);
    head.end = next->previous_end;
    head.chain = next->previous_chain;
    head.table_count = sealing->table.len / sizeof(struct block);
    head.table_at = sealing->at;
    head.table_checksum = unpack_table_checksum(sealing->table.data, head.table_count);
    head.plain_bytes = sealing->plain_bytes;
    return head;
}

static int write_file(struct sealing *sealing, const struct segment_head *next,
                      struct segment_head *ret_head, struct reel_error *error) {
    struct log *log = sealing->log;
    char page[SEGMENT_PAGE];
    sealing->at = SEGMENT_PAGE;
    int rc = write_blocks(sealing, error);
    if (rc < 0) return rc;
    *ret_head = sealed_head(sealing, next);
    rc = write_part(sealing, sealing->table.data, sealing->table.len, error);
    if (rc < 0) return rc;
    segment_head_write(ret_head, page);
    rc = io_write_all(log->io, sealing->fd, page, sizeof page, 0);
#ifndef REEL_FAULT_2
    if (rc == 0) rc = log->io->sync(sealing->fd);
#endif
    return rc < 0 ? fail(error, rc, "cannot seal a segment: %s", strerror(-rc)) : 0;
}

/* ---- Replacing the raw file ------------------------------------------------------------------ */

/* The sealed file gets the name of the raw one: 1. */
static int take_name(struct log *log, struct segment *from, const char *temporary,
                     struct reel_error *error) {
    bool used = log_name_used(log, from);
    int rc = log->io->rename(log->directory, temporary, from->name);
    if (rc < 0) rc = fail(error, rc, "cannot seal a segment: %s", strerror(-rc));
    if (rc == 0 && (rc = log->io->sync_directory(log->directory)) < 0)
        rc = log_break(log, "cannot sync the log's directory", rc, error);
    if (rc == 0 && used)
        log_keep_used(log, from);
    else if (used)
        log_drop_used(log);
    return rc < 0 ? rc : 1;
}

/* Gives it its name, if the segment was not trimmed meanwhile: 1; 0: it was. */
static int replace(struct log *log, struct segment *from, struct segment *sealed,
                   const char *temporary, struct reel_error *error) {
    HOLD_LOCK(&log->files_lock);
    struct log_pin *before = log_pin(log);
    struct log_pin *pin = pin_create(before->count);
    size_t found = before->count;
    int rc = pin ? 0 : fail_memory(error);
    for (size_t i = 0; rc == 0 && i < before->count; i++) {
        if (before->segments[i] == from) found = i;
        pin->segments[i] = segment_ref(before->segments[i] == from ? sealed : before->segments[i]);
    }
    INVARIANT(found == before->count || found + 1 < before->count); /* not the one written */
    INVARIANT(sealed->head.first_seq == from->head.first_seq &&
              sealed->head.last_seq == atomic_load(&from->last_seq));
    if (rc == 0 && found < before->count) rc = take_name(log, from, temporary, error);
    if (rc > 0)
        log_set_pin(log, pin);
    else
        log_unpin(pin);
    log_unpin(before);
    return rc;
}

static int seal_to(struct sealing *sealing, const struct segment_head *next, const char *temporary,
                   struct reel_error *error) {
    struct log *log = sealing->log;
    struct segment_head head;
    sealing->fd = log->io->open(log->directory, temporary, O_RDWR | O_CREAT | O_TRUNC);
    if (sealing->fd < 0)
        return fail(error, sealing->fd, "cannot seal a segment: %s", strerror(-sealing->fd));
    AUTO_CLOSE int fd = sealing->fd;
    int rc = write_file(sealing, next, &head, error);
    if (rc < 0) return rc;
    uint64_t bytes = sealing->at;
    struct segment *sealed = segment_map(&head, fd, bytes, bytes);
    rc = sealed ? replace(log, sealing->from, sealed, temporary, error) : fail_memory(error);
#ifdef REEL_FAULT_2 /* a rename before its sync */
    (void)log->io->sync(sealing->fd);
#endif
    segment_unref(sealed);
    return rc;
}

static int seal(struct log *log, struct segment *from, const struct segment_head *next,
                struct reel_error *error) {
    char temporary[40];
    struct sealing sealing = {.log = log, .from = from};
    snprintf(temporary, sizeof temporary, "%s.tmp", from->name);
    AUTO_CLOSE int from_fd = sealing.from_fd =
        openat(log->directory, from->name, O_RDONLY | O_CLOEXEC);
    if (from_fd < 0 && errno == ENOENT) return 0; /* trimmed meanwhile */
    if (from_fd < 0) return fail(error, -errno, "log/%s: %s", from->name, strerror(errno));
    int rc = seal_to(&sealing, next, temporary, error);
    if (rc <= 0) {
        HOLD_LOCK(&log->files_lock);
        log_remove(log, temporary);
    }
    text_finish(&sealing.frame);
    text_finish(&sealing.plain);
    text_finish(&sealing.packed);
    text_finish(&sealing.table);
    return rc;
}

/* The oldest one that is raw and not the last; NULL. */
static struct segment *next_to_seal(const struct log_pin *pin, size_t *ret_at) {
    for (size_t i = 0; i + 1 < pin->count; i++) {
        *ret_at = i;
        if (pin->segments[i]->head.form == SEGMENT_RAW) return pin->segments[i];
    }
    return NULL;
}

bool log_has_to_seal(struct log *log) {
    size_t at;
    struct log_pin *pin = log_pin(log);
    bool found = next_to_seal(pin, &at) != NULL;
    log_unpin(pin);
    return found;
}

int log_seal_one(struct log *log, struct reel_error *error) {
    size_t at;
    if (atomic_load(&log->broken)) return 0;
    struct log_pin *pin = log_pin(log);
    struct segment *from = next_to_seal(pin, &at);
    int rc = from ? seal(log, from, &pin->segments[at + 1]->head, error) : 0;
    log_unpin(pin);
    return rc;
}
