/* directory.c: see directory.h. */
#include "engine/store/directory.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_NAME "reel.lock"

static int fail_errno(struct reel_error *error, const char *doing) {
    int code = errno;
    return fail(error, -code, "%s: %s", doing, strerror(code));
}

/* Opens a file for writing that must not be a symbolic link. */
static int open_file(int dir, const char *name, struct reel_error *error) {
    int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) return fd;
    if (errno == ELOOP) return fail(error, -ELOOP, "%s is a symbolic link", name);
    return fail_errno(error, name);
}

static void close_directory(DIR **dir) {
    if (*dir) closedir(*dir);
}

/* Syncs the directory that this one is in. */
static int sync_name(int dir, struct reel_error *error) {
    AUTO_CLOSE int above = openat(dir, "..", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (above < 0 || fsync(above) < 0) return fail_errno(error, "cannot sync its name");
    return 0;
}

/* Says who has it. The pid is for people: the lock itself is the kernel's. */
static int fail_busy(int fd, struct reel_error *error) {
    char pid[32] = "";
    ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
    pid[len > 0 ? len : 0] = '\0';
    pid[strcspn(pid, " \n")] = '\0';
    return fail(error, -EBUSY, "process %s has it open", pid[0] ? pid : "(unknown)");
}

int directory_lock(const char *path, int *ret_fd, struct reel_error *error) {
    if (mkdir(path, 0700) < 0 && errno != EEXIST) return fail_errno(error, "cannot make it");
    AUTO_CLOSE int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (dir < 0) return fail_errno(error, "cannot open it");
    AUTO_CLOSE int fd = open_file(dir, LOCK_NAME, error);
    if (fd < 0) return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? fail_busy(fd, error) : fail_errno(error, LOCK_NAME);
    /* The same bytes each time: on a full disk there is room for what is there already. */
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%-20ld\n", (long)getpid());
    if (pwrite(fd, pid, (size_t)len, 0) < 0 && errno != ENOSPC && errno != EDQUOT)
        return fail_errno(error, LOCK_NAME);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int directory_make_empty(const char *path, struct reel_error *error) {
    if (mkdir(path, 0700) == 0) return 0;
    if (errno != EEXIST) return fail_errno(error, "cannot make it");
    CLEANUP(close_directory) DIR *dir = opendir(path);
    if (!dir) return fail_errno(error, "cannot open it");
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return fail(error, -ENOTEMPTY, "it is not empty");
    return 0;
}

int directory_make_temporary(char **ret, struct reel_error *error) {
    const char *parent = getenv("TMPDIR");
    if (!parent || !parent[0]) parent = "/tmp";
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/reel-XXXXXX", parent) < 0) {
        path = NULL;
        return fail_memory(error);
    }
    if (!mkdtemp(path)) {
        int code = errno;
        return fail(error, -code, "%s: %s", parent, strerror(code));
    }
    *ret = TAKE(path);
    return 0;
}

void directory_remove(const char *path) {
    CLEANUP(close_directory) DIR *dir = opendir(path);
    if (!dir) return;
    const struct dirent *entry;
    while ((entry = readdir(dir))) (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)rmdir(path);
}

int directory_allocate(const char *path, const char *name, uint64_t size,
                       struct reel_error *error) {
    AUTO_CLOSE int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (dir < 0) return fail_errno(error, path);
    AUTO_CLOSE int fd = open_file(dir, name, error);
    if (fd < 0) return fd;
    int rc = posix_fallocate(fd, 0, (off_t)size);
    return rc == 0 ? 0 : fail(error, -rc, "%s: %s", name, strerror(rc));
}

int directory_check_no_link(const char *path, const char *name, struct reel_error *error) {
    AUTO_CLOSE int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (dir < 0) return 0; /* whoever opens the file says why not */
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(info.st_mode)) return 0;
    return fail(error, -ELOOP, "%s is a symbolic link", name);
}

int directory_move_up(const char *path, const char *name, struct reel_error *error) {
    AUTO_CLOSE int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (dir < 0) return fail_errno(error, path);
    AUTO_CLOSE int above = openat(dir, "..", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (above < 0 || fchmodat(dir, name, 0600, 0) < 0 || renameat(dir, name, above, name) < 0)
        return fail_errno(error, name);
    return 0;
}

bool directory_has_room(const char *path, uint64_t bytes) {
    AUTO_CLOSE int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int rc = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)bytes);
    return rc != ENOSPC && rc != EDQUOT;
}

int directory_sync(const char *path, struct reel_error *error) {
    AUTO_CLOSE int fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) return fail_errno(error, path);
    return 0;
}

int directory_sync_name(const char *path, struct reel_error *error) {
    AUTO_CLOSE int dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    return dir < 0 ? fail_errno(error, path) : sync_name(dir, error);
}
