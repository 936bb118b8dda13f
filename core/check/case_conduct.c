/* case_conduct.c: cases about what `evolve` uses: time, memory, files, threads, clocks.
 */
#include "check/bench.h"
#include "check/cases.h"
#include "check/guard.h"
#include "check/watch.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- Time and memory of an event ------------------------------------------------------------- */

#define EVENT_CPU_MS_MAX 50
#define EVENT_KIB_MAX    ((long)64 << 10)
#define BUDGET_ROUNDS    3

static long grown_kib; /* growth of the process in the last call of evolve */
static long before_kib;

static long peak_kib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void budget_before(struct reel_tx *tx, const struct reel_event *event) {
    (void)tx, (void)event;
    before_kib = peak_kib();
}

static void budget_after(const struct fold *fold, reel_outcome outcome) {
    (void)fold, (void)outcome;
    grown_kib = peak_kib() - before_kib;
}

void case_budget_prepare(void) {
    bench.watch.before_evolve = budget_before;
    bench.watch.after_evolve = budget_after;
    guard_measure();
}

/* Measures CPU time, and requires three slow calls in a row, so that a disturbance of the machine
 * does not count as slowness of the plugin. Memory counts when it is touched. */
void case_budget(struct maker *maker) {
    static struct events events;
    int slow[EVENTS_MAX] = {0};
    bool any = true;
    case_events_of(maker, &events);
    for (int round = 1; round <= BUDGET_ROUNDS && any; round++) {
        any = false;
        bench_reset();
        for (size_t n = 0; n < events.count; n++) {
            grown_kib = 0;
            bench_apply(&events.texts[n]);
            uint64_t took_ms = guard_turn_cpu_ns() / 1000000;
            if (grown_kib > EVENT_KIB_MAX)
                guard_found("an event takes %ld MiB, at most %ld are allowed", grown_kib >> 10,
                            EVENT_KIB_MAX >> 10);
            if (took_ms <= EVENT_CPU_MS_MAX) continue;
            any = true;
            if (++slow[n] == BUDGET_ROUNDS)
                guard_found("an event takes %" PRIu64 " ms of CPU time, at most %d are allowed",
                            took_ms, EVENT_CPU_MS_MAX);
        }
    }
}

/* ---- Leaks ----------------------------------------------------------------------------------- */

#define LEAK_ROUNDS 10
#define WARM_ROUNDS 3 /* memory that is allocated once is not a leak */

/* A function of the sanitizer whose allocator is used, if there is one. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_bytes(void) {
    if (__sanitizer_get_current_allocated_bytes) return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Folds the same events again and again. After the first rounds, the host has all the memory that
 * it needs, and so has a plugin that keeps nothing between events. */
void case_memory(struct maker *maker) {
    static struct events events;
    size_t before = 0, first = 0, now = 0;
    int grown = 0;
    case_events_of(maker, &events);
    for (int round = 0; round < WARM_ROUNDS + LEAK_ROUNDS; round++) {
        bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
        now = heap_bytes();
        if (round == WARM_ROUNDS - 1) first = now;
        if (round >= WARM_ROUNDS && now <= before) return; /* a leak grows in each round */
        grown += round >= WARM_ROUNDS;
        before = now;
    }
    guard_show((struct reel_str){0});
    guard_found("it leaks: %zu bytes more after the same %zu events %d times", now - first,
                events.count, grown);
}

/* ---- What is outside ------------------------------------------------------------------------- */

static size_t entries_before;

static size_t count_entries(const char *path) {
    size_t count = 0;
    DIR *dir = opendir(path);
    if (!dir) guard_trouble("cannot read %s", path);
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

static void watch(enum watch_group group) {
    if (!watch_object(bench.instance->handle, group))
        guard_trouble("shared objects of this machine are not supported");
}

void case_watched(struct maker *maker) {
    static struct events events;
    case_events_of(maker, &events);
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
}

void case_clock_prepare(void) {
    watch(WATCH_CLOCK);
}

/* Output that a library writes for the plugin (streams of C++) is found in this file. */
static int output = -1;

void case_files_prepare(void) {
    watch(WATCH_FILES);
    output = memfd_create("output", MFD_CLOEXEC);
    if (output < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        guard_trouble("cannot catch its output: %s", strerror(errno));
    entries_before = count_entries("/proc/self/fd");
}

void case_files_finish(void) {
    char written[100];
    fflush(NULL);
    ssize_t len = pread(output, written, sizeof written, 0);
    if (len > 0) guard_found("it writes to stdout or stderr: %.*s", (int)len, written);
    size_t now = count_entries("/proc/self/fd");
    if (now > entries_before)
        guard_found("%zu files are open that were not before", now - entries_before);
}

void case_threads_prepare(void) {
    watch(WATCH_THREADS);
    entries_before = count_entries("/proc/self/task");
}

void case_threads_finish(void) {
    size_t now = count_entries("/proc/self/task");
    if (now > entries_before)
        guard_found("%zu threads run that did not before", now - entries_before);
}
