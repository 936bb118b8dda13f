/* recorder.c: see recorder.h.
 *
 * The functions have names of their own here, and the C library's for the linker: headers may
 * declare those in other ways (64-bit offsets, checks of sizes). They make the system calls
 * themselves. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATH_ROOM = 1024 };
#define RECORDING_BYTES ((size_t)512 << 20)

struct recording {
    pthread_mutex_t lock;
    bool on;
    char directory[PATH_ROOM];
    size_t directory_len;
    size_t kill_at, count, used;
    uint64_t sync_note;                        /* from the first of this kind on: */
    size_t kill_behind_note;                   /* so many syncs; 0: none, or the note has come */
    size_t kill_at_sync, kill_in_synced_write; /* so many more */
    size_t last;                               /* where the last record is */
    char bytes[];
};

static struct recording *recording;
static _Thread_local void (*before_sync)(void);

__attribute__((noreturn)) static void give_up(const char *what) {
    dprintf(STDERR_FILENO, "recorder: %s\n", what);
    abort();
}

/* ---- Recording ------------------------------------------------------------------------------- */

/* One that was killed may have held it. */
static void make_lock(void) {
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&recording->lock, &shared);
}

static void set_directory(const char *directory) {
    recording->directory_len = strlen(directory);
    if (recording->directory_len >= PATH_ROOM) give_up("the directory's path is too long");
    memcpy(recording->directory, directory, recording->directory_len + 1);
    recording->kill_at = recording->kill_at_sync = recording->kill_in_synced_write = 0;
    recording->kill_behind_note = 0;
    recording->on = true;
}

void recorder_begin(const char *directory) {
    if (!recording) {
        void *map = mmap(NULL, RECORDING_BYTES, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED) give_up("no memory");
        recording = map;
    }
    make_lock();
    recording->count = recording->used = recording->last = 0;
    set_directory(directory);
}

void recorder_end(void) {
    recording->on = false;
}

const struct record *recorder_begin_another(const char *directory) {
    make_lock();
    set_directory(directory);
    return recording->count ? (const void *)(recording->bytes + recording->last) : NULL;
}

void recorder_drop(const struct record *last) {
    size_t dropped = 0;
    for (const struct record *record = last; (record = recorder_next(record));) dropped++;
    recording->count -= dropped;
    recording->last = last ? (size_t)((const char *)last - recording->bytes) : 0;
    recording->used = last ? recording->last + last->size : 0;
}

void recorder_kill_at(size_t n) {
    make_lock();
    recording->kill_at = n ? recording->count + n : 0;
    recording->kill_at_sync = recording->kill_in_synced_write = recording->kill_behind_note = 0;
}

void recorder_kill_at_sync(uint64_t note, size_t n) {
    recorder_kill_at(0);
    recording->sync_note = note;
    recording->kill_behind_note = n;
}

void recorder_kill_in_synced_write(size_t n) {
    recorder_kill_at(0);
    recording->kill_in_synced_write = n;
}

void recorder_before_sync(void (*fn)(void)) {
    before_sync = fn;
}

const struct record *recorder_next(const struct record *record) {
    const char *next = record ? (const char *)record + record->size : recording->bytes;
    return next < recording->bytes + recording->used ? (const void *)next : NULL;
}

size_t recorder_count(void) {
    return recording->count;
}

/* Adds a record with room for `len` bytes. Under the lock. */
static struct record *add(enum record_kind kind, uint64_t file, uint64_t at, uint64_t len) {
    size_t size = (sizeof(struct record) + len + 7) & ~(size_t)7;
    if (offsetof(struct recording, bytes) + recording->used + size > RECORDING_BYTES)
        give_up("the recording is too long");
    struct record *record = (void *)(recording->bytes + recording->used);
    *record = (struct record){
        .size = (uint32_t)size, .kind = (uint8_t)kind, .file = file, .at = at, .len = len};
    recording->last = recording->used;
    recording->used += size;
    recording->count++;
    return record;
}

static bool begin(void) {
    if (!recording || !recording->on) return false;
    pthread_mutex_lock(&recording->lock);
    return true;
}

static void end(bool begun) {
    if (!begun) return;
    pthread_mutex_unlock(&recording->lock);
}

/* Before a change. Under the lock, so that no other thread adds anything more. */
static void kill_if_due(void) {
    if (recording->kill_at == 0 || recording->count < recording->kill_at) return;
    raise(SIGKILL);
}

void recorder_note(uint64_t kind, const void *bytes, size_t len) {
    bool begun = begin();
    if (begun && len > 0) memcpy(add(RECORD_NOTE, 0, kind, len)->bytes, bytes, len);
    if (begun && len == 0) add(RECORD_NOTE, 0, kind, 0);
    if (begun && kind == recording->sync_note && recording->kill_behind_note > 0) {
        recording->kill_at_sync = recording->kill_behind_note;
        recording->kill_behind_note = 0;
    }
    end(begun);
}

/* ---- Paths ----------------------------------------------------------------------------------- */

/* Its path in the directory; NULL: it is not there. */
static const char *below(const char *path) {
    size_t len = recording->directory_len;
    if (strncmp(path, recording->directory, len) != 0) return NULL;
    if (path[len] == '\0') return path + len;
    return path[len] == '/' ? path + len + 1 : NULL;
}

static const char *path_of(int fd, char space[PATH_ROOM]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, space, PATH_ROOM - 1);
    if (len < 0) return NULL;
    space[len] = '\0';
    return below(space);
}

/* Of a name in an open directory, or of a path by itself. */
static const char *path_at(int directory, const char *name, char space[PATH_ROOM]) {
    if (name[0] == '/') return below(name);
    char parent[PATH_ROOM];
    const char *path = path_of(directory, parent);
    if (!path) return NULL;
    int len = snprintf(space, PATH_ROOM, "%s%s%s", path, path[0] ? "/" : "", name);
    return len < PATH_ROOM ? space : NULL;
}

static uint64_t inode_of(int fd) {
    struct stat stat;
    if (fstat(fd, &stat) < 0) give_up("fstat");
    return stat.st_ino;
}

static void add_path(enum record_kind kind, uint64_t file, const char *path) {
    size_t len = strlen(path) + 1;
    memcpy(add(kind, file, 0, len)->bytes, path, len);
}

static int result(long rc) {
    return (int)rc;
}

/* ---- Opening --------------------------------------------------------------------------------- */

#define CALL(name) __asm__(name) __attribute__((visibility("default")))
#define SAME(function, type, name, as)                                                             \
    extern __typeof(function) type __asm__(name) __attribute__((visibility("default"), alias(as)))

static int open_in(int directory, const char *name, int flags, mode_t mode) {
    char space[PATH_ROOM];
    struct stat stat;
    bool begun = begin();
    bool made =
        begun && (flags & O_CREAT) && fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) < 0;
    if (begun && (made || (flags & O_TRUNC))) kill_if_due();
    int fd = result(syscall(SYS_openat, directory, name, flags, mode));
    int code = errno;
    const char *path = fd >= 0 && begun && (made || (flags & O_TRUNC)) ? path_of(fd, space) : NULL;
    if (path && made)
        add_path(RECORD_CREATE, inode_of(fd), path);
    else if (path)
        add(RECORD_TRUNCATE, inode_of(fd), 0, 0);
    end(begun);
    errno = code;
    return fd;
}

static mode_t mode_of(int flags, va_list args) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int our_open(const char *name, int flags, ...) CALL("open");
int our_open(const char *name, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_in(AT_FDCWD, name, flags, mode);
}
SAME(our_open, our_open64, "open64", "open");

int our_openat(int directory, const char *name, int flags, ...) CALL("openat");
int our_openat(int directory, const char *name, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_in(directory, name, flags, mode);
}
SAME(our_openat, our_openat64, "openat64", "openat");

/* ---- Writing --------------------------------------------------------------------------------- */

/* Begins a change of what an open file contains. */
static bool begin_file(int fd) {
    char space[PATH_ROOM];
    int code = errno;
    bool begun = begin();
    if (begun && !path_of(fd, space)) {
        end(begun);
        begun = false;
    }
    if (begun) kill_if_due();
    errno = code;
    return begun;
}

static void kill_if_last(size_t *left) {
    if (*left > 0 && --*left == 0) raise(SIGKILL);
}

/* A process that ends in a synced write has changed the file for all who read it, and perhaps not
 * on the disk. */
static void add_write(int fd, const struct iovec *parts, int count, uint64_t at, uint64_t len) {
    struct record *record = add(RECORD_WRITE, inode_of(fd), at, len);
    uint64_t done = 0;
    for (int i = 0; i < count && done < len; i++) {
        size_t part = parts[i].iov_len < len - done ? parts[i].iov_len : len - done;
        memcpy(record->bytes + done, parts[i].iov_base, part);
        done += part;
    }
    if (!(fcntl(fd, F_GETFL) & O_DSYNC)) return;
    kill_if_last(&recording->kill_in_synced_write);
    record->is_certain = true;
}

ssize_t our_pwrite(int fd, const void *bytes, size_t len, off_t at) CALL("pwrite");
ssize_t our_pwrite(int fd, const void *bytes, size_t len, off_t at) {
    struct iovec part = {(void *)bytes, len};
    bool begun = begin_file(fd);
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, len, at);
    int code = errno;
    if (begun && written > 0) add_write(fd, &part, 1, (uint64_t)at, (uint64_t)written);
    end(begun);
    errno = code;
    return written;
}
SAME(our_pwrite, our_pwrite64, "pwrite64", "pwrite");

/* Of a file that is written where its descriptor stands, which is a pipe's or a terminal's, too. */
static void add_write_behind(int fd, const struct iovec *parts, int count, ssize_t written) {
    if (written <= 0) return;
    off_t end_at = lseek(fd, 0, SEEK_CUR);
    if (end_at >= 0) add_write(fd, parts, count, (uint64_t)(end_at - written), (uint64_t)written);
}

ssize_t our_write(int fd, const void *bytes, size_t len) CALL("write");
ssize_t our_write(int fd, const void *bytes, size_t len) {
    struct iovec part = {(void *)bytes, len};
    bool begun = begin_file(fd);
    ssize_t written = syscall(SYS_write, fd, bytes, len);
    int code = errno;
    if (begun) add_write_behind(fd, &part, 1, written);
    end(begun);
    errno = code;
    return written;
}

ssize_t our_writev(int fd, const struct iovec *parts, int count) CALL("writev");
ssize_t our_writev(int fd, const struct iovec *parts, int count) {
    bool begun = begin_file(fd);
    ssize_t written = syscall(SYS_writev, fd, parts, count);
    int code = errno;
    if (begun) add_write_behind(fd, parts, count, written);
    end(begun);
    errno = code;
    return written;
}

ssize_t our_pwritev(int fd, const struct iovec *parts, int count, off_t at) CALL("pwritev");
ssize_t our_pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    bool begun = begin_file(fd);
    ssize_t written = syscall(SYS_pwritev, fd, parts, count, (long)at, 0L);
    int code = errno;
    if (begun && written > 0) add_write(fd, parts, count, (uint64_t)at, (uint64_t)written);
    end(begun);
    errno = code;
    return written;
}
SAME(our_pwritev, our_pwritev64, "pwritev64", "pwritev");

int our_ftruncate(int fd, off_t len) CALL("ftruncate");
int our_ftruncate(int fd, off_t len) {
    bool begun = begin_file(fd);
    int rc = result(syscall(SYS_ftruncate, fd, len));
    int code = errno;
    if (begun && rc == 0) add(RECORD_TRUNCATE, inode_of(fd), (uint64_t)len, 0);
    end(begun);
    errno = code;
    return rc;
}
SAME(our_ftruncate, our_ftruncate64, "ftruncate64", "ftruncate");

int our_posix_fallocate(int fd, off_t at, off_t len) CALL("posix_fallocate");
int our_posix_fallocate(int fd, off_t at, off_t len) {
    bool begun = begin_file(fd);
    int rc = syscall(SYS_fallocate, fd, 0, at, len) < 0 ? errno : 0;
    if (begun && rc == 0) add(RECORD_EXTEND, inode_of(fd), (uint64_t)(at + len), 0);
    end(begun);
    return rc;
}
SAME(our_posix_fallocate, our_posix_fallocate64, "posix_fallocate64", "posix_fallocate");

/* ---- Syncing --------------------------------------------------------------------------------- */

static int sync_file(int fd, long call) {
    char space[PATH_ROOM];
    bool is_below = recording && recording->on && path_of(fd, space);
    if (is_below && before_sync) before_sync();
    bool begun = begin_file(fd);
    if (begun) kill_if_last(&recording->kill_at_sync);
    int rc = result(syscall(call, fd));
    int code = errno;
    if (begun && rc == 0) add(RECORD_SYNC, inode_of(fd), 0, 0);
    end(begun);
    errno = code;
    return rc;
}

int our_fsync(int fd) CALL("fsync");
int our_fsync(int fd) {
    return sync_file(fd, SYS_fsync);
}

int our_fdatasync(int fd) CALL("fdatasync");
int our_fdatasync(int fd) {
    return sync_file(fd, SYS_fdatasync);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static int rename_at(int from, const char *name, int to, const char *to_name) {
    char space[PATH_ROOM], to_space[PATH_ROOM];
    bool begun = begin();
    const char *path = begun ? path_at(from, name, space) : NULL;
    const char *to_path = begun ? path_at(to, to_name, to_space) : NULL;
    if (path && to_path) kill_if_due();
    int rc = result(syscall(SYS_renameat2, from, name, to, to_name, 0));
    int code = errno;
    if (rc == 0 && !path != !to_path) give_up("a file is moved into the directory, or out of it");
    if (rc == 0 && path && to_path) {
        size_t len = strlen(path) + 1, to_len = strlen(to_path) + 1;
        struct record *record = add(RECORD_RENAME, 0, 0, len + to_len);
        memcpy(record->bytes, path, len);
        memcpy(record->bytes + len, to_path, to_len);
    }
    end(begun);
    errno = code;
    return rc;
}

int our_rename(const char *from, const char *to) CALL("rename");
int our_rename(const char *from, const char *to) {
    return rename_at(AT_FDCWD, from, AT_FDCWD, to);
}

int our_renameat(int from, const char *name, int to, const char *to_name) CALL("renameat");
int our_renameat(int from, const char *name, int to, const char *to_name) {
    return rename_at(from, name, to, to_name);
}

static int link_at(int from, const char *name, int to, const char *to_name, int flags) {
    char space[PATH_ROOM];
    struct stat stat;
    bool begun = begin();
    const char *path = begun ? path_at(to, to_name, space) : NULL;
    if (path) kill_if_due();
    int rc = result(syscall(SYS_linkat, from, name, to, to_name, flags));
    int code = errno;
    if (rc == 0 && path) {
        if (fstatat(to, to_name, &stat, AT_SYMLINK_NOFOLLOW) < 0) give_up("fstatat");
        add_path(RECORD_LINK, stat.st_ino, path);
    }
    end(begun);
    errno = code;
    return rc;
}

int our_linkat(int from, const char *name, int to, const char *to_name, int flags) CALL("linkat");
int our_linkat(int from, const char *name, int to, const char *to_name, int flags) {
    return link_at(from, name, to, to_name, flags);
}

static int remove_at(int directory, const char *name, int flags) {
    char space[PATH_ROOM];
    bool begun = begin();
    const char *path = begun ? path_at(directory, name, space) : NULL;
    if (path) kill_if_due();
    int rc = result(syscall(SYS_unlinkat, directory, name, flags));
    int code = errno;
    if (rc == 0 && path) add_path(RECORD_REMOVE, 0, path);
    end(begun);
    errno = code;
    return rc;
}

int our_unlinkat(int directory, const char *name, int flags) CALL("unlinkat");
int our_unlinkat(int directory, const char *name, int flags) {
    return remove_at(directory, name, flags);
}

int our_unlink(const char *path) CALL("unlink");
int our_unlink(const char *path) {
    return remove_at(AT_FDCWD, path, 0);
}

int our_rmdir(const char *path) CALL("rmdir");
int our_rmdir(const char *path) {
    return remove_at(AT_FDCWD, path, AT_REMOVEDIR);
}

static int make_at(int directory, const char *name, mode_t mode) {
    char space[PATH_ROOM];
    struct stat stat;
    bool begun = begin();
    const char *path = begun ? path_at(directory, name, space) : NULL;
    if (path) kill_if_due();
    int rc = result(syscall(SYS_mkdirat, directory, name, mode));
    int code = errno;
    if (rc == 0 && path) {
        if (fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) < 0) give_up("fstatat");
        add_path(RECORD_MKDIR, stat.st_ino, path);
    }
    end(begun);
    errno = code;
    return rc;
}

int our_mkdirat(int directory, const char *name, mode_t mode) CALL("mkdirat");
int our_mkdirat(int directory, const char *name, mode_t mode) {
    return make_at(directory, name, mode);
}

int our_mkdir(const char *path, mode_t mode) CALL("mkdir");
int our_mkdir(const char *path, mode_t mode) {
    return make_at(AT_FDCWD, path, mode);
}
