/* supervisor.c: see supervisor.h. In this order: the sockets; the worker's beginning; what it says;
 * signals; ticks; its end; all of it. */
#include "daemon/supervisor.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exit_code.h"
#include "base/invariant.h"
#include "daemon/hangs.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/verdict.h"
#include "daemon/worker.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "reeld"

enum {
    KEPT_MAX = 512,
    CRASHES_MAX = 128,
    RESTARTS_MAX = 3, /* within RESTARTS_MS, of those that are counted */
    RESTARTS_MS = 60000,
    PAUSE_MS = 100,        /* before the first of them; twice as long before each next one */
    KILL_MS = 500,         /* a hanging worker has this time to say what it was given */
    UNLOAD_MS = 5000,      /* one that has ended has this time, to unload its plugins */
    DYING_MS = 60000,      /* a crashing one has this time, such as to write its core */
    SILENT_MS_MAX = 10000, /* without a beat, a worker is not alive for the service manager */
    BEGINNING_MS = 600000, /* that a worker may take until it is ready, for the same */
    CALLER_CRASHES = 3,    /* of one token, within CALLER_MS: it is blocked for BLOCKED_MS */
    CALLER_MS = 600000,
    BLOCKED_MS = 60000,
};

struct kept_list {
    struct {
        char name[KEPT_NAME_MAX];
        int fd;
    } list[KEPT_MAX];
    size_t count;
};

struct supervisor {
    const struct supervisor_options *options;
    int (*work)(void *context);
    void *context;
    struct callback_page *page;
    struct worker_shared *shared;
    struct hangs hangs;
    struct verdicts verdicts;
    int signals; /* a signalfd */
    sigset_t before;
    struct kept_list kept, staged;
    struct kept_list previous; /* what the worker before had, until the present one is ready */
    bool may_go_back;

    /* The present worker. */
    pid_t worker; /* 0: there is none */
    int control;
    bool is_ready, is_stopping;
    bool is_leaving; /* what is staged is for the next one */
    int hung;        /* the slot, and 1, for which it is being ended */
    uint32_t hung_ms;
    uint64_t kill_ms;  /* then: when it is killed; 0: it was */
    uint64_t dying_ms; /* since when it has said what it dies of; 0: it has not */
    uint64_t ended_ms; /* since when only its plugins must be unloaded; 0: it runs */
    bool is_late;      /* then: it was killed, because that took too long */

    /* Tokens whose commands have crashed projectors; the oldest crash is overwritten. */
    struct {
        uint8_t caller[CALLBACK_HASH_BYTES];
        uint64_t at_ms;
    } crashes[CRASHES_MAX];
    size_t crash_count; /* ever */

    bool was_ready;   /* any worker */
    bool has_failed;  /* workers have ended too often, or the last one without having said so */
    int asked;        /* the signal by which the daemon shall end; 0: it shall not */
    int at_once;      /* the signal that asked a second time */
    uint64_t down_ms; /* since when there is no worker that answers; 0: there is one */
    uint64_t restarted_ms[RESTARTS_MAX]; /* when, of those that are counted */

    /* For the service manager. */
    uint64_t watchdog_ms, notified_ms; /* 0: it wants nothing */
    uint64_t beats, beaten_ms;
};

/* The log may go to a pipe that is not read. A supervisor that waits for it would watch nobody. */
#define say(level, ...) (can_say() ? log_line((level), SELF, __VA_ARGS__) : (void)0)
static bool can_say(void) {
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && out.revents & POLLOUT;
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static void list_add_take(struct kept_list *list, const char *name, int fd) {
    if (list->count == KEPT_MAX) {
        close(fd); /* the next worker opens it anew */
        return;
    }
    snprintf(list->list[list->count].name, KEPT_NAME_MAX, "%s", name);
    list->list[list->count++].fd = fd;
}

static int list_steal(struct kept_list *list, size_t at) {
    int fd = list->list[at].fd;
    memmove(&list->list[at], &list->list[at + 1], (--list->count - at) * sizeof *list->list);
    return fd;
}

static void list_close(struct kept_list *list) {
    while (list->count > 0) close(list->list[--list->count].fd);
}

static bool begins_with(const char *name, const char *beginning) {
    return strncmp(name, beginning, strlen(beginning)) == 0;
}

/* These two in the worker, to which its copy of the list belongs. */
static int find_kept(void *context, const char *name) {
    struct kept_list *kept = &((struct supervisor *)context)->kept;
    for (size_t i = 0; i < kept->count; i++)
        if (strcmp(kept->list[i].name, name) == 0) return list_steal(kept, i);
    return -1;
}

static const char *first_kept(void *context, const char *beginning) {
    const struct kept_list *kept = &((struct supervisor *)context)->kept;
    for (size_t i = 0; i < kept->count; i++)
        if (begins_with(kept->list[i].name, beginning)) return kept->list[i].name;
    return NULL;
}

static void list_remove(struct kept_list *list, const char *name) {
    for (size_t i = 0; i < list->count;)
        if (strcmp(list->list[i].name, name) == 0)
            close(list_steal(list, i));
        else
            i++;
}

/* When the daemon ends, clients are refused as soon as the worker has closed its own. */
static void close_kept(struct supervisor *supervisor) {
    list_close(&supervisor->kept);
    list_close(&supervisor->staged);
    list_close(&supervisor->previous);
}

/* What differs between a worker and the one that takes its place. */
static bool is_replaced(const char *name) {
    return begins_with(name, KEPT_PLUGIN) || strcmp(name, KEPT_CHOSEN) == 0 ||
           strcmp(name, KEPT_CONFIG) == 0;
}

static void list_move_replaced(struct kept_list *from, struct kept_list *to) {
    for (size_t i = 0; i < from->count;) {
        const char *name = from->list[i].name;
        if (is_replaced(name)) {
            list_add_take(to, name, from->list[i].fd);
            (void)list_steal(from, i);
        } else {
            i++;
        }
    }
}

/* What the last worker has staged takes the place of what it had; or nobody needs it. */
static void use_staged(struct supervisor *supervisor) {
    if (!supervisor->is_leaving) {
        list_close(&supervisor->staged);
        return;
    }
    list_close(&supervisor->previous);
    list_move_replaced(&supervisor->kept, &supervisor->previous);
    list_move_replaced(&supervisor->staged, &supervisor->kept);
    supervisor->is_leaving = false;
    supervisor->may_go_back = true;
}

/* The worker that has taken the place of another one could not start. */
static bool goes_back(struct supervisor *supervisor) {
    struct kept_list failed = {.count = 0};
    if (!supervisor->may_go_back || supervisor->asked || supervisor->at_once) return false;
    say(REEL_LEVEL_ERROR, "the new worker could not start: the old plugins are used again");
    list_move_replaced(&supervisor->kept, &failed);
    list_move_replaced(&supervisor->previous, &supervisor->kept);
    list_close(&failed);
    supervisor->may_go_back = supervisor->has_failed = false;
    return true;
}

/* ---- The worker begins ----------------------------------------------------------------------- */

__attribute__((noreturn)) static void be_worker(struct supervisor *supervisor, pid_t parent,
                                                int control) {
    static struct keeper keeper = {.find = find_kept, .first = first_kept};
    sigset_t mask = supervisor->before; /* what comes meanwhile waits for signals_wait */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(EXIT_FAILED);
    prctl(PR_SET_NAME, "reeld-worker");
    close(supervisor->signals);
    close(supervisor->control);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    worker_begin(supervisor->shared, supervisor->page, control);
    keeper.context = supervisor;
    worker_use_keeper(&keeper);
    exit(supervisor->work(supervisor->context));
}

static int start_worker(struct supervisor *supervisor) {
    int ends[2];
    use_staged(supervisor);
    callbacks_reset(supervisor->page);
    hangs_reset(&supervisor->hangs);
    atomic_store(&supervisor->shared->broken, false);
    atomic_store(&supervisor->shared->ended, 0);
    supervisor->shared->unloading[0] = '\0';
    supervisor->is_ready = supervisor->is_stopping = false;
    supervisor->hung = 0;
    supervisor->kill_ms = supervisor->dying_ms = supervisor->ended_ms = 0;
    supervisor->is_late = false;
    supervisor->beaten_ms = clock_ms();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    supervisor->control = ends[0];
    fflush(NULL);
    pid_t self = getpid(), pid = fork();
    int code = errno;
    if (pid == 0) be_worker(supervisor, self, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -code;
    }
    supervisor->worker = pid;
    if (atomic_load(&supervisor->shared->reload_wanted)) kill(pid, SIGHUP);
    return 0;
}

/* ---- What it says ---------------------------------------------------------------------------- */

static void be_ready(struct supervisor *supervisor) {
    uint64_t now_ms = clock_ms();
    supervisor->is_ready = true;
    supervisor->may_go_back = false;
    list_close(&supervisor->previous);
    if (!supervisor->was_ready) notify("READY=1");
    supervisor->was_ready = true;
    if (!supervisor->down_ms) return;
    uint64_t took_ms = now_ms - supervisor->down_ms;
    atomic_fetch_add(&supervisor->shared->down_ms, took_ms);
    supervisor->down_ms = 0;
    say(REEL_LEVEL_INFO, "a new worker answers, after %" PRIu64 " ms", took_ms);
}

static void hear(struct supervisor *supervisor, const struct worker_message *message, int fd) {
    switch (message->word) {
    case WORKER_READY:
        be_ready(supervisor);
        break;
    case WORKER_STOPPING:
        supervisor->is_stopping = true;
        notify("STOPPING=1");
        close_kept(supervisor);
        break;
    case WORKER_LEAVING:
        supervisor->is_leaving = true;
        supervisor->down_ms = clock_ms();
        break;
    case WORKER_KEEP:
    case WORKER_RENEW:
    case WORKER_STAGE:
        if (fd < 0) return;
        if (message->word == WORKER_RENEW) list_remove(&supervisor->kept, message->name);
        list_add_take(message->word == WORKER_STAGE ? &supervisor->staged : &supervisor->kept,
                      message->name, fd);
        return;
    }
    if (fd >= 0) close(fd);
}

/* False: it says nothing more. */
static bool receive(struct supervisor *supervisor) {
    struct worker_message message;
    struct iovec bytes = {&message, sizeof message};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } rights;
    struct msghdr header = {.msg_iov = &bytes,
                            .msg_iovlen = 1,
                            .msg_control = &rights,
                            .msg_controllen = sizeof rights.space};
    ssize_t len = recvmsg(supervisor->control, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len < 0) return errno == EAGAIN || errno == EINTR;
    const struct cmsghdr *head = CMSG_FIRSTHDR(&header);
    int fd = -1;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    if (len != sizeof message) {
        if (fd >= 0) close(fd);
        return len > 0;
    }
    message.name[sizeof message.name - 1] = '\0';
    hear(supervisor, &message, fd);
    return true;
}

/* ---- Signals --------------------------------------------------------------------------------- */

static void pass_on(const struct supervisor *supervisor, int signal) {
    if (supervisor->worker) kill(supervisor->worker, signal);
}

static void ask_to_end(struct supervisor *supervisor, int signal) {
    if (!supervisor->asked) {
        supervisor->asked = signal;
        pass_on(supervisor, signal);
    } else if (supervisor->is_stopping) {
        supervisor->at_once = signal;
        pass_on(supervisor, SIGKILL);
    }
}

static void read_signals(struct supervisor *supervisor) {
    struct signalfd_siginfo info;
    while (read(supervisor->signals, &info, sizeof info) == sizeof info) {
        int signal = (int)info.ssi_signo;
        if (signal == SIGTERM || signal == SIGINT) ask_to_end(supervisor, signal);
        if (signal == SIGHUP) atomic_store(&supervisor->shared->reload_wanted, true);
        if (signal == SIGHUP || signal == SIGUSR1) pass_on(supervisor, signal);
    }
}

/* ---- Ticks ----------------------------------------------------------------------------------- */

/* The thread that hangs is told by a signal, whose handler says what the callback was given, and
 * lets the process end. If it cannot, the process is killed. */
static void end_hanging(struct supervisor *supervisor, int slot, uint64_t now_ms) {
    pid_t thread = atomic_load(&supervisor->page->slots[slot - 1].thread);
    supervisor->hung = slot;
    supervisor->kill_ms = now_ms + KILL_MS;
    if (!supervisor->down_ms) supervisor->down_ms = now_ms - supervisor->hung_ms;
    syscall(SYS_tgkill, supervisor->worker, thread, SIGABRT);
}

/* It has said what it dies of, and may be writing its core: the callback has not hung. */
static bool is_dying(struct supervisor *supervisor, uint64_t now_ms) {
    if (supervisor->hung || atomic_load(&supervisor->page->blamed) == BLAMED_NONE) return false;
    if (!supervisor->dying_ms) supervisor->dying_ms = now_ms;
    if (now_ms - supervisor->dying_ms > DYING_MS) kill(supervisor->worker, SIGKILL);
    return true;
}

static void look_for_hangs(struct supervisor *supervisor, uint64_t now_ms) {
    uint32_t limit_ms;
    int slot =
        hangs_look(&supervisor->hangs, supervisor->page, supervisor->worker, now_ms, &limit_ms);
    if (is_dying(supervisor, now_ms)) return;
    if (supervisor->hung) {
        if (now_ms >= supervisor->kill_ms) kill(supervisor->worker, SIGKILL);
    } else if (slot) {
        supervisor->hung_ms = limit_ms;
        end_hanging(supervisor, slot, now_ms);
    }
}

/* Begins with the plugin that is being unloaded. Any plugin may have written over its name. */
#define say_unloading(supervisor, format, ...)                                                     \
    say(REEL_LEVEL_ERROR, "%.*s " format, KEPT_NAME_MAX - 1,                                       \
        (supervisor)->shared->unloading[0] ? (supervisor)->shared->unloading                       \
                                           : "a plugin or a library",                              \
        __VA_ARGS__)

static void look_for_late_end(struct supervisor *supervisor, uint64_t now_ms) {
    if (!atomic_load(&supervisor->shared->ended) || supervisor->is_late) return;
    if (!supervisor->ended_ms) supervisor->ended_ms = now_ms;
    if (now_ms - supervisor->ended_ms < UNLOAD_MS) return;
    supervisor->is_late = true;
    say_unloading(supervisor, "has not ended within %d s when it was unloaded: it is killed",
                  UNLOAD_MS / 1000);
    kill(supervisor->worker, SIGKILL);
}

/* Without a sign of life from the worker, the service manager hears nothing, and acts. */
static void tell_manager(struct supervisor *supervisor, uint64_t now_ms) {
    uint64_t beats = atomic_load(&supervisor->shared->beats);
    uint64_t silent_ms_max = supervisor->is_ready ? SILENT_MS_MAX : BEGINNING_MS;
    if (!supervisor->watchdog_ms) return;
    if (beats != supervisor->beats) supervisor->beaten_ms = now_ms;
    supervisor->beats = beats;
    if (now_ms - supervisor->beaten_ms > silent_ms_max) return;
    if (now_ms - supervisor->notified_ms < supervisor->watchdog_ms / 3) return;
    supervisor->notified_ms = now_ms;
    notify("WATCHDOG=1");
}

/* sd_watchdog_enabled(3) */
static uint64_t read_watchdog(void) {
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!usec || (pid && atol(pid) != (long)getpid())) return 0;
    return strtoull(usec, NULL, 10) / 1000;
}

static void tick(struct supervisor *supervisor) {
    uint64_t now_ms = clock_ms();
    if (supervisor->worker) look_for_hangs(supervisor, now_ms);
    if (supervisor->worker) look_for_late_end(supervisor, now_ms);
    tell_manager(supervisor, now_ms);
}

/* Waits for a signal or a message, at most until the next tick. */
static void wait_a_little(struct supervisor *supervisor, uint64_t *next_ms) {
    struct pollfd fds[] = {{.fd = supervisor->signals, .events = POLLIN},
                           {.fd = supervisor->control, .events = POLLIN}};
    poll(fds, supervisor->control >= 0 ? 2 : 1, (int)clock_left_ms(*next_ms));
    if (fds[1].fd >= 0 && fds[1].revents && !receive(supervisor)) {
        close(supervisor->control);
        supervisor->control = -1;
    }
    if (fds[0].revents) read_signals(supervisor);
    if (clock_left_ms(*next_ms) > 0) return;
    tick(supervisor);
    *next_ms = clock_ms() + supervisor->hangs.tick_ms;
}

/* ---- The worker ends ------------------------------------------------------------------------- */

/* Also reaps others, of which this process may be the parent as process 1. */
static bool has_ended(const struct supervisor *supervisor, int *ret_status) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != supervisor->worker) continue;
        *ret_status = status;
        return true;
    }
    return false;
}

/* A plugin that crashes, exits or hangs while it is unloaded changes nothing: the worker has ended
 * before. */
static int status_of_end(const struct supervisor *supervisor, int status) {
    int ended = atomic_load(&supervisor->shared->ended);
    bool is_unloading = supervisor->shared->unloading[0];
    if (!ended || supervisor->at_once || (WIFEXITED(status) && !is_unloading)) return status;
    if (WIFEXITED(status))
        say_unloading(supervisor, "has ended the process with exit code %d when it was unloaded",
                      WEXITSTATUS(status));
    else if (!supervisor->is_late)
        say_unloading(supervisor, "has crashed when it was unloaded: signal %d (%s)",
                      WTERMSIG(status), strsignal(WTERMSIG(status)));
    return W_EXITCODE(ended - 1, 0);
}

static int watch(struct supervisor *supervisor) {
    uint64_t next_ms = clock_ms() + supervisor->hangs.tick_ms;
    int status;
    while (!has_ended(supervisor, &status)) wait_a_little(supervisor, &next_ms);
    while (supervisor->control >= 0 && receive(supervisor)) { /* what it has said before */
        struct pollfd left = {.fd = supervisor->control, .events = POLLIN};
        if (poll(&left, 1, 0) <= 0) break;
    }
    if (supervisor->control >= 0) close(supervisor->control);
    supervisor->control = -1;
    supervisor->worker = 0;
    return status_of_end(supervisor, status);
}

/* How long to wait before a restart that is counted; false: there were too many. */
static bool may_restart(struct supervisor *supervisor, uint32_t *ret_pause_ms) {
    uint64_t now_ms = clock_ms();
    uint32_t recent = 0, oldest = 0;
    for (uint32_t i = 0; i < RESTARTS_MAX; i++) {
        uint64_t at_ms = supervisor->restarted_ms[i];
        if (at_ms && now_ms - at_ms < RESTARTS_MS) recent++;
        if (at_ms < supervisor->restarted_ms[oldest]) oldest = i;
    }
    if (recent == RESTARTS_MAX) return false;
    supervisor->restarted_ms[oldest] = now_ms;
    *ret_pause_ms = (uint32_t)PAUSE_MS << recent;
    return true;
}

static void block(struct worker_shared *shared, const uint8_t caller[CALLBACK_HASH_BYTES],
                  uint64_t now_ms) {
    size_t at = 0; /* the one that ends first */
    for (size_t i = 1; i < WORKER_BLOCKED_MAX; i++)
        if (shared->blocked[i].until_ms < shared->blocked[at].until_ms) at = i;
    memcpy(shared->blocked[at].caller, caller, CALLBACK_HASH_BYTES);
    shared->blocked[at].until_ms = now_ms + BLOCKED_MS;
}

/* A token whose requests crash projectors again and again has to wait. */
static void count_crash(struct supervisor *supervisor, const uint8_t caller[CALLBACK_HASH_BYTES]) {
    static const uint8_t unknown[CALLBACK_HASH_BYTES];
    uint64_t now_ms = clock_ms();
    size_t recent = 0, at = supervisor->crash_count++ % CRASHES_MAX;
    if (memcmp(caller, unknown, sizeof unknown) == 0) return;
    memcpy(supervisor->crashes[at].caller, caller, CALLBACK_HASH_BYTES);
    supervisor->crashes[at].at_ms = now_ms;
    for (size_t i = 0; i < CRASHES_MAX; i++)
        recent += memcmp(supervisor->crashes[i].caller, caller, CALLBACK_HASH_BYTES) == 0 &&
                  now_ms - supervisor->crashes[i].at_ms < CALLER_MS;
    if (recent < CALLER_CRASHES) return;
    block(supervisor->shared, caller, now_ms);
    say(REEL_LEVEL_WARNING, "a token whose requests crash projectors has to wait for %d s",
        BLOCKED_MS / 1000);
}

/* True if another worker shall be started, after the pause. */
static bool decide(struct supervisor *supervisor, int status, uint32_t *ret_pause_ms) {
    struct verdict verdict;
    bool has_said = atomic_load(&supervisor->shared->ended); /* or a plugin has ended it */
    bool is_good = has_said && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_GOOD;
    *ret_pause_ms = 0;
    if (supervisor->at_once) return false;
    verdict_find(&supervisor->verdicts, supervisor->page, status, supervisor->hung,
                 supervisor->hung ? supervisor->hung_ms : 0, &verdict);
    if (is_good && !verdict.is_plugin) return supervisor->is_leaving;
    if (verdict.is_plugin) say(REEL_LEVEL_ERROR, "%s", verdict.sentence);
    if (verdict.has_caller) count_crash(supervisor, verdict.caller);
    if (verdict.is_set_aside) return true;
    bool is_worth_it = verdict.is_plugin || atomic_load(&supervisor->shared->broken) ||
                       supervisor->is_leaving || (supervisor->was_ready && !has_said);
    if (!is_worth_it || supervisor->asked) {
        supervisor->has_failed = !has_said; /* also if a plugin has ended it with 0 */
        return false;
    }
    if (!verdict.is_plugin) say(REEL_LEVEL_ERROR, "%s", verdict.sentence);
    if (may_restart(supervisor, ret_pause_ms)) return true;
    say(REEL_LEVEL_ERROR, "this happens too often: the daemon ends");
    supervisor->has_failed = true;
    return false;
}

static void pause_for(struct supervisor *supervisor, uint32_t pause_ms) {
    uint64_t until_ms = clock_ms() + pause_ms;
    uint32_t left_ms;
    while (!supervisor->asked && (left_ms = clock_left_ms(until_ms)) > 0) {
        uint64_t next_ms =
            clock_ms() +
            (left_ms < supervisor->hangs.tick_ms ? left_ms : supervisor->hangs.tick_ms);
        wait_a_little(supervisor, &next_ms);
    }
}

/* Runs workers, until one has ended for good. */
static int run_workers(struct supervisor *supervisor, int *ret_status) {
    uint32_t pause_ms = 0;
    for (;;) {
        int rc = start_worker(supervisor);
        if (rc < 0) return rc;
        *ret_status = watch(supervisor);
        if (!decide(supervisor, *ret_status, &pause_ms) && !goes_back(supervisor)) return 0;
        bool is_replaced = supervisor->is_leaving && WIFEXITED(*ret_status) &&
                           WEXITSTATUS(*ret_status) == EXIT_GOOD;
        if (supervisor->asked) { /* what it had to answer for is durable, and set aside */
            *ret_status = 0;
            return 0;
        }
        if (!supervisor->down_ms) supervisor->down_ms = clock_ms();
        atomic_fetch_add(
            is_replaced ? &supervisor->shared->replaced : &supervisor->shared->restarts, 1);
        pause_for(supervisor, pause_ms);
        if (supervisor->asked) {
            *ret_status = 0;
            return 0;
        }
    }
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int begin(struct supervisor *supervisor, struct reel_error *error) {
    sigset_t signals;
    sigemptyset(&signals);
    const int wanted[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) sigaddset(&signals, wanted[i]);
    sigprocmask(SIG_BLOCK, &signals, &supervisor->before);
    supervisor->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    supervisor->page = callbacks_create();
    void *shared = mmap(NULL, sizeof *supervisor->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (supervisor->signals < 0 || !supervisor->page || shared == MAP_FAILED)
        return fail(error, -errno, "cannot begin to supervise: %s", strerror(errno));
    supervisor->shared = shared;
    return 0;
}

static int release(const struct supervisor_options *options, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && options->released && options->released[i]; i++)
        rc = set_aside_release(options->directory, options->released[i], error);
    return rc;
}

static void end(struct supervisor *supervisor) {
    close_kept(supervisor);
    if (supervisor->signals >= 0) close(supervisor->signals);
    callbacks_destroy(supervisor->page);
    if (supervisor->shared) munmap(supervisor->shared, sizeof *supervisor->shared);
}

/* By the same signal as the worker, so that whoever waits sees the same as without a supervisor.
 * The worker has dumped its core already. Process 1 survives its own signals. */
static int end_like(const struct supervisor *supervisor, int status) {
    if (WIFEXITED(status))
        return supervisor->has_failed && WEXITSTATUS(status) == EXIT_GOOD ? EXIT_FAILED
                                                                          : WEXITSTATUS(status);
    const struct rlimit no_core = {0};
    int signal = supervisor->at_once ? supervisor->at_once : WTERMSIG(status);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0);
    struct sigaction as_usual = {.sa_handler = SIG_DFL};
    sigaction(signal, &as_usual, NULL);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    raise(signal);
    return 128 + signal;
}

int supervisor_run(const struct supervisor_options *options, int (*work)(void *context),
                   void *context) {
    struct supervisor supervisor = {
        .options = options,
        .work = work,
        .context = context,
        .signals = -1,
        .control = -1,
        .watchdog_ms = read_watchdog(),
        .verdicts = {.directory = options->directory,
                     .strikes_max = options->strikes_max,
                     .strikes_s = options->strikes_s},
    };
    struct reel_error error = {0};
    int status = 0;
    hangs_init(&supervisor.hangs, options->evolve_ms_max, options->decide_ms_max);
    int rc = begin(&supervisor, &error);
    if (rc == 0) rc = release(options, &error);
    if (rc < 0) {
        log_line(REEL_LEVEL_ERROR, SELF, "%s", error.text);
    } else {
        rc = run_workers(&supervisor, &status);
        if (rc < 0) log_line(REEL_LEVEL_ERROR, SELF, "cannot start a worker: %s", strerror(-rc));
    }
    int code = rc < 0 ? EXIT_FAILED : end_like(&supervisor, status);
    end(&supervisor);
    return code;
}
