/* files.c: see files.h. */
#include "engine/log/files.h"

#include "engine/log/dedup_run.h"
#include "engine/log/log_private.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct listing {
    struct dirent **entries;
    int count;
    struct log_file last; /* a segment, given when it is known what follows */
    bool has_last;
    log_file_fn fn;
    void *context;
};

static void listing_finish(struct listing *listing) {
    for (int i = 0; i < listing->count; i++) free(listing->entries[i]);
    free(listing->entries);
}

/* ---- One file -------------------------------------------------------------------------------- */

static void read_segment(const char page[SEGMENT_PAGE], const char *name, struct log_file *ret) {
    struct segment_head head;
    ret->wrong = segment_head_read(page, &head);
    if (!ret->wrong && strtoull(name, NULL, 10) != head.first_seq)
        ret->wrong = "its name is another one's";
    if (ret->wrong) return;
    ret->number = head.number;
    ret->first_seq = head.first_seq;
    ret->is_sealed = head.form == SEGMENT_SEALED;
    if (!ret->is_sealed) return;
    ret->last_seq = head.last_seq;
    ret->plain_bytes = head.plain_bytes;
}

static void read_run(const char page[SEGMENT_PAGE], const char *name, struct log_file *ret) {
    struct run_head head;
    memcpy(&head, page, sizeof head);
    if (!run_head_fits(&head, page, name, ret->bytes)) {
        ret->wrong = "its header is damaged";
        return;
    }
    ret->first_seq = head.from_seq;
    ret->last_seq = head.to_seq;
    ret->entries = head.count;
    ret->level = head.level;
}

static void copy_name(const char *name, char ret[LOG_FILE_NAME_MAX]) {
    size_t len = 0;
    for (; name[len] && len + 1 < LOG_FILE_NAME_MAX; len++)
        ret[len] = name[len] > ' ' && name[len] <= '~' ? name[len] : '?';
    ret[len] = '\0';
}

static void read_header(int fd, const char *name, struct log_file *ret) {
    char page[SEGMENT_PAGE];
    int rc = ret->bytes < sizeof page ? -EBADMSG : segment_read(fd, page, sizeof page, 0);
    if (rc == -EBADMSG)
        ret->wrong = "it is too short for a header";
    else if (rc < 0)
        ret->wrong = "the disk cannot read it";
    else if (ret->kind == LOG_FILE_SEGMENT)
        read_segment(page, name, ret);
    else
        read_run(page, name, ret);
}

static enum log_file_kind kind_of(const char *name) {
    if (segment_is_name(name)) return LOG_FILE_SEGMENT;
    return run_has_name(name, ".ids") ? LOG_FILE_INDEX : LOG_FILE_OTHER;
}

/* False: it has gone, or is not a file. */
static bool read_file(int directory, const char *name, struct log_file *ret) {
    struct stat stat;
    *ret = (struct log_file){.kind = kind_of(name)};
    copy_name(name, ret->name);
    if (fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(stat.st_mode))
        return false;
    ret->bytes = (uint64_t)stat.st_size;
    if (ret->kind == LOG_FILE_OTHER) return true;
    AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) return false;
    if (fd < 0)
        ret->wrong = "it cannot be opened";
    else
        read_header(fd, name, ret);
    return true;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int give_last(struct listing *listing, const struct log_file *next) {
    struct log_file *last = &listing->last;
    if (!listing->has_last) return 0;
    listing->has_last = false;
    bool follows = next && !next->wrong && next->number == last->number + 1;
    if (!last->wrong && !last->is_sealed && follows) last->last_seq = next->first_seq - 1;
    return listing->fn(listing->context, last);
}

/* The names of other files than those of segments and of the index come behind them. */
static int give(struct listing *listing, const struct log_file *file) {
    if (file->kind == LOG_FILE_INDEX) return listing->fn(listing->context, file);
    int rc = give_last(listing, file);
    if (file->kind != LOG_FILE_SEGMENT) return rc < 0 ? rc : listing->fn(listing->context, file);
    listing->last = *file;
    listing->has_last = true;
    return rc;
}

int log_files_each(const char *directory, log_file_fn fn, void *context, struct reel_error *error) {
    CLEANUP(listing_finish) struct listing listing = {.fn = fn, .context = context};
    AUTO_CLOSE int fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(error, -errno, "%s: %s", directory, strerror(errno));
    listing.count = scandirat(fd, ".", &listing.entries, NULL, alphasort);
    if (listing.count < 0) {
        listing.count = 0;
        return fail(error, -errno, "%s: %s", directory, strerror(errno));
    }
    int rc = 0;
    for (int i = 0; rc == 0 && i < listing.count; i++) {
        struct log_file file;
        if (read_file(fd, listing.entries[i]->d_name, &file)) rc = give(&listing, &file);
    }
    return rc < 0 ? rc : give_last(&listing, NULL);
}
