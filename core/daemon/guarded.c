/* guarded.c: see guarded.h. */
#include "daemon/guarded.h"

#include "base/exit_code.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Shared with the child: it is the same text there and here. */
static const char **doing;

void guarded_begins(const char *what) {
    if (doing) *doing = what;
}

/* Ends with whoever waits for it. */
static void run(int (*fn)(void *context), void *context, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(EXIT_FAILED);
    int code = fn(context);
    fflush(stdout);
    fflush(stderr);
    _exit(code);
}

static int wait_for(pid_t pid, const char *directory) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return EXIT_FAILED;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    printf("%s: %s was ended by signal %d\n", directory, *doing ? *doing : "looking at it",
           WTERMSIG(status));
    fflush(stdout);
    return EXIT_FAILED;
}

int guarded_run(const char *directory, int (*fn)(void *context), void *context) {
    void *shared =
        mmap(NULL, sizeof *doing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return fn(context);
    doing = shared;
    fflush(stdout);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) run(fn, context, parent);
    return pid < 0 ? fn(context) : wait_for(pid, directory);
}
