/* set_aside.c: see set_aside.h. */
#include "engine/fold/set_aside.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#include <reel/reel.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "reel-set-aside"

#define NS_PER_S UINT64_C(1000000000)

/* Longer than any line. */
#define LINE_BYTES 512

static const char *const kind_names[SET_ASIDE_KINDS] = {
    [SET_ASIDE_EVENT] = "event", [SET_ASIDE_RECORD] = "record",   [SET_ASIDE_REQUEST] = "request",
    [SET_ASIDE_KEY] = "key",     [SET_ASIDE_STOPPED] = "stopped", [SET_ASIDE_RELEASED] = "released",
};

/* ---- One line -------------------------------------------------------------------------------- */

static void write_hex(const uint8_t *bytes, size_t count, char *to) {
    for (size_t i = 0; i < count; i++) sprintf(to + 2 * i, "%02x", bytes[i]);
}

static bool read_hex(const char *text, uint8_t *ret, size_t count) {
    if (strlen(text) != 2 * count || strspn(text, "0123456789abcdef") != 2 * count) return false;
    for (size_t i = 0; i < count; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        ret[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

static int write_line(const struct set_aside *line, char to[LINE_BYTES]) {
    char build_id[2 * BUILD_ID_BYTES + 1], hash[2 * CALLBACK_HASH_BYTES + 1];
    write_hex(line->build_id, BUILD_ID_BYTES, build_id);
    write_hex(line->hash, CALLBACK_HASH_BYTES, hash);
    return snprintf(to, LINE_BYTES,
                    MARK " %s %s %s %s %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32 " %" PRIu64
                         " %s end\n",
                    kind_names[line->kind], line->collection, build_id, hash, line->size, line->seq,
                    line->signal, line->ms, line->time_s, line->version[0] ? line->version : "-");
}

static bool find_kind(const char *name, enum set_aside_kind *ret) {
    for (int kind = 0; kind < SET_ASIDE_KINDS; kind++)
        if (strcmp(kind_names[kind], name) == 0) {
            *ret = (enum set_aside_kind)kind;
            return true;
        }
    return false;
}

/* A name of a collection; what is longer than 63 bytes has no place. */
static bool read_line(const char *text, struct set_aside *ret) {
    char kind[16], build_id[64], hash[64], end[4];
    int len = 0;
    *ret = (struct set_aside){0};
    int found = sscanf(text,
                       MARK " %15s %63s %63s %63s %" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNu32
                            " %" SCNu64 " %31s %3s%n",
                       kind, ret->collection, build_id, hash, &ret->size, &ret->seq, &ret->signal,
                       &ret->ms, &ret->time_s, ret->version, end, &len);
    return found == 11 && text[len] == '\0' && strcmp(end, "end") == 0 &&
           find_kind(kind, &ret->kind) && read_hex(build_id, ret->build_id, BUILD_ID_BYTES) &&
           read_hex(hash, ret->hash, CALLBACK_HASH_BYTES);
}

/* Of a line that was cut only the beginning is there. */
static bool is_beginning(const char *text) {
    static const char last[] = " end";
    size_t len = strlen(text), mark_len = strlen(MARK);
    bool has_end = len >= strlen(last) && strcmp(text + len - strlen(last), last) == 0;
    return !has_end && strncmp(text, MARK, len < mark_len ? len : mark_len) == 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int add(struct set_aside_list *list, const struct set_aside *line) {
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count ? 2 * list->count : 1;
        struct set_aside *grown = realloc(list->all, room * sizeof *grown);
        if (!grown) return -ENOMEM;
        list->all = grown;
    }
    list->all[list->count++] = *line;
    return 0;
}

static int compare_sizes(const void *a, const void *b) {
    const struct set_aside *const *left = a, *const *right = b;
    if ((*left)->size != (*right)->size) return (*left)->size < (*right)->size ? -1 : 1;
    return *left < *right ? -1 : *left > *right;
}

static int sort(struct set_aside_list *list) {
    list->sorted = calloc(list->count + 1, sizeof *list->sorted);
    if (!list->sorted) return -ENOMEM;
    for (size_t i = 0; i < list->count; i++) {
        const struct set_aside *line = &list->all[i];
        list->sorted[i] = line;
        if (line->kind == SET_ASIDE_EVENT) list->sizes |= UINT64_C(1) << (line->size & 63);
    }
    qsort(list->sorted, list->count, sizeof *list->sorted, compare_sizes);
    return 0;
}

static int read_lines(FILE *file, struct set_aside_list *ret) {
    char text[LINE_BYTES];
    struct set_aside line;
    int rc = 0;
    for (size_t number = 1; rc == 0 && fgets(text, sizeof text, file); number++) {
        char *end = strchr(text, '\n');
        if (!end && !feof(file) && !ret->damaged) ret->damaged = number;
        if (!end) continue; /* incomplete, or longer than a line can be */
        *end = '\0';
        if (read_line(text, &line))
            rc = add(ret, &line);
        else if (!ret->damaged && !is_beginning(text))
            ret->damaged = number;
    }
    if (rc == 0 && ferror(file)) rc = -EIO;
    return rc;
}

static int path_of(const char *directory, char **ret, struct reel_error *error) {
    if (asprintf(ret, "%s/" SET_ASIDE_FILE, directory) >= 0) return 0;
    *ret = NULL;
    return fail_memory(error);
}

int set_aside_read(const char *directory, struct set_aside_list *ret, struct reel_error *error) {
    AUTO_FREE char *path = NULL;
    int rc = path_of(directory, &path, error);
    if (rc < 0) return rc;
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) return 0;
    if (!file) return fail(error, -errno, "cannot read %s: %s", path, strerror(errno));
    rc = read_lines(file, ret);
    fclose(file);
    if (rc == 0) rc = sort(ret);
    return rc < 0 ? fail(error, rc, "cannot read %s: %s", path, strerror(-rc)) : 0;
}

void set_aside_finish(struct set_aside_list *list) {
    free(list->all);
    free(list->sorted);
    *list = (struct set_aside_list){0};
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static int sync_directory(const char *directory) {
    AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* What a power cut has left incomplete stays, as a line that is not read. */
static bool is_cut(int fd, off_t size) {
    char last = '\n';
    return size > 0 && (pread(fd, &last, 1, size - 1) != 1 || last != '\n');
}

static int append(int fd, const char *text, size_t len) {
    ssize_t done = write(fd, text, len);
    if (done == (ssize_t)len) return fdatasync(fd) < 0 ? -errno : 0;
    return done < 0 ? -errno : -ENOSPC;
}

int set_aside_add(const char *directory, const struct set_aside *line, struct reel_error *error) {
    AUTO_FREE char *path = NULL;
    char text[LINE_BYTES + 1] = "\n";
    struct stat info;
    int rc = path_of(directory, &path, error);
    if (rc < 0) return rc;
    AUTO_CLOSE int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &info) < 0)
        return fail(error, -errno, "cannot write %s: %s", path, strerror(errno));
    int from = is_cut(fd, info.st_size) ? 0 : 1;
    int len = write_line(line, text + 1);
    rc = append(fd, text + from, (size_t)(len + 1 - from));
    if (rc == 0 && info.st_size == 0) rc = sync_directory(directory);
    return rc < 0 ? fail(error, rc, "cannot write %s: %s", path, strerror(-rc)) : 0;
}

/* Has it lines that a release makes good? */
static bool is_releasable(const struct set_aside_list *list, const char *collection) {
    for (size_t i = list->count; i-- > 0;) {
        const struct set_aside *line = &list->all[i];
        if (strcmp(line->collection, collection) != 0) continue;
        if (line->kind == SET_ASIDE_RELEASED) return false;
        if (line->kind != SET_ASIDE_EVENT && line->kind != SET_ASIDE_RECORD) return true;
    }
    return false;
}

int set_aside_release(const char *directory, const char *collection, struct reel_error *error) {
    struct set_aside_list list = {0};
    struct set_aside line = {.kind = SET_ASIDE_RELEASED, .time_s = clock_now_ns() / NS_PER_S};
    snprintf(line.version, sizeof line.version, "%s", reel_version());
    if (snprintf(line.collection, sizeof line.collection, "%s", collection) >=
        (int)sizeof line.collection)
        return 0; /* it cannot be the name of one */
    int rc = set_aside_read(directory, &list, error);
    if (rc == 0 && is_releasable(&list, collection)) rc = set_aside_add(directory, &line, error);
    set_aside_finish(&list);
    return rc;
}

int set_aside_copy(const char *from, const char *to, struct reel_error *error) {
    struct set_aside_list list = {0};
    int rc = set_aside_read(from, &list, error);
    for (size_t i = 0; rc == 0 && i < list.count; i++) rc = set_aside_add(to, &list.all[i], error);
    set_aside_finish(&list);
    return rc;
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* The first one of at least this size, in their order. */
static size_t find_size(const struct set_aside_list *list, uint64_t size) {
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->sorted[middle]->size < size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct set_aside *set_aside_find(const struct set_aside_list *list, enum set_aside_kind kind,
                                       const char *collection,
                                       const uint8_t build_id[BUILD_ID_BYTES],
                                       const uint8_t hash[CALLBACK_HASH_BYTES], uint64_t size) {
    for (size_t i = find_size(list, size); i < list->count; i++) {
        const struct set_aside *line = list->sorted[i];
        if (line->size != size) break;
        if (line->kind == kind && memcmp(line->hash, hash, CALLBACK_HASH_BYTES) == 0 &&
            strcmp(line->collection, collection) == 0 &&
            memcmp(line->build_id, build_id, BUILD_ID_BYTES) == 0)
            return line;
    }
    return NULL;
}

static bool is_about(const struct set_aside *line, const uint8_t hash[CALLBACK_HASH_BYTES],
                     uint64_t seq) {
    return line->kind == SET_ASIDE_EVENT && (seq == 0 || seq == line->seq) &&
           memcmp(line->hash, hash, CALLBACK_HASH_BYTES) == 0;
}

bool set_aside_mark(const struct set_aside_list *list, struct reel_str bytes, uint64_t seq,
                    struct text *ret) {
    uint8_t hash[CALLBACK_HASH_BYTES];
    bool found = false;
    if (!set_aside_has_size(list, bytes.len)) return false;
    callback_hash(bytes, hash);
    for (size_t i = find_size(list, bytes.len); i < list->count; i++) {
        const struct set_aside *line = list->sorted[i];
        if (line->size != bytes.len) break;
        if (!is_about(line, hash, seq)) continue;
        struct log_set_aside mark = {.collection = reel_text(line->collection),
                                     .signal = (uint8_t)line->signal,
                                     .ms = line->ms};
        memcpy(mark.build_id, line->build_id, sizeof mark.build_id);
        log_set_aside_append(ret, &mark);
        found = true;
    }
    return found;
}

const struct set_aside *set_aside_was_stopped(const struct set_aside_list *list,
                                              const char *collection) {
    for (size_t i = list->count; i-- > 0;) {
        const struct set_aside *line = &list->all[i];
        bool is_about = line->kind == SET_ASIDE_STOPPED || line->kind == SET_ASIDE_RELEASED;
        if (is_about && strcmp(line->collection, collection) == 0)
            return line->kind == SET_ASIDE_STOPPED ? line : NULL;
    }
    return NULL;
}

const struct set_aside *set_aside_stop(const struct set_aside_list *list, const char *collection,
                                       const uint8_t build_id[BUILD_ID_BYTES],
                                       const char *version) {
    const struct set_aside *stop = set_aside_was_stopped(list, collection);
    return stop && memcmp(stop->build_id, build_id, BUILD_ID_BYTES) == 0 &&
                   strcmp(stop->version, version) == 0
               ? stop
               : NULL;
}

void set_aside_count(const struct set_aside_list *list, const char *collection,
                     const uint8_t build_id[BUILD_ID_BYTES], struct set_aside_counts *ret) {
    *ret = (struct set_aside_counts){0};
    for (size_t i = 0; i < list->count; i++) {
        const struct set_aside *line = &list->all[i];
        if (strcmp(line->collection, collection) != 0) continue;
        if (line->kind == SET_ASIDE_RELEASED) ret->requests = ret->keys = 0;
        if (memcmp(line->build_id, build_id, BUILD_ID_BYTES) != 0) continue;
        ret->events += line->kind == SET_ASIDE_EVENT || line->kind == SET_ASIDE_RECORD;
        ret->requests += line->kind == SET_ASIDE_REQUEST;
        ret->keys += line->kind == SET_ASIDE_KEY;
    }
}

void set_aside_reason(uint32_t signal, uint32_t ms, char ret[SET_ASIDE_REASON_MAX]) {
    const char *name = signal ? sigabbrev_np((int)signal) : NULL;
    if (ms > 0)
        snprintf(ret, SET_ASIDE_REASON_MAX, "the projector did not return within %" PRIu32 " ms",
                 ms);
    else if (name)
        snprintf(ret, SET_ASIDE_REASON_MAX, "the projector crashed (SIG%s)", name);
    else if (signal)
        snprintf(ret, SET_ASIDE_REASON_MAX, "the projector crashed (signal %" PRIu32 ")", signal);
    else
        snprintf(ret, SET_ASIDE_REASON_MAX, "the projector ended the process");
}
