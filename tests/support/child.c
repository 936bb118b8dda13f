/* child.c: a process of its own for what must be killed, refused or starved.
 *
 * Forked, not executed: it has the test's code and data at hand. That is sound because no Reel is
 * open and no other thread runs when it begins. */
#include "support.h"

#include "support_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

bool support_in_child;

/* cmocka turns a fault into a failed test of its own, here that of another process. */
static void forget_handlers(void) {
    static const int faults[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS};
    for (size_t at = 0; at < sizeof faults / sizeof faults[0]; at++) signal(faults[at], SIG_DFL);
}

bool child_begin(struct child *child) {
    int up[2], down[2];
    must(pipe2(up, O_CLOEXEC) == 0);
    must(pipe2(down, O_CLOEXEC) == 0);
    signal(SIGPIPE, SIG_IGN); /* whoever is left sees an error instead */
    fflush(NULL);
    child->pid = fork();
    must(child->pid >= 0);
    if (child->pid == 0) {
        support_in_child = true;
        forget_handlers();
        close(up[0]);
        close(down[1]);
        child->from = down[0];
        child->to = up[1];
        return true;
    }
    close(up[1]);
    close(down[0]);
    child->from = up[0];
    child->to = down[1];
    return false;
}

void child_end(int status) {
    fflush(NULL);
    _exit(status);
}

void child_say(struct child *child, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        ssize_t done = write(child->to, at, len);
        if (done < 0 && errno == EINTR) continue;
        must(done > 0);
        at += done;
        len -= (size_t)done;
    }
}

bool child_hear(struct child *child, void *ret, size_t len) {
    char *at = ret;
    while (len > 0) {
        ssize_t done = read(child->from, at, len);
        if (done < 0 && errno == EINTR) continue;
        must(done >= 0);
        if (done == 0) return false;
        at += done;
        len -= (size_t)done;
    }
    return true;
}

int child_wait(struct child *child) {
    int status;
    pid_t pid;
    do pid = waitpid(child->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    must(pid == child->pid);
    close(child->from);
    close(child->to);
    return status;
}

pid_t worker_of(pid_t pid) {
    char path[64];
    int worker = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &worker) != 1) worker = 0;
    if (file) fclose(file);
    return worker ? worker : pid;
}

bool has_other_worker(pid_t supervisor, pid_t before) {
    pid_t worker = worker_of(supervisor);
    return worker != supervisor && worker != before;
}
