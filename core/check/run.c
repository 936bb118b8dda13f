/* run.c: see run.h. Each case runs this program in a new process. So no state of an earlier case is
 * left in it, and the sheet shows how far the case has come, however the process ends.
 */
#include "check/run.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/text.h"
#include "check/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process in which no callback begins or ends for this time, twice in a row, waits for something
 * that will not happen. A process that computes for ever detects this itself (guard.h). */
#define STILL_MS 20000

/* The CPU time that a case may use, over all of its runs, if the plugin is slow. */
#define SLOW_CPU_MS 1000

enum {
    WORDS_BYTES = 4096,
    SHOWN_WORDS = 400, /* length of the last output of the process that a finding shows */
};

/* ---- The sheet ------------------------------------------------------------------------------- */

int sheet_create(struct sheet **ret, int *ret_fd, struct reel_error *error) {
    int fd = memfd_create("sheet", 0);
    if (fd >= 0 && ftruncate(fd, sizeof **ret) == 0) {
        void *sheet = mmap(NULL, sizeof **ret, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (sheet != MAP_FAILED) {
            *ret = sheet;
            *ret_fd = fd;
            return 0;
        }
    }
    int code = errno;
    if (fd >= 0) close(fd);
    return fail(error, -code, "no shared memory: %s", strerror(code));
}

void sheet_destroy(struct sheet *sheet, int fd) {
    munmap(sheet, sizeof *sheet);
    close(fd);
}

/* ---- A process ------------------------------------------------------------------------------- */

/* Runs in the child. The child gets a process group of its own, so that everything that it starts
 * can be ended with it. */
__attribute__((noreturn)) static void execute(const char *name, int fd, int dump_fd, int words_fd) {
    char fd_text[16], dump_text[16];
    dup2(words_fd, STDERR_FILENO);
    snprintf(fd_text, sizeof fd_text, "%d", fd);
    snprintf(dump_text, sizeof dump_text, "%d", dump_fd);
    setpgid(0, 0);
    execl("/proc/self/exe", "reeld", "check", "--case", name, fd_text, dump_text, (char *)NULL);
    _exit(127);
}

/* The end of what a process has written to stderr. */
struct last_words {
    int fd; /* read without waiting */
    size_t len;
    char text[WORDS_BYTES];
};

/* Reads what has been written. Returns false when nobody can write any more. */
static bool read_words(struct last_words *words) {
    char more[WORDS_BYTES / 2];
    ssize_t len;
    while ((len = read(words->fd, more, sizeof more)) > 0) {
        size_t kept = words->len, room = sizeof words->text - (size_t)len;
        if (kept > room) kept = room;
        memmove(words->text, words->text + words->len - kept, kept);
        memcpy(words->text + kept, more, (size_t)len);
        words->len = kept + (size_t)len;
    }
    return len < 0;
}

/* Waits until there is output, or until the last writer has closed its end, but at most a
 * second. */
static void wait_for_words(struct last_words *words, bool *open) {
    struct pollfd poll_fd = {.fd = *open ? words->fd : -1, .events = POLLIN};
    if (poll(&poll_fd, 1, *open ? 1000 : 10) > 0) *open = read_words(words);
}

/* Waits until the process ends. -ETIMEDOUT: it had to be ended. */
static int wait_for(pid_t pid, const struct sheet *sheet, struct last_words *words,
                    int *ret_status) {
    uint64_t beat = sheet->beat, still_since_ms = clock_ms();
    bool open = true;
    for (;;) {
        pid_t ended = waitpid(pid, ret_status, WNOHANG);
        if (ended == pid) return 0;
        if (ended < 0 && errno != EINTR) return -errno;
        if (sheet->beat != beat || sheet->turn == CHECK_TURN_NONE) still_since_ms = clock_ms();
        beat = sheet->beat;
        if (clock_ms() - still_since_ms > STILL_MS) {
            kill(-pid, SIGKILL);
            while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) continue;
            return -ETIMEDOUT;
        }
        wait_for_words(words, &open);
    }
}

static const char *turn_word(int turn) {
    switch (turn) {
    case CHECK_TURN_EVOLVE:
        return "evolve";
    case CHECK_TURN_DERIVE:
        return "derive";
    case CHECK_TURN_DECIDE:
        return "decide";
    case CHECK_TURN_KEY:
        return "canonical_key";
    case CHECK_TURN_LOAD:
        return "loading it";
    default:
        return "something outside of a callback";
    }
}

/* Adds the last lines that the process wrote to the finding. */
static void add_words(struct sheet *sheet, struct last_words *words) {
    size_t used = strlen(sheet->finding);
    (void)read_words(words);
    while (words->len > 0 && (unsigned char)words->text[words->len - 1] <= ' ') words->len--;
    if (words->len == 0) return;
    size_t from = words->len > SHOWN_WORDS ? words->len - SHOWN_WORDS : 0;
    while (from > 0 && from < words->len && ((unsigned char)words->text[from] & 0xc0) == 0x80)
        from++; /* do not begin within a character */
    snprintf(sheet->finding + used, sizeof sheet->finding - used, "; its last output: %s%.*s",
             from > 0 ? "..." : "", (int)(words->len - from), words->text + from);
}

/* Makes a finding from the way in which the process ended, if it did not complete the case. */
static void judge_end(struct sheet *sheet, int status, struct last_words *words) {
    const char *what = turn_word(sheet->turn);
    if (sheet->result != CHECK_UNDONE) return;
    sheet->result = CHECK_FAILED;
    if (WIFSIGNALED(status))
        snprintf(sheet->finding, sizeof sheet->finding, "%s crashes: %s", what,
                 strsignal(WTERMSIG(status)));
    else
        snprintf(sheet->finding, sizeof sheet->finding, "%s ends the process with status %d", what,
                 WEXITSTATUS(status));
    add_words(sheet, words);
}

static int run_process(const char *name, struct sheet *sheet, int fd, int dump_fd,
                       struct reel_error *error) {
    int status = 0, pipe_fds[2];
    struct last_words words = {0};
    sheet->result = CHECK_UNDONE;
    sheet->turn = CHECK_TURN_NONE;
    sheet->shown_len = 0;
    sheet->run_seed = sheet->seed;
    fflush(NULL);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return fail(error, -errno, "cannot make a pipe: %s", strerror(errno));
    AUTO_CLOSE int from = pipe_fds[0];
    pid_t pid = fork();
    if (pid == 0) execute(name, fd, dump_fd, pipe_fds[1]);
    int code = errno;
    close(pipe_fds[1]);
    if (pid < 0) return fail(error, -code, "cannot start a process: %s", strerror(code));
    words.fd = from;
    fcntl(from, F_SETFL, O_NONBLOCK);
    int rc = wait_for(pid, sheet, &words, &status);
    kill(-pid, SIGKILL); /* ends processes that it may have left behind */
    if (rc == -ETIMEDOUT) {
        sheet->result = CHECK_FAILED;
        snprintf(sheet->finding, sizeof sheet->finding, "%s never returns: it waits",
                 turn_word(sheet->turn));
        add_words(sheet, &words);
        return -ETIMEDOUT;
    }
    if (rc < 0) return fail(error, rc, "cannot wait for a process: %s", strerror(-rc));
    judge_end(sheet, status, &words);
    return 0;
}

/* ---- Two processes --------------------------------------------------------------------------- */

/* The line of `text` that contains `at`. */
static struct reel_str line_at(struct reel_str text, size_t at) {
    size_t begin = at < text.len ? at : text.len, end = begin;
    while (begin > 0 && text.data[begin - 1] != '\n') begin--;
    while (end < text.len && text.data[end] != '\n') end++;
    return (struct reel_str){text.data + begin, end - begin};
}

static int map_file(int fd, struct reel_str *ret) {
    struct stat info;
    *ret = (struct reel_str){"", 0};
    if (fstat(fd, &info) < 0) return -errno;
    if (info.st_size == 0) return 0;
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return -errno;
    *ret = (struct reel_str){bytes, (size_t)info.st_size};
    return 0;
}

/* The seed of the run that contains `at`. case_fold.c writes `#` and the seed before the records of
 * each run. No name of a collection begins with `#`. */
static uint64_t seed_at(struct reel_str dump, size_t at) {
    uint64_t seed = 0;
    size_t head = 0;
    for (size_t i = 0; i < at; i++)
        if (dump.data[i] == '#' && (i == 0 || dump.data[i - 1] == '\n')) head = i;
    size_t end = head + 1;
    while (end < dump.len && dump.data[end] != '\n') end++;
    if (head < dump.len)
        number_read((struct reel_str){dump.data + head + 1, end - head - 1}, &seed);
    return seed;
}

static void compare_dumps(struct sheet *sheet, struct reel_str one, struct reel_str other) {
    size_t at = 0;
    while (at < one.len && at < other.len && one.data[at] == other.data[at]) at++;
    if (at == one.len && at == other.len) return;
    struct reel_str line = line_at(one, at), other_line = line_at(other, at);
    sheet->result = CHECK_FAILED;
    sheet->shown_len = 0;
    sheet->run_seed = seed_at(one, at);
    snprintf(sheet->finding, sizeof sheet->finding,
             "another process makes other records: `%.*s`, and `%.*s`",
             (int)(line.len > 400 ? 400 : line.len), line.data,
             (int)(other_line.len > 400 ? 400 : other_line.len), other_line.data);
}

static int run_twice(const char *name, struct sheet *sheet, int fd, struct reel_error *error) {
    AUTO_CLOSE int dump_fd = memfd_create("dump", 0);
    AUTO_CLOSE int other_fd = memfd_create("dump", 0);
    struct reel_str one, other;
    if (dump_fd < 0 || other_fd < 0)
        return fail(error, -errno, "no memory for the comparison: %s", strerror(errno));
    int rc = run_process(name, sheet, fd, dump_fd, error);
    if (rc < 0 || sheet->result != CHECK_PASSED) return rc;
    sheet->shifted = true;
    rc = run_process(name, sheet, fd, other_fd, error);
    sheet->shifted = false;
    if (rc < 0 || sheet->result != CHECK_PASSED) return rc;
    rc = map_file(dump_fd, &one);
    if (rc == 0) rc = map_file(other_fd, &other);
    if (rc < 0) return fail(error, rc, "cannot compare: %s", strerror(-rc));
    compare_dumps(sheet, one, other);
    if (one.len) munmap((void *)one.data, one.len);
    if (other.len) munmap((void *)other.data, other.len);
    return 0;
}

/* ---- A case ---------------------------------------------------------------------------------- */

static bool has_passed(const struct verdicts *verdicts, const char *name) {
    for (size_t n = 0; n < verdicts->count; n++)
        if (strcmp(verdicts->list[n].name, name) == 0)
            return verdicts->list[n].result == CHECK_PASSED;
    return false;
}

/* Why the case does not run, or NULL. */
static const char *reason_to_skip(const struct check_case *one, const struct sheet *sheet,
                                  const struct verdicts *verdicts, char space[64]) {
    bool declared = has_passed(verdicts, "declarations");
    if (declared && !one->alone && !sheet->has_projectors) return "it has no projectors";
    if (declared && one->decides && !sheet->has_commands) return "it has no commands";
    if (declared && one->sets && !sheet->has_settings) return "it has no settings";
    if (declared && one->derives && !sheet->derives_from_records)
        return "it declares no REEL_DERIVE_FROM_RECORDS";
    if (!one->needs || has_passed(verdicts, one->needs)) return NULL;
    snprintf(space, 64, "needs `%s`", one->needs);
    return space;
}

/* Copies text for people and for JSON: valid UTF-8 on one line. */
static void copy_clean(char *to, size_t size, const char *from, size_t len) {
    bool cut = len >= size || len >= SHOWN_BYTES;
    if (cut) len = utf8_cut(from, (size < SHOWN_BYTES ? size : SHOWN_BYTES) - 4);
    bool valid = utf8_valid((struct reel_str){from, len});
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from[i];
        to[i] = c < 0x20 || c == 0x7f ? ' ' : c >= 0x80 && !valid ? '?' : from[i];
    }
    memcpy(to + len, cut ? "..." : "", cut ? 4 : 1);
}

/* A finding that may depend on time counts only if each try has it. */
static int run_case(const struct check_case *one, struct sheet *sheet, int fd,
                    struct verdict *verdict, struct reel_error *error) {
    int rc, waits = 0, tries = 0;
    do {
        rc = strcmp(one->name, "determinism") == 0 ? run_twice(one->name, sheet, fd, error)
                                                   : run_process(one->name, sheet, fd, -1, error);
        if (rc < 0 && rc != -ETIMEDOUT) return rc;
        tries++;
        waits += rc == -ETIMEDOUT;
    } while (rc == -ETIMEDOUT ? waits < 2 : sheet->result == CHECK_FAILED && tries < one->tries);
    verdict->result = sheet->result;
    verdict->is_of_run = one->run != NULL;
    verdict->seed = sheet->run_seed;
    if (verdict->result == CHECK_PASSED) return 0;
    copy_clean(verdict->finding, sizeof verdict->finding, sheet->finding, strlen(sheet->finding));
    if (verdict->is_of_run)
        copy_clean(verdict->shown, sizeof verdict->shown, sheet->shown, sheet->shown_len);
    return 0;
}

int run_cases(struct sheet *sheet, int fd, struct verdicts *ret, struct reel_error *error) {
    for (const struct check_case *one = check_cases; one->name; one++) {
        INVARIANT(ret->count < CASES_MAX);
        struct verdict *verdict = &ret->list[ret->count];
        char space[64];
        *verdict = (struct verdict){.name = one->name, .title = one->title};
        const char *why = reason_to_skip(one, sheet, ret, space);
        if (why) {
            /* With --strict, a plugin of which nothing can be tried fails. */
            bool untried = sheet->strict && strcmp(one->name, "applied") == 0 &&
                           has_passed(ret, "declarations") && !sheet->has_projectors;
            verdict->result = untried ? CHECK_FAILED : CHECK_SKIPPED;
            snprintf(verdict->finding, sizeof verdict->finding, "%s", why);
        } else {
            int rc = run_case(one, sheet, fd, verdict, error);
            if (rc < 0) return rc;
            INVARIANT(verdict->result != CHECK_UNDONE);
        }
        bool passed = verdict->result == CHECK_PASSED;
        if (!passed && strcmp(one->name, "garbage") == 0) sheet->tame = true;
        if (!passed && strcmp(one->name, "budget") == 0) sheet->cpu_ms_max = SLOW_CPU_MS;
        ret->count++;
    }
    return 0;
}
