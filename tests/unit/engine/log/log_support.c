/* log_support.c: see log_support.h. */
#include "log_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct log_options opened_with = {.segment_bytes = 16 << 10, .no_helper = true, .io = &failing_io};

/* ---- A log ----------------------------------------------------------------------------------- */

const char *log_made(void) {
    const char *directory = scratch_directory();
    struct log_facts facts = {.epoch = {1, 2, 3}, .first_seq = 1, .first_deletion = 1};
    struct reel_error error;
    must_ok(log_create(directory, &facts, 0, NULL, &error), error);
    return directory;
}

struct log *opened(const char *directory) {
    struct log_options options = opened_with;
    struct reel_error error;
    struct log *log;
    options.directory = directory;
    must_ok(log_open(&options, &log, &error), error);
    return log;
}

void refused(const char *directory, const char *part) {
    struct log_options options = opened_with;
    struct reel_error error;
    struct log *log;
    options.directory = directory;
    assert_int_equal(log_open(&options, &log, &error), -EBADMSG);
    assert_sentence(&error, part);
}

void crash(struct log *log) {
    atomic_store(&log->broken, true);
    log_close(log);
}

/* ---- Groups ---------------------------------------------------------------------------------- */

struct log_entry entry_of(uint64_t seq, const char *bytes, const char *type, const char *subject) {
    return (struct log_entry){
        .seq = seq,
        .time_ns = seq * 1000,
        .size = (uint32_t)strlen(bytes),
        .bytes = reel_text(bytes),
        .type = reel_text(type),
        .subject = reel_text(subject),
    };
}

void gather(struct log *log, const struct log_entry *entry) {
    struct log_entry copy = *entry;
    struct reel_error error;
    must_ok(log_append(log, &copy, &error), error);
    log_describe(log, &copy);
}

/* Content by which an event is known again: not the same, and not too hard to pack. */
static void fill_content(char *to, size_t len, uint64_t seq) {
    for (size_t i = 0; i < len; i++) to[i] = (char)('a' + (seq * 31 + i * (1 + seq % 7)) % 26);
}

int try_append(struct log *log, uint64_t first, size_t count, size_t bytes) {
    char *content = malloc(bytes + 1);
    struct reel_error error;
    for (size_t i = 0; i < count; i++) {
        fill_content(content, bytes, first + i);
        content[bytes] = '\0';
        struct log_entry entry = entry_of(first + i, content, NULL, NULL);
        gather(log, &entry);
    }
    free(content);
    int rc = log_commit(log, &error);
    if (rc == 0) log_keep(log);
    return rc;
}

void append(struct log *log, uint64_t first, size_t count, size_t bytes) {
    assert_int_equal(try_append(log, first, count, bytes), 0);
}

void append_one(struct log *log, uint64_t seq) {
    append(log, seq, 1, 100);
}

/* ---- What is in it --------------------------------------------------------------------------- */

void assert_range(struct log *log, uint64_t first, uint64_t last) {
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    for (uint64_t seq = first; seq <= last; seq++) {
        int rc = log_next(&walk, &entry, &error);
        if (rc != 1) fail_msg("event %llu: %d", (unsigned long long)seq, rc);
        assert_int_equal(entry.seq, seq);
        char *content = malloc(entry.bytes.len + 1);
        fill_content(content, entry.bytes.len, seq);
        must(entry.bytes.len == 0 || memcmp(content, entry.bytes.data, entry.bytes.len) == 0);
        free(content);
    }
    assert_int_equal(log_next(&walk, &entry, &error), 0);
    log_walk_finish(&walk);
    log_unpin(pin);
}

void assert_seqs(struct log *log, uint64_t from, uint64_t to, const uint64_t *seqs, size_t count) {
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    log_walk_start(&walk, pin, from, to);
    for (size_t at = 0; at < count; at++) {
        assert_int_equal(log_next(&walk, &entry, &error), 1);
        assert_int_equal(entry.seq, seqs[at]);
    }
    assert_int_equal(log_next(&walk, &entry, &error), 0);
    log_walk_finish(&walk);
    log_unpin(pin);
}

size_t count_segments(struct log *log, bool sealed_only) {
    struct log_pin *pin = log_pin(log);
    struct log_segment segment;
    size_t count = 0;
    for (size_t i = 0; log_pin_segment(pin, i, &segment); i++)
        if (segment.sealed || !sealed_only) count++;
    log_unpin(pin);
    return count;
}

void seal_all(struct log *log) {
    struct reel_error error;
    int rc;
    while ((rc = log_seal_one(log, &error)) > 0) continue;
    must_ok(rc, error);
}

/* ---- Files ----------------------------------------------------------------------------------- */

const char *segment_path(const char *directory, size_t n) {
    struct segment_names names = {0};
    struct reel_error error;
    int fd = open(directory, O_DIRECTORY | O_RDONLY);
    must_ok(segment_names_read(fd, &names, &error), error);
    close(fd);
    must(n < names.count);
    const char *path = path_in(directory, names.names[n]);
    segment_names_finish(&names);
    return path;
}

size_t count_files(const char *directory) {
    DIR *dir = opendir(directory);
    size_t count = 0;
    while (readdir(dir)) count++;
    closedir(dir);
    return count - 2;
}

uint64_t end_of(struct log *log) {
    return atomic_load(&log->active->end);
}

void overwrite(const char *path, uint64_t at, const void *bytes, size_t len) {
    int fd = open(path, O_RDWR);
    must(fd >= 0 && pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len);
    close(fd);
}

void flip(const char *path, uint64_t at) {
    char byte;
    int fd = open(path, O_RDWR);
    must(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
    byte ^= 0x10;
    must(pwrite(fd, &byte, 1, (off_t)at) == 1);
    close(fd);
}

uint64_t size_of(const char *path) {
    struct stat file;
    must(stat(path, &file) == 0);
    return (uint64_t)file.st_size;
}

/* ---- Disks that fail ------------------------------------------------------------------------- */

static struct {
    enum call call;
    size_t at;
    int code;
    size_t part;
    bool each;
} failure;

atomic_size_t calls[CALLS];

void fail_call(enum call call, size_t n, int code, size_t part) {
    failure.call = call;
    failure.at = n > 0 ? calls[call] + n : 0;
    failure.code = code;
    failure.part = part;
    failure.each = false;
}

void fail_each_call(enum call call, int code) {
    fail_call(call, 0, code, 0);
    failure.each = true;
}

static bool is_to_fail(enum call call) {
    size_t count = atomic_fetch_add(&calls[call], 1) + 1;
    return failure.call == call && (failure.each || count == failure.at);
}

static int failing_open(int directory, const char *name, int flags) {
    return is_to_fail(CALL_OPEN) ? failure.code : io_system.open(directory, name, flags);
}

static ssize_t failing_write(int fd, const void *bytes, size_t len, uint64_t at) {
    if (!is_to_fail(CALL_WRITE)) return io_system.write(fd, bytes, len, at);
    size_t part = failure.part < len ? failure.part : len - 1;
    if (part > 0) {
        fail_call(CALL_WRITE, 1, failure.code, 0); /* the rest */
        return io_system.write(fd, bytes, part, at);
    }
    return failure.code;
}

static int failing_sync(int fd) {
    (void)fd; /* what a power cut does is for power_test.c */
    return is_to_fail(CALL_SYNC) ? failure.code : 0;
}

static int failing_sync_directory(int fd) {
    (void)fd;
    return is_to_fail(CALL_SYNC_DIRECTORY) ? failure.code : 0;
}

static int failing_rename(int directory, const char *from, const char *to) {
    return is_to_fail(CALL_RENAME) ? failure.code : io_system.rename(directory, from, to);
}

static int failing_unlink(int directory, const char *name) {
    return is_to_fail(CALL_UNLINK) ? failure.code : io_system.unlink(directory, name);
}

static int failing_link(int directory, const char *from, const char *to) {
    return is_to_fail(CALL_LINK) ? failure.code : io_system.link(directory, from, to);
}

static int failing_truncate(int fd, uint64_t len) {
    return is_to_fail(CALL_TRUNCATE) ? failure.code : io_system.truncate(fd, len);
}

static int no_push(int fd, uint64_t at, uint64_t len) {
    (void)fd, (void)at, (void)len;
    return 0;
}

const struct io failing_io = {
    .open = failing_open,
    .write = failing_write,
    .sync = failing_sync,
    .sync_directory = failing_sync_directory,
    .rename = failing_rename,
    .unlink = failing_unlink,
    .link = failing_link,
    .truncate = failing_truncate,
    .push = no_push,
};
