/* verify_index.c: see verify_index.h. */
#include "engine/log/verify_index.h"

#include "base/cleanup.h"
#include "engine/log/pin.h"
#include "engine/log/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define PIECE_BYTES ((uint64_t)64 << 10)

struct index_run {
    char name[RUN_NAME_MAX];
    struct run_head head;
    uint64_t from_seq, next_seq; /* compared from here on; up to here so far */
    bool has_next;               /* a segment begins behind it */
    bool is_joined;              /* and has its chain */
    struct dedup_entry *firsts;  /* of each block */
    uint64_t *sums;              /* of each block */
};

/* ---- The files ------------------------------------------------------------------------------- */

int verified_index_list(struct verified_index *index, int directory, struct reel_error *error) {
    CLEANUP(io_list_end) DIR *dir = NULL;
    int rc = io_list(directory, &dir, error);
    if (rc < 0) return rc;
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        char name[RUN_NAME_MAX] = "";
        if (!run_has_name(entry->d_name, ".ids")) continue;
        snprintf(name, sizeof name, "%.50s", entry->d_name);
        text_append(&index->names, name, sizeof name);
    }
    return index->names.failed ? fail_memory(error) : 0;
}

/* ---- One run --------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct dedup_entry *entry) {
    return XXH3_64bits(entry, sizeof *entry);
}

static const char *check_entries(struct index_run *run, uint64_t n, const struct run_block *block,
                                 struct dedup_entry *last) {
    const struct run_head *head = &run->head;
    size_t count = run_block_entries(head, n);
    run->firsts[n] = block->entries[0];
    for (size_t i = 0; i < count; i++) {
        const struct dedup_entry *entry = &block->entries[i];
        if ((n > 0 || i > 0) && dedup_entry_compare(entry, last) <= 0)
            return "its entries are not in order";
        if (entry->seq < head->from_seq || entry->seq > head->to_seq)
            return "it has an event that it does not cover";
        if (entry->seq >= run->from_seq) run->sums[n] += hash_of(entry);
        *last = *entry;
    }
    return NULL;
}

/* -EIO and -EBADMSG are findings, too. */
static int read_piece(int fd, char *to, uint64_t len, uint64_t at, const char **ret_what) {
    int rc = segment_read(fd, to, len, at);
    if (rc == -EIO) *ret_what = "the disk cannot read it";
    if (rc == -EBADMSG) *ret_what = "it was cut short";
    return *ret_what ? 0 : rc;
}

static int check_blocks(struct index_run *run, int fd, char *piece, uint64_t *ret_at,
                        const char **ret_what) {
    const struct run_head *head = &run->head;
    const uint64_t at_once = PIECE_BYTES / RUN_BLOCK;
    struct dedup_entry last = {0};
    for (uint64_t n = 0; n < head->block_count; n++) {
        *ret_at = SEGMENT_PAGE + n * RUN_BLOCK;
        uint64_t left = head->block_count - n;
        int rc = n % at_once > 0
                     ? 0
                     : read_piece(fd, piece, (left < at_once ? left : at_once) * RUN_BLOCK, *ret_at,
                                  ret_what);
        if (rc < 0 || *ret_what) return rc;
        struct run_block block;
        memcpy(&block, piece + n % at_once * RUN_BLOCK, sizeof block);
        if (block.reserved != 0 || block.checksum != run_block_checksum(head, n, &block))
            *ret_what = "the checksum of a block is wrong";
        else
            *ret_what = check_entries(run, n, &block, &last);
        if (*ret_what) return 0;
    }
    return 0;
}

/* The first entries and the filter. */
static int check_tail(const struct index_run *run, int fd, char *piece, uint64_t *ret_at,
                      const char **ret_what) {
    const struct run_head *head = &run->head;
    uint64_t firsts_bytes = head->block_count * sizeof *run->firsts;
    XXH3_state_t *hash = XXH3_createState();
    if (!hash) return -ENOMEM;
    XXH3_64bits_reset(hash);
    *ret_at = head->tail_at;
    uint64_t end = head->tail_at + run_tail_bytes(head);
    int rc = 0;
    bool same = true;
    for (uint64_t at = head->tail_at, len; rc == 0 && !*ret_what && at < end; at += len) {
        uint64_t done = at - head->tail_at;
        len = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
        rc = read_piece(fd, piece, len, at, ret_what);
        if (rc < 0 || *ret_what) break;
        XXH3_64bits_update(hash, piece, len);
        uint64_t part = done < firsts_bytes ? firsts_bytes - done : 0;
        if (part > len) part = len;
        if (part > 0 && memcmp(piece, (const char *)run->firsts + done, part) != 0) same = false;
    }
    if (rc == 0 && !*ret_what && (!same || XXH3_64bits_digest(hash) != head->tail_checksum))
        *ret_what = "the checksum of its filter is wrong";
    XXH3_freeState(hash);
    return rc;
}

static int check_run(struct index_run *run, int fd, char *piece, uint64_t floor, uint64_t *ret_at,
                     const char **ret_what) {
    struct stat stat;
    if (fstat(fd, &stat) < 0) return -errno;
    *ret_at = 0;
    if (stat.st_size < SEGMENT_PAGE) *ret_what = "it is too short for a header";
    int rc = *ret_what ? 0 : read_piece(fd, piece, SEGMENT_PAGE, 0, ret_what);
    if (rc < 0 || *ret_what) return rc;
    memcpy(&run->head, piece, sizeof run->head);
    if (!run_head_fits(&run->head, piece, run->name, (uint64_t)stat.st_size)) {
        *ret_what = "the checksum of its header, or its length, is wrong";
        return 0;
    }
    run->from_seq = run->next_seq = run->head.from_seq < floor ? floor : run->head.from_seq;
    run->firsts = calloc(run->head.block_count + 1, sizeof *run->firsts);
    run->sums = calloc(run->head.block_count + 1, sizeof *run->sums);
    if (!run->firsts || !run->sums) return -ENOMEM;
    rc = check_blocks(run, fd, piece, ret_at, ret_what);
    return rc < 0 || *ret_what ? rc : check_tail(run, fd, piece, ret_at, ret_what);
}

static void forget_run(struct index_run *run) {
    free(run->firsts);
    free(run->sums);
}

static int read_run(struct verified_index *index, int directory, const char *name, char *piece,
                    uint64_t floor, index_found_fn found, void *context) {
    struct index_run run = {0};
    const char *what = NULL;
    uint64_t at = 0;
    snprintf(run.name, sizeof run.name, "%s", name);
    AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno == ENOENT ? 0 : -errno;
    int rc = check_run(&run, fd, piece, floor, &at, &what);
    if (what) found(context, &(struct index_finding){name, at, what});
    if (rc < 0 || what)
        forget_run(&run);
    else
        index->runs[index->count++] = run;
    return rc;
}

int verified_index_read(struct verified_index *index, int directory, uint64_t floor,
                        index_found_fn found, void *context, struct reel_error *error) {
    size_t count = index->names.len / RUN_NAME_MAX;
    AUTO_FREE char *piece = malloc(PIECE_BYTES);
    index->runs = calloc(count + 1, sizeof *index->runs);
    if (!piece || !index->runs) return fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const char *name = index->names.data + i * RUN_NAME_MAX;
        int rc = read_run(index, directory, name, piece, floor, found, context);
        if (rc < 0) return fail(error, rc, "log/%s: %s", name, strerror(-rc));
    }
    return 0;
}

/* ---- The segments ---------------------------------------------------------------------------- */

/* The last block that begins at or below the entry, or the first. */
static uint64_t block_of(const struct index_run *run, const struct dedup_entry *entry) {
    uint64_t low = 0, high = run->head.block_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (dedup_entry_compare(&run->firsts[middle], entry) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

/* A run without entries has one sum. */
static void take_event(struct verified_index *index, const struct log_entry *event) {
    for (size_t i = 0; i < index->count; i++) {
        struct index_run *run = &index->runs[i];
        if (event->seq < run->from_seq || event->seq > run->head.to_seq) continue;
        struct dedup_entry entry = {dedup_key(run->head.salt, event->id_hash), event->seq};
        run->sums[block_of(run, &entry)] -= hash_of(&entry);
    }
}

static bool is_covered(const struct verified_index *index, uint64_t first_seq, uint64_t last_seq) {
    for (size_t i = 0; i < index->count; i++)
        if (index->runs[i].from_seq <= last_seq && index->runs[i].head.to_seq >= first_seq)
            return true;
    return false;
}

int verified_index_take(struct verified_index *index, struct segment *segment,
                        struct reel_error *error) {
    uint64_t first_seq = segment->head.first_seq, last_seq = atomic_load(&segment->last_seq);
    if (!is_covered(index, first_seq, last_seq)) return 0;
    struct log_pin *pin = pin_create(1);
    struct log_walk walk;
    struct log_entry entry;
    int rc;
    if (!pin) return fail_memory(error);
    pin->segments[0] = segment_ref(segment);
    log_walk_start(&walk, pin, first_seq, last_seq);
    while ((rc = log_next(&walk, &entry, error)) > 0)
        if (entry.id_hash && !(entry.flags & LOG_OTHER_HASH)) take_event(index, &entry);
    log_walk_finish(&walk);
    log_unpin(pin);
    for (size_t i = 0; rc == 0 && i < index->count; i++) {
        struct index_run *run = &index->runs[i];
        if (run->next_seq >= first_seq && run->next_seq <= last_seq) run->next_seq = last_seq + 1;
    }
    return rc;
}

void verified_index_join(struct verified_index *index, const struct segment_head *next) {
    for (size_t i = 0; i < index->count; i++) {
        struct index_run *run = &index->runs[i];
        if (next->first_seq != run->head.to_seq + 1) continue;
        run->has_next = true;
        run->is_joined = run->head.salt == next->salt && run->head.chain == next->previous_chain;
    }
}

/* ---- The result ------------------------------------------------------------------------------ */

static const char *find_wrong(const struct index_run *run, uint64_t oldest_seq, uint64_t *ret_at) {
    *ret_at = 0;
    if (run->head.to_seq < oldest_seq) return NULL;
    if (!run->has_next) return "no segment begins behind its last event";
    if (!run->is_joined) return "it is not of the segments that it covers";
    if (run->next_seq <= run->head.to_seq) return NULL; /* a segment is missing or damaged */
    for (uint64_t n = 0; n < run->head.block_count || n == 0; n++) {
        *ret_at = SEGMENT_PAGE + n * RUN_BLOCK;
        if (run->sums[n] != 0) return "it does not have just the events of the segments it covers";
    }
    return NULL;
}

void verified_index_end(struct verified_index *index, uint64_t oldest_seq, index_found_fn found,
                        void *context) {
    for (size_t i = 0; i < index->count; i++) {
        uint64_t at;
        const struct index_run *run = &index->runs[i];
        const char *what = find_wrong(run, oldest_seq, &at);
        if (what) found(context, &(struct index_finding){run->name, at, what});
    }
}

void verified_index_finish(struct verified_index *index) {
    for (size_t i = 0; i < index->count; i++) forget_run(&index->runs[i]);
    free(index->runs);
    text_finish(&index->names);
}
