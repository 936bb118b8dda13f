/* store_copy.c: a copy of the environment (store.h), at the pace of the caller.
 *
 * LMDB writes a compact copy to a descriptor. That is a pipe here, which a thread fills and this
 * one empties into the file: so the copy is never faster than it may be written. It sees the store
 * at the moment at which it was begun.
 */
#include "base/cleanup.h"
#include "base/thread.h"
#include "engine/store/directory.h"
#include "engine/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART_BYTES ((size_t)256 << 10)

struct source {
    MDB_env *env;
    int fd; /* the end of the pipe that it writes; closed by its thread */
    int rc;
};

static void *fill_pipe(void *context) {
    struct source *source = context;
    source->rc = mdb_env_copyfd2(source->env, source->fd, MDB_CP_COMPACT);
    close(source->fd);
    return NULL;
}

static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && (errno == EDQUOT || errno == EFBIG)) return -ENOSPC;
        if (written < 0) return -errno;
        bytes += written;
        len -= (size_t)written;
    }
    return 0;
}

/* So many bytes, fewer only at the end: 0 there. */
static ssize_t read_part(int fd, char *to, size_t len) {
    size_t done = 0;
    while (done < len) {
        ssize_t got = read(fd, to + done, len - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static int empty_pipe(const struct store_copying *copying, int from, int to) {
    AUTO_FREE char *part = malloc(PART_BYTES);
    ssize_t got = part ? 1 : -ENOMEM;
    int rc = 0;
    while (rc == 0 && got > 0) {
        got = read_part(from, part, PART_BYTES);
        if (got <= 0) break;
        if (copying->pace) copying->pace(copying->context, (size_t)got);
        rc = write_all(to, part, (size_t)got);
        if (rc == 0) (void)sync_file_range(to, 0, 0, SYNC_FILE_RANGE_WRITE); /* spreads the work */
    }
    return rc < 0 ? rc : got < 0 ? (int)got : 0;
}

/* LMDB's own error counts, unless it is that nobody reads the pipe any more. */
static int copy_error(int rc, int lmdb_rc, struct reel_error *error) {
    if (rc < 0) return fail(error, rc, "cannot copy: %s", strerror(-rc));
    if (lmdb_rc == MDB_READERS_FULL)
        return fail(error, -EAGAIN, "all places for readers are taken");
    if (lmdb_rc != 0)
        return fail(error, lmdb_rc > 0 ? -lmdb_rc : -EIO, "cannot copy: %s", mdb_strerror(lmdb_rc));
    return 0;
}

static int copy_to(struct store *store, const struct store_copying *copying, int fd,
                   struct reel_error *error) {
    int ends[2];
    pthread_t thread;
    if (pipe2(ends, O_CLOEXEC) < 0) return fail(error, -errno, "cannot copy: %s", strerror(errno));
    struct source source = {.env = store->env, .fd = ends[1]};
    int rc = thread_start(&thread, "reel-copy", fill_pipe, &source);
    if (rc < 0) {
        close(ends[0]);
        close(ends[1]);
        return fail(error, rc, "cannot copy: %s", strerror(-rc));
    }
    rc = empty_pipe(copying, ends[0], fd);
    close(ends[0]);
    pthread_join(thread, NULL);
    rc = copy_error(rc, source.rc, error);
    if (rc == 0 && fdatasync(fd) < 0) rc = fail(error, -errno, "cannot copy: %s", strerror(errno));
    return rc;
}

int store_copy(struct store *store, const struct store_copying *copying, struct reel_error *error) {
    AUTO_FREE char *path = NULL;
    if (atomic_load(&store->broken))
        return fail(error, -EIO, "cannot back up: the store failed earlier, end this process");
    if (asprintf(&path, "%s/data.mdb", copying->directory) < 0) return fail_memory(error);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fail(error, -errno, "cannot copy: %s", strerror(errno));
    int rc = copy_to(store, copying, fd, error);
    return rc < 0 ? rc : directory_sync(copying->directory, error);
}
