/* disk.c: see disk.h. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_PERMITTED = 77 };

static bool write_line(const char *path, const char *line) {
    FILE *file = fopen(path, "we");
    if (!file) return false;
    fputs(line, file);
    return fclose(file) == 0;
}

/* Outside we are who we are, inside root. */
static bool map_id(const char *path, unsigned id) {
    char line[32];
    snprintf(line, sizeof line, "0 %u 1", id);
    return write_line(path, line);
}

/* As root of a namespace of our own, where we are not root already. */
static bool enter_namespace(void) {
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWNS) == 0) return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    return write_line("/proc/self/setgroups", "deny") && map_id("/proc/self/uid_map", uid) &&
           map_id("/proc/self/gid_map", gid);
}

static void mount_disk(const char *directory, const char *options) {
    if (!enter_namespace()) child_end(NOT_PERMITTED);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) child_end(NOT_PERMITTED);
    if (mount("tmpfs", directory, "tmpfs", 0, options) != 0) child_end(NOT_PERMITTED);
}

void write_ballast(const char *path, size_t bytes) {
    static const char zeros[4096];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(file >= 0);
    size_t done = 0;
    while (done < bytes) {
        ssize_t part = write(file, zeros, sizeof zeros);
        if (part < 0) must(errno == ENOSPC);
        if (part <= 0) break;
        done += (size_t)part;
    }
    must(done > 0);
    close(file);
}

void run_on_disk(void (*run)(const char *directory), const char *options) {
    const char *directory = scratch_directory(), *rest = scratch_directory();
    struct child child;
    if (child_begin(&child)) {
        must(setenv("TMPDIR", rest, 1) == 0); /* what it leaves is removed with us */
        mount_disk(directory, options);
        run(directory);
        child_end(0);
    }
    int status = child_wait(&child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED) {
        print_message("mounting a small tmpfs is not permitted here: not tested\n");
        skip();
    }
    if (WIFSIGNALED(status)) support_failed(__FILE__, __LINE__, "%s", strsignal(WTERMSIG(status)));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void leave_room(const char *directory, const char *ballast, size_t bytes) {
    struct statvfs disk;
    must(statvfs(directory, &disk) == 0);
    write_ballast(ballast, (size_t)(disk.f_bavail * disk.f_bsize) - bytes);
}

void make_disk_read_only(const char *directory) {
    must(mount(NULL, directory, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
}

/* ---- A disk that does not answer ------------------------------------------------------------- */

static char *asan_options; /* as they were, or NULL */

void stalls_begin(const char *file) {
    const char *options = getenv("ASAN_OPTIONS");
    struct text asan = {0};
    asan_options = options ? strdup(options) : NULL;
    text_format(&asan, "%s:verify_asan_link_order=0", options ? options : "");
    setenv("ASAN_OPTIONS", asan.data, 1); /* the preloaded one comes before its runtime */
    free(asan.data);
    setenv("LD_PRELOAD", build_path("tests/support/stalled_disk.so"), 1);
    setenv("STALLED_DISK_FILE", file, 1);
}

void stalls_end(void) {
    unsetenv("STALLED_DISK_FILE");
    unsetenv("LD_PRELOAD");
    if (asan_options)
        setenv("ASAN_OPTIONS", asan_options, 1);
    else
        unsetenv("ASAN_OPTIONS");
    free(asan_options);
    asan_options = NULL;
}
