/* files.c: see files.h. */
#include "client/files.h"

#include "base/cleanup.h"
#include "base/fnv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define POSITION_BYTES_MAX 65536

int file_read(const char *path, size_t most, struct text *ret) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -errno : file_read_all(fd, most, ret);
}

int file_read_all(int fd, size_t most, struct text *ret) {
    for (;;) {
        size_t room = most - ret->len < 65536 ? most - ret->len + 1 : 65536;
        text_reserve(ret, room + 1);
        if (ret->failed) return -ENOMEM;
        ssize_t len = read(fd, ret->data + ret->len, room);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) return -errno;
        ret->len += (size_t)len;
        if (ret->len > most) return -EFBIG;
        if (len > 0) continue;
        ret->data[ret->len] = '\0';
        return 0;
    }
}

/* ---- Positions ------------------------------------------------------------------------------- */

void position_finish(struct position *position) {
    json_decref(position->more);
    *position = (struct position){.more = NULL};
}

char *position_path(const char *file) {
    char *path = NULL;
    return asprintf(&path, "%s.reel-position", file) < 0 ? NULL : path;
}

int position_read(const char *path, struct position *ret) {
    CLEANUP(text_finish) struct text text = {0};
    const char *epoch;
    json_int_t offset, lines, seq;
    const char *hash;
    int rc = file_read(path, POSITION_BYTES_MAX, &text);
    if (rc < 0) return rc;
    json_t *json = json_loadb(text.data, text.len, 0, NULL);
    *ret = (struct position){.offset = 0};
    bool is_read = json_unpack(json, "{s:s, s:I, s:I, s:I, s:s}", "epoch", &epoch, "offset",
                               &offset, "lines", &lines, "seq", &seq, "hash", &hash) == 0 &&
                   strlen(epoch) < sizeof ret->epoch && offset >= 0 && lines >= 0 && seq >= 0;
    if (is_read) {
        strcpy(ret->epoch, epoch);
        ret->offset = (uint64_t)offset;
        ret->lines = (uint64_t)lines;
        ret->seq = (uint64_t)seq;
        ret->hash = strtoull(hash, NULL, 16);
        ret->more = json_incref(json_object_get(json, "counts"));
    }
    json_decref(json);
    return is_read ? 0 : -EINVAL;
}

static int write_all(int fd, struct reel_str text) {
    while (text.len > 0) {
        ssize_t len = write(fd, text.data, text.len);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) return -errno;
        text.data += len;
        text.len -= (size_t)len;
    }
    return fdatasync(fd) < 0 ? -errno : 0;
}

int position_write(const char *path, const struct position *position) {
    AUTO_FREE char *other = NULL;
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)position->hash);
    json_t *json =
        json_pack("{s:s, s:I, s:I, s:I, s:s, s:O*}", "epoch", position->epoch, "offset",
                  (json_int_t)position->offset, "lines", (json_int_t)position->lines, "seq",
                  (json_int_t)position->seq, "hash", hash, "counts", position->more);
    AUTO_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text || asprintf(&other, "%s.new", path) < 0) {
        other = NULL;
        return -ENOMEM;
    }
    AUTO_CLOSE int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = fd < 0 ? -errno : write_all(fd, reel_text(text));
    if (rc == 0 && rename(other, path) < 0) rc = -errno;
    if (rc < 0 && fd >= 0) unlink(other);
    return rc;
}

int position_hash(int fd, uint64_t offset, uint64_t *ret) {
    AUTO_FREE char *bytes = malloc(POSITION_HASHED);
    size_t wanted = offset < POSITION_HASHED ? (size_t)offset : POSITION_HASHED, have = 0;
    if (!bytes) return -ENOMEM;
    while (have < wanted) {
        ssize_t len = pread(fd, bytes + have, wanted - have, (off_t)(offset - wanted + have));
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) return -errno;
        if (len == 0) return -ENODATA; /* the file has become shorter */
        have += (size_t)len;
    }
    *ret = fnv_add(FNV_BEGIN, bytes, wanted);
    return 0;
}
