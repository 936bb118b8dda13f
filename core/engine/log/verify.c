/* verify.c: compares every byte of a log with its checksums (verify.h).
 *
 * It checks everything that opening checks, and also all frames and blocks of all segments, that
 * there are only zeros after the last frame, and the index of duplicates (verify_index.h). There is
 * one finding for each damaged file. Neighbours of a damaged file are not compared with it.
 *
 * One segment at a time is in memory, and a small part of the index.
 */
#include "engine/log/verify.h"

#include "engine/log/log_private.h"
#include "engine/log/unpack.h"
#include "engine/log/verify_index.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct verification {
    int directory;
    bool live;
    log_finding_fn found;
    void *context;
    int findings;
    struct verified_index index;
};

/* The parts of a segment that its neighbours are compared with. */
struct verified {
    struct segment_head head;
    struct standing behind;
    uint64_t end;
    bool sound;
    bool was_read; /* so `head` is set */
};

static void find(struct verification *verification, const char *file, uint64_t at,
                 const char *what) {
    verification->findings++;
    verification->found(verification->context, file, at, what);
}

static void find_in_index(void *context, const struct index_finding *finding) {
    find(context, finding->file, finding->at, finding->what);
}

/* ---- One segment ----------------------------------------------------------------------------- */

static const char *check_raw(const struct verification *verification, struct segment *segment,
                             bool is_last, struct verified *ret, uint64_t *ret_at) {
    static const struct log_mark none;
    struct scan scan;
    struct standing before = {segment->head.first_seq - 1, segment->head.previous_chain,
                              segment->head.facts};
    segment_scan(segment, &before, &none, &scan);
    ret->behind = scan.standing;
    ret->end = *ret_at = scan.end;
    if (scan.is_strange) return strange_frame;
    if (scan.proof_at) return "a frame that was synced is not intact";
    if (is_last && verification->live) return NULL;
    return scan.tail_end ? "there are bytes behind the last frame: a write that was cut short, or "
                           "damage"
                         : NULL;
}

static const char *check_block(const struct segment *segment, size_t n, uint64_t *last_seq) {
    struct log_unpacked *unpacked = NULL;
    int rc = unpack_block(segment, n, NULL, &unpacked, NULL);
    if (rc < 0) return rc == -ENOMEM ? "out of memory" : "the checksum of a block is wrong";
    struct reel_str left = {unpacked->bytes, unpacked->len};
    const char *what = NULL;
    while (!what && left.len > 0) {
        struct log_entry entry;
        if (!entry_read(&left, LOG_ROOM, &entry)) {
            what = "an entry is not whole";
        } else if (!(entry.flags & LOG_CONTROL)) {
            if (entry.seq <= *last_seq) what = "an event is out of order";
            *last_seq = entry.seq;
        }
    }
    free(unpacked);
    return what;
}

static const char *check_sealed(const struct segment *segment, struct verified *ret,
                                uint64_t *ret_at) {
    const struct segment_head *head = &segment->head;
    uint64_t last_seq = head->first_seq - 1;
    const char *what = NULL;
    *ret_at = SEGMENT_PAGE;
    for (size_t i = 0; !what && i < head->table_count; i++) {
        struct block block = segment_block(segment, i);
        what = block.at == *ret_at ? check_block(segment, i, &last_seq) : "a block is missing";
        if (!what) *ret_at += block.packed_len;
    }
    if (!what && *ret_at != head->table_at) what = "a block is missing";
    if (!what && last_seq > head->last_seq) what = "it has more events than its header says";
    ret->behind = (struct standing){head->last_seq, head->chain, head->last_facts};
    ret->end = head->end;
    return what;
}

static int verify_one(struct verification *verification, const char *name, bool is_last,
                      struct verified *ret, struct reel_error *error) {
    struct segment *segment = NULL;
    struct damage damage = {0};
    int rc = -ENOENT; /* in a log that is written a name may be gone for a moment */
    for (int i = 0; rc == -ENOENT && i < 2; i++)
        rc = segment_open(verification->directory, name, 0, ACCESS_READ, &segment, &damage, error);
    if (rc == -EBADMSG) find(verification, name, damage.at, damage.what);
    if (rc < 0) return rc == -EBADMSG ? 0 : rc;
    ret->head = segment->head;
    const char *what = segment->head.form == SEGMENT_RAW
                           ? check_raw(verification, segment, is_last, ret, &damage.at)
                           : check_sealed(segment, ret, &damage.at);
    if (what) find(verification, name, damage.at, what);
    ret->sound = !what;
    ret->was_read = true;
    rc = what || is_last ? 0 : verified_index_take(&verification->index, segment, error);
    segment_unref(segment);
    return rc;
}

/* ---- All files ------------------------------------------------------------------------------- */

static void verify_joint(struct verification *verification, const struct verified *first,
                         const struct verified *next, const char *name) {
    if (!first->sound || !next->sound) return;
    const struct segment_head *head = &next->head;
    if (first->head.number + 1 != head->number || first->head.salt != head->salt)
        find(verification, name, 0, "the segment before it is missing");
    else if (first->end != head->previous_end || first->behind.chain != head->previous_chain ||
             first->behind.head + 1 != head->first_seq)
        find(verification, name, 0, "it does not go on from the segment before it");
}

/* Segments below the floor may be missing, because a trim may have been interrupted. */
static void verify_joints(struct verification *verification, const struct segment_names *names,
                          const struct verified *all) {
    size_t count = names->count;
    uint64_t floor = count > 0 && all[count - 1].sound ? all[count - 1].behind.facts.first_seq : 0;
    for (size_t i = 0; i + 1 < count; i++)
        if (all[i + 1].head.first_seq > floor)
            verify_joint(verification, &all[i], &all[i + 1], names->names[i + 1]);
}

static int verify_at(struct verification *verification, const struct segment_names *names,
                     struct verified *all, size_t n, struct reel_error *error) {
    bool is_last = n + 1 == names->count;
    int rc = verify_one(verification, names->names[n], is_last, &all[n], error);
    return rc == -ENOENT && verification->live ? 0 : rc; /* it was trimmed meanwhile */
}

/* The last segment says where the floor is. */
static int read_index(struct verification *verification, const struct verified *last,
                      struct reel_error *error) {
    uint64_t floor = last->sound ? last->behind.facts.first_seq : UINT64_MAX;
    return verified_index_read(&verification->index, verification->directory, floor, find_in_index,
                               verification, error);
}

static void end_index(struct verification *verification, const struct verified *all, size_t count) {
    size_t first = 0;
    while (first < count && !all[first].was_read) first++;
    for (size_t i = first + 1; i < count; i++)
        if (all[i].was_read) verified_index_join(&verification->index, &all[i].head);
    uint64_t oldest_seq = first < count ? all[first].head.first_seq : UINT64_MAX;
    verified_index_end(&verification->index, oldest_seq, find_in_index, verification);
}

static void verify_stopped(struct verification *verification) {
    struct stopped stopped;
    if (stopped_read(verification->directory, &stopped) == -EBADMSG)
        find(verification, STOPPED_NAME, 0, "its checksum is wrong");
    stopped_finish(&stopped);
}

static int verify_all(struct verification *verification, const struct segment_names *names,
                      struct reel_error *error) {
    size_t last = names->count - 1;
    AUTO_FREE struct verified *all = calloc(names->count, sizeof *all);
    if (!all) return fail_memory(error);
    int rc = verify_at(verification, names, all, last, error);
    if (rc == 0) rc = read_index(verification, &all[last], error);
    for (size_t i = 0; rc == 0 && i < last; i++) rc = verify_at(verification, names, all, i, error);
    if (rc < 0) return rc;
    verify_joints(verification, names, all);
    end_index(verification, all, names->count);
    if (!verification->live) verify_stopped(verification);
    return verification->findings;
}

int log_verify(const char *directory, bool live, log_finding_fn found, void *context,
               struct reel_error *error) {
    struct verification verification = {.live = live, .found = found, .context = context};
    struct segment_names names = {0};
    AUTO_CLOSE int fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(error, -errno, "%s: %s", directory, strerror(errno));
    verification.directory = fd;
    int rc = verified_index_list(&verification.index, fd, error);
    if (rc == 0) rc = segment_names_read(fd, &names, error);
    if (rc == 0 && names.count == 0) rc = fail(error, -ENOENT, "%s has no segment", directory);
    if (rc == 0) rc = verify_all(&verification, &names, error);
    segment_names_finish(&names);
    verified_index_finish(&verification.index);
    return rc;
}
