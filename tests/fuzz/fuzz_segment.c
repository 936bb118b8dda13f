/* fuzz_segment.c: any bytes as a segment file of the log.
 *
 * The first byte says whether the checksums are made right, so that what is behind them is reached,
 * too; the rest is the file. The log is compared with its checksums, opened to read, read in whole
 * and by single events, and opened to write, packed and read again. Whatever it is: an error or
 * entries in order, within the file's bytes, the same each time.
 *
 * Its own inputs to begin with come from corpus_of_segments.
 */
#include "fuzz.h"

#include "engine/log/copy.h"
#include "engine/log/files.h"
#include "engine/log/log.h"
#include "engine/log/log_private.h"
#include "engine/log/place.h"
#include "engine/log/unpack.h"
#include "engine/log/verify.h"

#include <dirent.h>
#include <fcntl.h>
#include <lz4.h>
#include <unistd.h>
#include <xxhash.h>

enum { EVENTS_MAX = 100000, BYTES_MAX = 1 << 20, BIT_REPAIR = 1 };

/* ---- Checksums ------------------------------------------------------------------------------- */

static void repair_frames(const struct segment_head *head, char *bytes, size_t size) {
    uint64_t previous = head->previous_chain;
    for (uint64_t at = SEGMENT_PAGE; at + FRAME_UNIT <= size;) {
        struct frame_head frame;
        memcpy(&frame, bytes + at, sizeof frame);
        if (frame.magic != FRAME_MAGIC) return;
        if (frame.len < sizeof frame || FRAME_ROUND(frame.len) > size - at) return;
        frame.reserved = 0;
        frame.previous = previous;
        previous = frame_write(&frame, head, at, bytes + at);
        at += FRAME_ROUND(frame.len);
    }
}

static void repair_blocks(struct segment_head *head, char *bytes, size_t size) {
    if (head->table_at < SEGMENT_PAGE || head->table_at > size) return;
    head->table_count = (size - head->table_at) / sizeof(struct block);
    for (uint64_t i = 0; i < head->table_count; i++) {
        struct block block;
        char *at = bytes + head->table_at + i * sizeof block;
        memcpy(&block, at, sizeof block);
        if (block.at > size || block.packed_len > size - block.at) continue;
        block.checksum = XXH3_64bits(bytes + block.at, block.packed_len);
        memcpy(at, &block, sizeof block);
    }
    head->table_checksum = unpack_table_checksum(bytes + head->table_at, head->table_count);
}

static void repair(char *bytes, size_t size) {
    struct segment_head head;
    memcpy(&head, bytes, sizeof head);
    head.magic = SEGMENT_MAGIC;
    head.format = SEGMENT_FORMAT;
    if (head.form == SEGMENT_RAW) repair_frames(&head, bytes, size);
    if (head.form == SEGMENT_SEALED) repair_blocks(&head, bytes, size);
    segment_head_write(&head, bytes);
}

/* ---- The directory --------------------------------------------------------------------------- */

static const char *directory;

static void make_directory(void) {
    static char path[256];
    const char *above = getenv("TMPDIR");
    if (directory) return;
    snprintf(path, sizeof path, "%s/fuzz_segment.XXXXXX", above ? above : "/tmp");
    directory = mkdtemp(path);
    check(directory, "no directory");
}

static void empty_directory(void) {
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    check(dir, "no directory");
    while ((entry = readdir(dir))) (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static void write_file(uint64_t first_seq, const char *bytes, size_t size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%020llu.seg", directory, (unsigned long long)first_seq);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "cannot write the file");
    close(fd);
}

static int no_sync(int fd) {
    (void)fd;
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Whatever an entry points to can be read. */
static uint64_t look_at(const struct log_entry *entry) {
    struct reel_str parts[] = {entry->bytes,
                               entry->type,
                               entry->subject,
                               entry->nats_subject,
                               entry->answer.key,
                               entry->answer.principal,
                               entry->set_aside,
                               {entry->bytes.data, entry->bytes.len + entry->room},
                               {(const char *)entry->id_hash, entry->id_hash ? 16 : 0}};
    uint64_t sum = entry->seq;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (size_t at = 0; at < parts[i].len; at++) sum = sum * 31 + (uint8_t)parts[i].data[at];
    return sum;
}

struct seen {
    uint64_t count, first_seq, last_seq, sum;
};

/* Is it a log that can be read in whole? */
static bool read_all(struct log *log, bool with_control, struct seen *ret) {
    struct log_walk walk;
    struct log_entry entry;
    struct log_control control;
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    int rc;
    *ret = (struct seen){0};
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    walk.with_control = with_control;
    while ((rc = log_next(&walk, &entry, &error)) > 0 && ret->count < EVENTS_MAX) {
        uint64_t sum = look_at(&entry);
        ret->count++;
        if (entry.flags & LOG_CONTROL) {
            (void)log_read_control(&entry, &control);
            continue;
        }
        if (ret->first_seq == 0) ret->first_seq = entry.seq;
        ret->last_seq = entry.seq;
        if (!with_control) ret->sum = ret->sum * 31 + sum;
    }
    check(rc >= 0 || rc == -EBADMSG || rc == -ENOMEM, "a walk fails in another way");
    log_walk_finish(&walk);
    log_unpin(pin);
    return rc == 0;
}

static void read_some(struct log *log, uint64_t seq) {
    struct log_walk walk = {0};
    struct log_entry entry;
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    if (log_get(&walk, pin, seq, &entry, &error) == 0) look_at(&entry);
    log_walk_finish(&walk);
    if (log_get_last(&walk, pin, seq, &entry, &error) == 0) look_at(&entry);
    log_walk_finish(&walk);
    (void)log_pin_bytes(pin, seq);
    log_unpin(pin);
}

static void note(void *context, const char *file, uint64_t offset, const char *what) {
    (void)file, (void)what;
    check(offset <= *(const size_t *)context, "it is found behind the file's end");
}

static void append_some(struct log *log) {
    struct reel_error error;
    if (log_head(log) > UINT64_MAX / 2) return;
    for (int i = 0; i < 3; i++) {
        struct log_entry entry = {.seq = log_head(log) + 1, .bytes = {"{}", 2}, .size = 2};
        check(log_append(log, &entry, &error) == 0, "it takes no event");
        log_describe(log, &entry);
        check(log_commit(log, &error) == 0, "it cannot be written");
        log_keep(log);
    }
}

/* Opened to write it is the same, takes events, and is packed. */
static void go_on(const struct seen *before, bool whole) {
    struct io io = io_system;
    io.sync = io.sync_directory = no_sync;
    struct log_options options = {
        .directory = directory, .segment_bytes = 64 << 10, .no_helper = true, .io = &io};
    struct reel_error error;
    struct seen seen;
    struct log *log;
    if (log_open(&options, &log, &error) < 0) return;
    if (whole) {
        check(read_all(log, false, &seen), "it was whole when it was opened to read");
        check(seen.count == before->count && seen.sum == before->sum, "it has other events");
    }
    append_some(log);
    while (log_help(log)) continue;
    (void)read_all(log, false, &seen);
    log_close(log);
}

struct listed {
    size_t bytes;
    bool sound;
};

static int look_at_file(void *context, const struct log_file *file) {
    const struct listed *listed = context;
    check(file->kind == LOG_FILE_SEGMENT && file->bytes == listed->bytes, "another file");
    check(!listed->sound || !file->wrong, "its header is damaged, and nothing was found");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct segment_head head;
    struct reel_error error;
    struct log *log;
    if (size < 1 + SEGMENT_PAGE || size > BYTES_MAX) return 0;
    make_directory();
    bool repaired = data[0] & BIT_REPAIR;
    size--;
    char *bytes = malloc(size);
    check(bytes, "out of memory");
    memcpy(bytes, data + 1, size);
    if (repaired) repair(bytes, size);
    memcpy(&head, bytes, sizeof head);
    write_file(head.first_seq, bytes, size);
    free(bytes);
    int findings = log_verify(directory, false, note, &size, &error);
    struct listed listed = {size, findings == 0};
    check(log_files_each(directory, look_at_file, &listed, &error) == 0, "it cannot be listed");
    struct log_options options = {.directory = directory, .read_only = true};
    struct seen seen, with_control;
    bool whole = false;
    if (log_open(&options, &log, &error) == 0) {
        whole = read_all(log, false, &seen);
        (void)read_all(log, true, &with_control);
        check(findings != 0 || whole, "nothing was found, and it cannot be read");
        read_some(log, seen.first_seq);
        read_some(log, seen.last_seq / 2 + 1);
        read_some(log, UINT64_MAX);
        log_close(log);
    }
    go_on(&seen, whole && seen.count < EVENTS_MAX);
    empty_directory();
    return 0;
}
