/* fault.c: see fault.h.
 *
 * The thread that met the fault may hold any lock, so it can do nothing but wait. Its handler finds
 * out which file is mapped at the address, from /proc/self/maps, with calls that are safe in a
 * signal handler, and wakes a thread that was started for this: that one writes the line and ends
 * the process.
 */
#include "daemon/fault.h"

#include "base/exit_code.h"
#include "base/thread.h"
#include "daemon/log.h"
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_MS 1000

/* Longer paths are cut at their beginning. */
#define LINE_BYTES 1024

static struct {
    atomic_bool taken; /* by the first thread that met one */
    sem_t found;
    char line[LINE_BYTES]; /* of /proc/self/maps */
    const char *path;      /* in it */
    uint64_t offset;
} fault;

/* ---- Which file it is ------------------------------------------------------------------------ */

static uint64_t read_hex(const char **at) {
    uint64_t value = 0;
    for (;; ++*at) {
        char c = **at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit == 16) return value;
        value = value << 4 | digit;
    }
}

static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

static bool is_of_store(const char *path) {
    static const char *const ends[] = {".seg", ".seg.tmp", "/log/spare", "/data.mdb"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(path, ends[i])) return true;
    return false;
}

/* A file that has lost its name is still itself. */
static void cut_deleted(char *path) {
    static const char deleted[] = " (deleted)";
    if (ends_with(path, deleted)) path[strlen(path) - (sizeof deleted - 1)] = '\0';
}

/* "begin-end perms offset device inode path". Is the address in it, and the file ours? */
static bool is_line_of(char *line, uint64_t address) {
    const char *at = line;
    uint64_t begin = read_hex(&at);
    at += *at == '-';
    uint64_t end = read_hex(&at);
    if (address < begin || address >= end) return false;
    while (*at == ' ') at++;
    while (*at && *at != ' ') at++;
    while (*at == ' ') at++;
    uint64_t offset = read_hex(&at);
    char *path = strchr(line, '/');
    if (!path) return false;
    cut_deleted(path);
    fault.path = path;
    fault.offset = offset + (address - begin);
    return is_of_store(path);
}

static bool find_file(uint64_t address) {
    char bytes[512];
    size_t len = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool found = false;
    while (!found && (got = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; !found && i < got; i++) {
            if (len < LINE_BYTES - 1) fault.line[len++] = bytes[i];
            if (bytes[i] != '\n') continue;
            fault.line[len - (fault.line[len - 1] == '\n')] = '\0';
            found = is_line_of(fault.line, address);
            len = 0;
        }
    }
    close(fd);
    return found;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

static void *end(void *context) {
    (void)context;
    while (sem_wait(&fault.found) < 0 && errno == EINTR) continue;
    log_line(REEL_LEVEL_ERROR, "reeld",
             "%s cannot be read at offset %llu: it was cut short, or its disk fails; the store "
             "cannot be trusted, compare it with `reeld verify`",
             fault.path, (unsigned long long)fault.offset);
    log_queue_flush(FLUSH_MS);
    _exit(EXIT_FAILED);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    bool sent = info->si_code <= 0; /* by a process, not by a page */
    if (atomic_exchange(&fault.taken, true)) {
        for (;;) pause(); /* another thread's is being told */
    }
    if (!sent && find_file((uint64_t)(uintptr_t)info->si_addr)) {
        callbacks_blame_other();
        sem_post(&fault.found);
        for (;;) pause();
    }
    callbacks_blame(signal);
    struct sigaction as_before = {.sa_handler = SIG_DFL};
    sigaction(signal, &as_before, NULL);
    if (sent) raise(signal); /* else it comes again by itself */
}

int fault_watch(void) {
    pthread_t thread;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sem_init(&fault.found, 0, 0) < 0) return -errno;
    int rc = thread_start(&thread, "reel-fault", end, NULL);
    if (rc < 0) return rc;
    pthread_detach(thread);
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}
