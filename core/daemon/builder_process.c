/* builder_process.c: see builder_process.h. In this order: starting; reading; judging.
 *
 * The process shows its callbacks in a page that is shared with this one, as a worker does for the
 * supervisor. So a callback that does not return is found, and one that crashes has a name. */
#include "daemon/builder_process.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/file.h"
#include "daemon/hangs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* How often it looks whether a run was cancelled. */
#define LOOK_MS 50

/* For a process that has answered: it has this time to unload its plugins. */
#define UNLOAD_MS 5000

/* Most that a builder may print: a page of a history, and one record more. */
#define OUTPUT_BYTES_MAX ((size_t)40 << 20)

struct process {
    pid_t pid;
    int out;
    struct callback_page *page; /* which it writes: its callbacks are watched from here */
};

/* ---- Starting -------------------------------------------------------------------------------- */

/* A descriptor that is given to itself stays open in the new process. */
static int add_descriptors(const struct builder_run *run, posix_spawn_file_actions_t *actions,
                           int in, int out, int page) {
    int rc = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);
    if (rc == 0) rc = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (rc == 0) rc = posix_spawn_file_actions_adddup2(actions, page, page);
    for (size_t i = 0; rc == 0 && i < run->descriptor_count; i++)
        rc = posix_spawn_file_actions_adddup2(actions, run->descriptors[i], run->descriptors[i]);
    return rc;
}

static int spawn(const struct builder_run *run, int in, int out, int page, pid_t *ret) {
    char number[16];
    const char *const argv[] = {"reeld", "build", number, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    snprintf(number, sizeof number, "%d", page);
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0) return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = add_descriptors(run, &actions, in, out, page);
        if (rc == 0) rc = posix_spawnattr_setsigmask(&attributes, &none);
        if (rc == 0) rc = posix_spawnattr_setsigdefault(&attributes, &all);
        if (rc == 0)
            rc = posix_spawnattr_setflags(&attributes,
                                          POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP); /* one of its own */
        if (rc == 0)
            rc = posix_spawn(ret, "/proc/self/exe", &actions, &attributes, (char *const *)argv,
                             environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static int make_page(int *ret_fd, struct callback_page **ret, struct reel_error *error) {
    AUTO_CLOSE int fd = memfd_create("callbacks", MFD_CLOEXEC);
    void *page = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof **ret) == 0)
        page = mmap(NULL, sizeof **ret, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return fail(error, -EAGAIN, "cannot start a builder: %s", strerror(errno));
    *ret = page;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int process_start(const struct builder_run *run, const struct text *arguments,
                         struct process *ret, struct reel_error *error) {
    int ends[2];
    AUTO_CLOSE int in = -1; /* in memory, the length has no limit, and nobody else can see them */
    if (arguments->failed) return fail_memory(error);
    int rc = file_in_memory("arguments", arguments->data, arguments->len, &in, error);
    if (rc < 0) return rc;
    AUTO_CLOSE int page = -1;
    rc = make_page(&page, &ret->page, error);
    if (rc < 0) return rc;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        callbacks_destroy(ret->page);
        return fail(error, -errno, "pipe: %s", strerror(errno));
    }
    rc = spawn(run, in, ends[1], page, &ret->pid);
    close(ends[1]);
    ret->out = ends[0];
    if (rc == 0) return 0;
    close(ends[0]);
    callbacks_destroy(ret->page);
    return fail(error, -EAGAIN, "cannot start a builder: %s", strerror(rc));
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Each tick of `hangs`: does a callback not return? */
static int look_for_hangs(const struct process *process, struct hangs *hangs,
                          struct reel_error *error) {
    uint32_t limit_ms;
    uint64_t now_ms = clock_ms();
    if (hangs->looked_ms && now_ms < hangs->looked_ms + hangs->tick_ms) return 0;
    int slot = hangs_look(hangs, process->page, process->pid, now_ms, &limit_ms);
    if (!slot) return 0;
    if (!hangs_describe(process->page, slot, 0, limit_ms, error))
        error_set(error, "a plugin did not return within %u ms", limit_ms);
    return -EIO;
}

/* It is not reaped yet: its number is still its own. */
static bool has_ended(const struct process *process) {
    siginfo_t ended = {.si_pid = 0};
    int rc = waitid(P_PID, (id_t)process->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
    return rc == 0 && ended.si_pid == process->pid;
}

/* Reads what it prints until it ends. What a plugin has forked may keep its output open. */
static int process_read(const struct process *process, const struct builder_run *run,
                        struct text *to, struct reel_error *error) {
    uint64_t until_ms = clock_ms() + run->time_ms_max;
    struct hangs hangs;
    hangs_init(&hangs, run->evolve_ms_max, run->decide_ms_max);
    for (;;) {
        struct pollfd out = {.fd = process->out, .events = POLLIN};
        bool is_over = has_ended(process);
        int ready = poll(&out, 1, hangs.tick_ms < LOOK_MS ? (int)hangs.tick_ms : LOOK_MS);
        if (run->is_cancelled(run->context)) return fail(error, -ECANCELED, "it was cancelled");
        if (clock_ms() >= until_ms)
            return fail(error, -EAGAIN, "it took longer than %s: the machine is busy",
                        run->time_setting);
        int rc = look_for_hangs(process, &hangs, error);
        if (rc < 0) return rc;
        if (ready == 0 && is_over) return 0;
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

/* After that time it is killed, and then also what plugins have forked. The status is that of a
 * process that has ended by itself; 0: it has not. */
static int process_wait(const struct process *process, uint32_t most_ms) {
    uint64_t until_ms = clock_ms() + most_ms;
    int status = 0;
    while (!has_ended(process) && clock_left_ms(until_ms) > 0) usleep(1000);
    bool was_over = has_ended(process);
    kill(-process->pid, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR) continue;
    return was_over ? status : 0;
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* Its answer is not complete. What the way in which it has ended says. */
static int judge_end(const struct process *process, const struct builder_run *run, int status,
                     struct reel_error *error) {
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGXCPU)
        return fail(error, -E2BIG, "it takes more of the processor than %s", run->cpu_setting);
    if (signal == SIGKILL)
        return fail(error, -EAGAIN, "the builder was ended: the machine's memory is short");
    if (hangs_describe(process->page, 0, signal, 0, error)) return -EIO;
    if (signal)
        return fail(error, -EIO, "the builder was ended by signal %d (%s): a plugin has crashed",
                    signal, strsignal(signal));
    return fail(error, -EIO,
                "a builder's answer is not complete: a plugin may have ended its process");
}

/* Its own errors. What was trimmed or replaced while it was reading may succeed the next time, or
 * then says why not. */
static int judge_output(const struct builder_run *run, const struct build_output *output,
                        struct reel_error *error) {
    if (output->rc == -ENOSPC || output->rc == -ENOMEM)
        return fail(error, -E2BIG, "it takes more than %s: %s",
                    output->rc == -ENOSPC ? run->bytes_setting : "build_memory_bytes_max",
                    output->error.text);
    if (output->rc == 0 || output->rc == -ESTALE)
        return output->rc < 0 ? fail(error, -ESTALE, "%s", output->error.text) : 0;
    bool is_passing = output->rc == -EAGAIN || output->rc == -ERANGE || /* the files changed */
                      output->rc == -ENOENT || output->rc == -EBADMSG;
    return fail(error, is_passing ? -EAGAIN : -EIO, "%s", output->error.text);
}

/* With a complete answer, it does not matter what plugins do when they are unloaded. */
static int judge(const struct process *process, const struct builder_run *run, int status,
                 const struct text *printed, struct build_output *ret, struct reel_error *error) {
    int rc = build_output_read(text_str(printed), ret);
    if (rc == -ENOMEM) return fail_memory(error);
    return rc < 0 ? judge_end(process, run, status, error) : judge_output(run, ret, error);
}

int builder_run(const struct builder_run *run, const struct text *arguments,
                struct text *ret_printed, struct build_output *ret, struct reel_error *error) {
    struct process process;
    int rc = process_start(run, arguments, &process, error);
    if (rc < 0) return rc;
    rc = process_read(&process, run, ret_printed, error);
    close(process.out);
    int status = process_wait(&process, rc < 0 ? 0 : UNLOAD_MS);
    if (rc == 0) rc = judge(&process, run, status, ret_printed, ret, error);
    callbacks_destroy(process.page);
    return rc;
}
