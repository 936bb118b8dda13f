/* dedup_run.c: see dedup_run.h. */
#include "engine/log/dedup_run.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define GATHERED_BYTES ((size_t)64 << 10)
#define PIECE_BYTES    ((size_t)256 << 10)

/* Ten bits a key: about one key in a hundred that a run does not have is looked for in a block. */
#define FILTER_WORDS 8
#define FILTER_BYTES (FILTER_WORDS * sizeof(uint32_t))
#define FILTER_BITS  10

_Static_assert(sizeof(struct run_block) == RUN_BLOCK, "a block is a page");

/* ---- Checksums ------------------------------------------------------------------------------- */

static uint64_t head_checksum(const char page[SEGMENT_PAGE]) {
    char copy[SEGMENT_PAGE];
    memcpy(copy, page, sizeof copy);
    memset(copy + offsetof(struct run_head, checksum), 0, sizeof(uint64_t));
    return XXH3_64bits(copy, sizeof copy);
}

uint64_t run_block_checksum(const struct run_head *head, uint64_t n,
                            const struct run_block *block) {
    uint64_t place[] = {head->salt, head->from_seq, head->to_seq, n};
    return XXH3_64bits_withSeed(block, offsetof(struct run_block, checksum),
                                XXH3_64bits(place, sizeof place));
}

/* ---- The filter ------------------------------------------------------------------------------ */

static const uint32_t filter_salts[FILTER_WORDS] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                                    0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

static uint64_t filter_place(uint64_t count, uint64_t key) {
    return (key >> 32) * count >> 32;
}

static uint32_t filter_bit(uint64_t key, size_t word) {
    return UINT32_C(1) << ((uint32_t)key * filter_salts[word] >> 27);
}

static void filter_set(char *filter, uint64_t count, uint64_t key) {
    uint32_t words[FILTER_WORDS];
    char *at = filter + filter_place(count, key) * FILTER_BYTES;
    memcpy(words, at, sizeof words);
    for (size_t i = 0; i < FILTER_WORDS; i++) words[i] |= filter_bit(key, i);
    memcpy(at, words, sizeof words);
}

static bool filter_has(const char *filter, uint64_t count, uint64_t key) {
    uint32_t words[FILTER_WORDS], missing = 0;
    memcpy(words, filter + filter_place(count, key) * FILTER_BYTES, sizeof words);
    for (size_t i = 0; i < FILTER_WORDS; i++) missing |= filter_bit(key, i) & ~words[i];
    return missing == 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

uint64_t run_tail_bytes(const struct run_head *head) {
    return head->block_count * sizeof(struct dedup_entry) + head->filter_count * FILTER_BYTES;
}

bool run_has_name(const char *name, const char *end) {
    return strlen(name) == 41 + strlen(end) && strspn(name, "0123456789") == 20 &&
           name[20] == '-' && strspn(name + 21, "0123456789") == 20 && strcmp(name + 41, end) == 0;
}

static void write_name(const struct run_head *head, char ret[RUN_NAME_MAX]) {
    snprintf(ret, RUN_NAME_MAX, "%020llu-%020llu.ids", (unsigned long long)head->from_seq,
             (unsigned long long)head->to_seq);
}

/* Is it what a writer made? Sizes are compared without running over. */
bool run_head_fits(const struct run_head *head, const char page[SEGMENT_PAGE], const char *name,
                   uint64_t bytes) {
    char own_name[RUN_NAME_MAX];
    if (head->magic != RUN_MAGIC || head->checksum != head_checksum(page)) return false;
    if (head->format != RUN_FORMAT || head->file_bytes != bytes) return false;
    write_name(head, own_name);
    if (strcmp(name, own_name) != 0) return false;
    if (head->block_count > bytes / RUN_BLOCK || head->filter_count > bytes / FILTER_BYTES)
        return false;
    return head->filter_count > 0 &&
           head->tail_at == SEGMENT_PAGE + head->block_count * RUN_BLOCK &&
           bytes == head->tail_at + run_tail_bytes(head) &&
           head->block_count == (head->count + RUN_BLOCK_ENTRIES - 1) / RUN_BLOCK_ENTRIES;
}

static int map_run(int fd, const char *name, struct run *run) {
    struct stat stat;
    if (fstat(fd, &stat) < 0) return -errno;
    uint64_t bytes = (uint64_t)stat.st_size;
    if (bytes < SEGMENT_PAGE) return -EBADMSG;
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) return -errno;
    run->map = map;
    memcpy(&run->head, run->map, sizeof run->head);
    bool good = run_head_fits(&run->head, run->map, name, bytes);
    run->head.file_bytes = bytes; /* to unmap */
    if (!good) return -EBADMSG;
    uint64_t checksum = XXH3_64bits(run->map + run->head.tail_at, run_tail_bytes(&run->head));
    return checksum == run->head.tail_checksum ? 0 : -EBADMSG;
}

static int open_fd(int fd, const char *name, struct run **ret) {
    struct run *run = calloc(1, sizeof *run);
    if (!run) return -ENOMEM;
    atomic_init(&run->refs, 1);
    snprintf(run->name, sizeof run->name, "%s", name);
    int rc = map_run(fd, name, run);
    if (rc < 0)
        run_unref(run);
    else
        *ret = run;
    return rc;
}

int run_open(int directory, const char *name, struct run **ret) {
    AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : open_fd(fd, name, ret);
}

struct run *run_ref(struct run *run) {
    atomic_fetch_add(&run->refs, 1);
    return run;
}

void run_unref(struct run *run) {
    if (!run || atomic_fetch_sub(&run->refs, 1) > 1) return;
    if (run->map) munmap((void *)run->map, run->head.file_bytes);
    free(run);
}

/* ---- Finding --------------------------------------------------------------------------------- */

/* NULL: the block is damaged. */
static const struct run_block *block_at(struct run *run, uint64_t n) {
    const struct run_block *block = (const void *)(run->map + SEGMENT_PAGE + n * RUN_BLOCK);
    if (block->checksum == run_block_checksum(&run->head, n, block)) return block;
    atomic_store(&run->damaged, true);
    return NULL;
}

size_t run_block_entries(const struct run_head *head, uint64_t n) {
    return n + 1 < head->block_count ? RUN_BLOCK_ENTRIES
                                     : (size_t)(head->count - n * RUN_BLOCK_ENTRIES);
}

/* The last block that begins at or below the entry, or the first. */
static uint64_t find_block(const struct run *run, const struct dedup_entry *entry) {
    const struct dedup_entry *firsts = (const void *)(run->map + run->head.tail_at);
    uint64_t low = 0, high = run->head.block_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (dedup_entry_compare(&firsts[middle], entry) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

static size_t find_in_block(const struct run_block *block, size_t count,
                            const struct dedup_entry *entry) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dedup_entry_compare(&block->entries[middle], entry) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int run_find(struct run *run, uint64_t key, uint64_t first_seq, struct dedup_found *found) {
    const struct run_head *head = &run->head;
    const struct dedup_entry least = {key, first_seq};
    const char *filter = run->map + head->tail_at + head->block_count * sizeof least;
    if (head->count == 0 || !filter_has(filter, head->filter_count, key)) return 0;
    size_t added = 0;
    for (uint64_t n = find_block(run, &least); n < head->block_count; n++) {
        const struct run_block *block = block_at(run, n);
        if (!block) return -EBADMSG;
        size_t count = run_block_entries(head, n);
        for (size_t at = find_in_block(block, count, &least); at < count; at++) {
            if (block->entries[at].key != key || added++ == LOG_CANDIDATES) return 0;
            dedup_found_add(found, block->entries[at].seq);
        }
    }
    return 0;
}

int run_reader_peek(struct run_reader *reader, struct dedup_entry *ret) {
    struct run *run = reader->run;
    if (reader->block == run->head.block_count) return 0;
    const struct run_block *block =
        (const void *)(run->map + SEGMENT_PAGE + reader->block * RUN_BLOCK);
    if (reader->at == 0 && !block_at(run, reader->block)) return -EBADMSG;
    *ret = block->entries[reader->at];
    return 1;
}

void run_reader_step(struct run_reader *reader) {
    if (++reader->at < run_block_entries(&reader->run->head, reader->block)) return;
    reader->at = 0;
    reader->block++;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void writer_free(struct run_writer *writer) {
    free(writer->block);
    text_finish(&writer->gathered);
    text_finish(&writer->firsts);
    text_finish(&writer->filter);
    writer->block = NULL;
}

void run_writer_abort(struct run_writer *writer) {
    if (writer->fd >= 0) {
        close(writer->fd);
        (void)writer->io->unlink(writer->directory, writer->temporary); /* or opening does */
    }
    writer->fd = -1;
    writer_free(writer);
}

static int abort_with(struct run_writer *writer, int rc) {
    run_writer_abort(writer);
    return rc;
}

int run_writer_begin(struct run_writer *writer, const struct run_head *head, uint64_t count_max) {
    writer->head = *head;
    writer->head.magic = RUN_MAGIC;
    writer->head.format = RUN_FORMAT;
    writer->head.filter_count = count_max * FILTER_BITS / (FILTER_BYTES * 8) + 1;
    writer->fd = -1;
    writer->at = SEGMENT_PAGE;
    writer->in_block = 0;
    write_name(head, writer->name);
    snprintf(writer->temporary, sizeof writer->temporary, "%s.tmp", writer->name);
    writer->block = calloc(1, sizeof *writer->block);
    size_t filter_bytes = writer->head.filter_count * FILTER_BYTES;
    char *filter = text_extend(&writer->filter, filter_bytes);
    if (!writer->block || !filter) return abort_with(writer, -ENOMEM);
    memset(filter, 0, filter_bytes);
    int fd = writer->io->open(writer->directory, writer->temporary, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0) return abort_with(writer, fd == -EDQUOT ? -ENOSPC : fd);
    writer->fd = fd;
    return 0;
}

static int write_part(struct run_writer *writer, const char *bytes, size_t len) {
    while (len > 0) {
        size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;
        if (writer->pacer && !pacer_wait(writer->pacer, piece, writer->ended)) return -ECANCELED;
        int rc = io_write_all(writer->io, writer->fd, bytes, piece, writer->at);
        if (rc < 0) return rc;
        atomic_fetch_add(writer->bytes, piece);
        writer->at += piece;
        bytes += piece;
        len -= piece;
    }
    return 0;
}

static int write_gathered(struct run_writer *writer) {
    int rc = write_part(writer, writer->gathered.data, writer->gathered.len);
    writer->gathered.len = 0;
    return rc;
}

static int end_block(struct run_writer *writer) {
    struct run_block *block = writer->block;
    block->checksum = run_block_checksum(&writer->head, writer->head.block_count++, block);
    text_append(&writer->gathered, block, sizeof *block);
    text_append(&writer->firsts, &block->entries[0], sizeof block->entries[0]);
    memset(block, 0, sizeof *block);
    writer->in_block = 0;
    if (writer->gathered.failed || writer->firsts.failed) return -ENOMEM;
    return writer->gathered.len < GATHERED_BYTES ? 0 : write_gathered(writer);
}

int run_writer_add(struct run_writer *writer, const struct dedup_entry *entry) {
    writer->block->entries[writer->in_block++] = *entry;
    writer->head.count++;
    filter_set(writer->filter.data, writer->head.filter_count, entry->key);
    int rc = writer->in_block == RUN_BLOCK_ENTRIES ? end_block(writer) : 0;
    return rc < 0 ? abort_with(writer, rc) : 0;
}

static int write_tail(struct run_writer *writer) {
    char page[SEGMENT_PAGE] = {0};
    struct run_head *head = &writer->head;
    int rc = writer->in_block > 0 ? end_block(writer) : 0;
    if (rc == 0) rc = write_gathered(writer);
    if (rc < 0) return rc;
    text_append_str(&writer->firsts, text_str(&writer->filter));
    if (writer->firsts.failed) return -ENOMEM;
    head->tail_at = writer->at;
    head->tail_checksum = XXH3_64bits(writer->firsts.data, writer->firsts.len);
    rc = write_part(writer, writer->firsts.data, writer->firsts.len);
    if (rc < 0) return rc;
    head->file_bytes = writer->at;
    memcpy(page, head, sizeof *head);
    head->checksum = head_checksum(page);
    memcpy(page, head, sizeof *head);
    rc = io_write_all(writer->io, writer->fd, page, sizeof page, 0);
    return rc < 0 ? rc : writer->io->sync(writer->fd);
}

int run_writer_finish(struct run_writer *writer, struct run **ret) {
    struct run *run = NULL;
    int rc = write_tail(writer);
    if (rc == 0) rc = open_fd(writer->fd, writer->name, &run);
    if (rc == 0) rc = writer->io->rename(writer->directory, writer->temporary, writer->name);
    if (rc < 0) {
        run_unref(run);
        return abort_with(writer, rc == -EDQUOT ? -ENOSPC : rc);
    }
    close(writer->fd);
    writer->fd = -1;
    writer_free(writer);
    rc = writer->io->sync_directory(writer->directory);
    if (rc < 0) {
        (void)writer->io->unlink(writer->directory, writer->name);
        run_unref(run);
        return rc;
    }
    *ret = run;
    return 0;
}
