/* builder_process.c: see builder_process.h. In this order: starting; reading; judging. */
#include "daemon/builder_process.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/file.h"
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

/* How often it looks whether a run was cancelled, and how long it may take to end. */
#define LOOK_MS 50

/* Most that a builder may print: a page of a history, and one record more. */
#define OUTPUT_BYTES_MAX ((size_t)40 << 20)

struct process {
    pid_t pid;
    int out;
};

/* ---- Starting -------------------------------------------------------------------------------- */

/* A descriptor that is given to itself stays open in the new process. */
static int add_descriptors(const struct builder_run *run, posix_spawn_file_actions_t *actions,
                           int in, int out) {
    int rc = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);
    if (rc == 0) rc = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    for (size_t i = 0; rc == 0 && i < run->descriptor_count; i++)
        rc = posix_spawn_file_actions_adddup2(actions, run->descriptors[i], run->descriptors[i]);
    return rc;
}

static int spawn(const struct builder_run *run, int in, int out, pid_t *ret) {
    static const char *const argv[] = {"reeld", "build", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0) return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = add_descriptors(run, &actions, in, out);
        if (rc == 0) rc = posix_spawnattr_setsigmask(&attributes, &none);
        if (rc == 0) rc = posix_spawnattr_setsigdefault(&attributes, &all);
        if (rc == 0)
            rc = posix_spawnattr_setflags(&attributes,
                                          POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (rc == 0)
            rc = posix_spawn(ret, "/proc/self/exe", &actions, &attributes, (char *const *)argv,
                             environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static int process_start(const struct builder_run *run, const struct text *arguments,
                         struct process *ret, struct reel_error *error) {
    int ends[2];
    AUTO_CLOSE int in = -1; /* in memory, the length has no limit, and nobody else can see them */
    if (arguments->failed) return fail_memory(error);
    int rc = file_in_memory("arguments", arguments->data, arguments->len, &in, error);
    if (rc < 0) return rc;
    if (pipe2(ends, O_CLOEXEC) < 0) return fail(error, -errno, "pipe: %s", strerror(errno));
    rc = spawn(run, in, ends[1], &ret->pid);
    close(ends[1]);
    ret->out = ends[0];
    if (rc == 0) return 0;
    close(ends[0]);
    return fail(error, -EAGAIN, "cannot start a builder: %s", strerror(rc));
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Reads what it prints until it ends. */
static int process_read(const struct process *process, const struct builder_run *run,
                        struct text *to, struct reel_error *error) {
    uint64_t until_ms = clock_ms() + run->time_ms_max;
    for (;;) {
        struct pollfd out = {.fd = process->out, .events = POLLIN};
        int ready = poll(&out, 1, LOOK_MS);
        if (run->is_cancelled(run->context)) return fail(error, -ECANCELED, "it was cancelled");
        if (clock_ms() >= until_ms)
            return fail(error, -EAGAIN, "it took longer than %s: the machine is busy",
                        run->time_setting);
        if (ready <= 0) continue;
        text_reserve(to, 65536);
        if (to->failed) return fail_memory(error);
        ssize_t len = read(process->out, to->data + to->len, to->size - to->len);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) return 0;
        to->len += (size_t)len;
        if (to->len > OUTPUT_BYTES_MAX)
            return fail(error, -E2BIG, "a builder's answer is too large");
    }
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* What the way in which it ended says. */
static int judge_end(int status, struct reel_error *error) {
    if (WIFEXITED(status)) return 0; /* what it has printed says more */
    switch (WTERMSIG(status)) {
    case SIGXCPU:
        return fail(error, -E2BIG, "it takes more of the processor than build_cpu_s_max");
    case SIGKILL:
        return fail(error, -EAGAIN, "the builder was ended: the machine's memory is short");
    default:
        return fail(
            error, -EIO,
            "the builder was ended by signal %d (%s): a plugin has crashed while the log was "
            "folded again",
            WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
}

static int process_end(const struct process *process, int rc, struct reel_error *error) {
    int status = 0;
    close(process->out);
    if (rc < 0) kill(process->pid, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR) continue;
    return rc < 0 ? rc : judge_end(status, error);
}

/* Its own errors. What was trimmed or replaced while it was reading may succeed the next time, or
 * then says why not. */
static int judge_output(const struct build_output *output, struct reel_error *error) {
    if (output->rc == -ENOSPC || output->rc == -ENOMEM)
        return fail(error, -E2BIG,
                    "it takes more than build_bytes_max or build_memory_bytes_max: %s",
                    output->error.text);
    if (output->rc == 0 || output->rc == -ESTALE)
        return output->rc < 0 ? fail(error, -ESTALE, "%s", output->error.text) : 0;
    bool is_passing = output->rc == -EAGAIN || output->rc == -ERANGE || /* the files changed */
                      output->rc == -ENOENT || output->rc == -EBADMSG;
    return fail(error, is_passing ? -EAGAIN : -EIO, "%s", output->error.text);
}

int builder_run(const struct builder_run *run, const struct text *arguments,
                struct text *ret_printed, struct build_output *ret, struct reel_error *error) {
    struct process process;
    int rc = process_start(run, arguments, &process, error);
    if (rc < 0) return rc;
    rc = process_read(&process, run, ret_printed, error);
    rc = process_end(&process, rc, error);
    if (rc < 0) return rc;
    rc = build_output_read(text_str(ret_printed), ret);
    return rc < 0 ? fail(error, -EIO,
                         "a builder's answer is not complete: a plugin may have ended its process")
                  : judge_output(ret, error);
}
