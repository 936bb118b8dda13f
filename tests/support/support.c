/* support.c: failing from wherever we are, the places of a test, its numbers.
 *
 * A scratch directory belongs to the process that made it: a child that was forked later leaves
 * it alone, however it ends. */
#include "support.h"

#include "support_internal.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static _Thread_local char context[256];

/* ---- Failing --------------------------------------------------------------------------------- */

void support_failed(const char *file, int line, const char *format, ...) {
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    fprintf(stderr, "%s:%d: %s%s%s\n", file, line, context, context[0] ? ": " : "", message);
    if (support_in_child) child_end(1);
    if (gettid() != getpid()) {
        static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&ending); /* for ever: exit is for one thread only */
        exit(1);
    }
    _fail(file, line);
    abort();
}

void test_context(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
}

void assert_sentence(const struct reel_error *error, const char *part) {
    size_t len = strnlen(error->text, sizeof error->text);
    must(len > 0 && len < sizeof error->text);
    must(!memchr(error->text, '\n', len));
    must(error->text[len - 1] != '.');
    if (!strstr(error->text, part))
        support_failed(__FILE__, __LINE__, "no \"%s\" in: %s", part, error->text);
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* Paths that live as long as the process, and directories to be removed at its end. */
struct lasting_path {
    struct lasting_path *next;
    pid_t owner; /* removes the directory that is there; 0: nobody does */
    char text[];
};

static struct lasting_path *lasting_paths;
static pthread_mutex_t lasting_lock = PTHREAD_MUTEX_INITIALIZER;

static struct lasting_path *lasting_path(const char *head, const char *tail) {
    size_t head_len = strlen(head);
    size_t tail_len = strlen(tail);
    struct lasting_path *path = calloc(1, sizeof *path + head_len + tail_len + 2);
    must(path);
    memcpy(path->text, head, head_len);
    path->text[head_len] = '/';
    memcpy(path->text + head_len + 1, tail, tail_len);
    pthread_mutex_lock(&lasting_lock);
    path->next = lasting_paths;
    lasting_paths = path;
    pthread_mutex_unlock(&lasting_lock);
    return path;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk) {
    (void)stat, (void)kind, (void)walk;
    return remove(path);
}

static void remove_scratch(void) {
    for (const struct lasting_path *path = lasting_paths; path; path = path->next)
        if (path->owner == getpid()) nftw(path->text, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void promise_removal(void) {
    must(atexit(remove_scratch) == 0);
}

static const char *scratch_parent(void) {
    static const char memory[] = "/dev/shm";
    const uint64_t enough = UINT64_C(2) << 30;
    const char *given = getenv("TMPDIR");
    struct statvfs room;
    if (given && given[0]) return given;
    if (!getenv("REEL_TEST_MEMORY") || access(memory, W_OK) < 0) return "/tmp";
    bool has_room = statvfs(memory, &room) == 0 && room.f_bavail >= enough / room.f_frsize;
    return has_room ? memory : "/tmp";
}

const char *scratch_directory(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct lasting_path *path = lasting_path(scratch_parent(), "reel-test-XXXXXX");
    must(mkdtemp(path->text));
    path->owner = getpid();
    pthread_once(&once, promise_removal);
    return path->text;
}

static const char *rooted(const char *variable, const char *relative) {
    const char *root = getenv(variable);
    if (!root) support_failed(__FILE__, __LINE__, "%s is not set", variable);
    return lasting_path(root, relative)->text;
}

void copy_over(const char *from, const char *to) {
    static char bytes[8 << 20];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(in, bytes, sizeof bytes);
    must(in >= 0 && len > 0 && len < (ssize_t)sizeof bytes);
    close(in);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    must(out >= 0 && write(out, bytes, (size_t)len) == len);
    close(out);
}

const char *copy_of_directory(const char *directory) {
    const char *copy = scratch_directory();
    char command[1024];
    must((size_t)snprintf(command, sizeof command, "cp -a %s/. %s", directory, copy) <
         sizeof command);
    must(system(command) == 0);
    return copy;
}

const char *build_path(const char *relative) {
    return rooted("REEL_BUILD_ROOT", relative);
}

const char *source_path(const char *relative) {
    return rooted("REEL_SOURCE_ROOT", relative);
}

const char *path_in(const char *directory, const char *name) {
    return lasting_path(directory, name)->text;
}

static uint64_t file_bytes(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 ? (uint64_t)found.st_size : 0;
}

uint64_t state_bytes(const char *directory) {
    return file_bytes(path_in(directory, "state/data.mdb"));
}

uint64_t store_bytes(const char *directory) {
    glob_t files;
    uint64_t bytes = file_bytes(path_in(directory, "state/data.mdb"));
    must(bytes > 0);
    must(glob(path_in(directory, "log/*"), 0, NULL, &files) == 0);
    for (size_t i = 0; i < files.gl_pathc; i++) bytes += file_bytes(files.gl_pathv[i]);
    globfree(&files);
    return bytes;
}

void settings_forget(bool all) {
    static const char *const own[] = {"REEL_BUILD_", "REEL_SOURCE_", "REEL_TEST_"};
    char name[80];
    for (char **at = environ; *at;) {
        bool forget = all && strncmp(*at, "REEL_", 5) == 0;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            forget = forget || strncmp(*at, own[i], strlen(own[i])) == 0;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        if (!forget || unsetenv(name) != 0) at++; /* else the next one has taken its place */
    }
}

/* ---- Numbers --------------------------------------------------------------------------------- */

size_t scaled(size_t full) {
    const char *is_long = getenv("REEL_TEST_LONG"), *percent = getenv("REEL_TEST_PERCENT");
    if (is_long && strcmp(is_long, "1") == 0) return full;
    size_t part = full * (percent ? strtoul(percent, NULL, 10) : 10) / 100;
    return part > 0 ? part : 1;
}

uint64_t random_next(uint64_t *state) {
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}
