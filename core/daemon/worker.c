/* worker.c: see worker.h. */
#include "daemon/worker.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The system should rather end the worker than the supervisor, if memory is short. */
#define OOM_SCORE_MORE 200
#define OOM_SCORE_MAX  1000

/* Set once, before there are other threads. */
static struct worker_shared *shared;
static int control = -1;

/* ---- Messages -------------------------------------------------------------------------------- */

static void send_message(const struct worker_message *message, int fd) {
    struct iovec bytes = {(void *)message, sizeof *message};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof fd)];
    } rights = {0};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (fd >= 0) {
        header.msg_control = &rights;
        header.msg_controllen = sizeof rights.space;
        rights.head = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
        memcpy(CMSG_DATA(&rights.head), &fd, sizeof fd);
    }
    while (sendmsg(control, &header, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

/* Only by the main thread. */
static kept_number_value *find_number(void *context, const char *name) {
    (void)context;
    for (size_t i = 0; i < WORKER_NUMBERS_MAX; i++) {
        char *own = shared->numbers[i].name;
        if (!own[0]) snprintf(own, sizeof shared->numbers[i].name, "%s", name);
        if (strcmp(own, name) == 0) return &shared->numbers[i].value;
    }
    return NULL;
}

static void send_descriptor(enum worker_word word, const char *name, int fd) {
    struct worker_message message = {.word = word};
    snprintf(message.name, sizeof message.name, "%s", name);
    send_message(&message, fd);
}

static void keep(void *context, const char *name, int fd) {
    (void)context;
    send_descriptor(WORKER_KEEP, name, fd);
}

void worker_renew(const char *name, int fd) {
    if (shared) send_descriptor(WORKER_RENEW, name, fd);
}

void worker_stage(const char *name, int fd) {
    INVARIANT(shared);
    send_descriptor(WORKER_STAGE, name, fd);
}

void worker_leaving(void) {
    const struct worker_message message = {.word = WORKER_LEAVING};
    INVARIANT(shared);
    send_message(&message, -1);
}

void worker_ready(void) {
    const struct worker_message message = {.word = WORKER_READY};
    if (shared)
        send_message(&message, -1);
    else
        notify("READY=1");
}

void worker_stopping(void) {
    const struct worker_message message = {.word = WORKER_STOPPING};
    if (shared)
        send_message(&message, -1);
    else
        notify("STOPPING=1");
}

void worker_has_ended(int exit_code) {
    if (shared) atomic_store(&shared->ended, exit_code + 1);
}

void worker_unloads(const char *path) {
    if (shared) snprintf(shared->unloading, sizeof shared->unloading, "%s", path);
}

void worker_begins_reload(void) {
    if (shared) atomic_store(&shared->reload_wanted, false);
}

/* ---- Beginning ------------------------------------------------------------------------------- */

static void raise_oom_score(void) {
    char text[32] = "";
    AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) return;
    int score = atoi(text) + OOM_SCORE_MORE;
    int len = snprintf(text, sizeof text, "%d\n", score < OOM_SCORE_MAX ? score : OOM_SCORE_MAX);
    (void)!pwrite(fd, text, (size_t)len, 0); /* then both are equal */
}

void worker_begin(struct worker_shared *given, struct callback_page *page, int socket) {
    shared = given;
    control = socket;
    callbacks_watch(page);
    raise_oom_score();
}

bool worker_is_supervised(void) {
    return shared != NULL;
}

const struct worker_shared *worker_shared(void) {
    return shared;
}

void worker_use_keeper(struct keeper *keeper) {
    keeper->keep = keep;
    keeper->number = find_number;
    kept_use(keeper);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static const int fault_signals[] = {SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
enum { FAULT_SIGNALS = sizeof fault_signals / sizeof *fault_signals };

static struct sigaction as_before[FAULT_SIGNALS];

/* The instruction is executed again; but a signal that was sent must be sent again. */
static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    callbacks_blame(signal);
    for (int i = 0; i < FAULT_SIGNALS; i++)
        if (fault_signals[i] == signal) sigaction(signal, &as_before[i], NULL);
    if (info->si_code <= 0) raise(signal);
}

void worker_watch_faults(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (!shared) return;
    for (int i = 0; i < FAULT_SIGNALS; i++) sigaction(fault_signals[i], &action, &as_before[i]);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

bool worker_has_blocked(struct reel_str caller) {
    uint8_t hash[CALLBACK_HASH_BYTES];
    bool any = false, found = false;
    for (size_t i = 0; shared && i < WORKER_BLOCKED_MAX; i++)
        any = any || shared->blocked[i].until_ms > 0;
    if (!any || caller.len == 0) return false;
    callback_hash(caller, hash);
    for (size_t i = 0; i < WORKER_BLOCKED_MAX; i++)
        found = found || (memcmp(shared->blocked[i].caller, hash, sizeof hash) == 0 &&
                          clock_left_ms(shared->blocked[i].until_ms) > 0);
    return found;
}

/* ---- State ----------------------------------------------------------------------------------- */

void worker_beat(void) {
    if (shared) atomic_fetch_add(&shared->beats, 1);
}

void worker_is_broken(void) {
    if (shared) atomic_store(&shared->broken, true);
}

bool worker_may_open_anew(void) {
    return !shared || !atomic_load(&shared->opened);
}

void worker_has_opened(void) {
    if (shared) atomic_store(&shared->opened, true);
}

bool worker_may_rebuild(void) {
    return !shared || !atomic_load(&shared->rebuilding);
}

void worker_has_begun_rebuilds(void) {
    if (shared) atomic_store(&shared->rebuilding, true);
}
