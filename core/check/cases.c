/* cases.c: the list of cases, and the process that runs one case. */
#include "check/cases.h"

#include "base/cleanup.h"
#include "check/bench.h"
#include "check/guard.h"
#include "check/learn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int case_dump_fd;

/* In the order in which they run. */
const struct check_case check_cases[] = {
    {.name = "load",
     .title = "loads and describes itself within 100 ms",
     .tries = 3,
     .alone = true,
     .once = case_load},
    {.name = "declarations",
     .title = "ABI, names, prefixes and fields are well formed",
     .needs = "load",
     .alone = true,
     .once = case_declarations},
    {.name = "events",
     .title = "folds the events that were made for it",
     .needs = "declarations",
     .once = case_learn,
     .run = case_events},
    {.name = "applied",
     .title = "each projector applies some of them",
     .needs = "events",
     .run = case_applied,
     .finish = case_applied_finish},
    {.name = "garbage",
     .title = "tolerates missing, wrong, huge and deep data",
     .needs = "events",
     .run = case_garbage},
    {.name = "budget",
     .title = "an event takes at most 50 ms of CPU time and 64 MiB",
     .needs = "events",
     .prepare = case_budget_prepare,
     .run = case_budget},
    {.name = "rules", .title = "keeps the rules of the host", .needs = "events", .run = case_rules},
    {.name = "settings",
     .title = "keeps them with all values of its settings",
     .needs = "rules",
     .sets = true,
     .run = case_settings},
    {.name = "records",
     .title = "each record has every declared field",
     .needs = "events",
     .run = case_records,
     .finish = case_records_finish},
    {.name = "determinism",
     .title = "the same events give the same records in another process",
     .needs = "events",
     .run = case_determinism},
    {.name = "state",
     .title = "the same records in any batches, and after restarts",
     .needs = "determinism",
     .run = case_state},
    {.name = "rejected",
     .title = "rejected events change nothing",
     .needs = "state",
     .run = case_rejected},
    {.name = "derived",
     .title = "the same records when they are made from those of the source",
     .needs = "state",
     .derives = true,
     .run = case_derived},
    {.name = "memory", .title = "leaks no memory", .needs = "events", .run = case_memory},
    {.name = "files",
     .title = "evolve opens no file and writes none",
     .needs = "events",
     .prepare = case_files_prepare,
     .run = case_watched,
     .finish = case_files_finish},
    {.name = "threads",
     .title = "evolve starts no thread and no process",
     .needs = "events",
     .prepare = case_threads_prepare,
     .run = case_watched,
     .finish = case_threads_finish},
    {.name = "clock",
     .title = "evolve uses no clock, no random numbers, no environment",
     .needs = "events",
     .prepare = case_clock_prepare,
     .run = case_watched},
    {.name = "commands",
     .title = "decide stands garbage",
     .needs = "events",
     .decides = true,
     .run = case_commands},
    {.name = "decided",
     .title = "evolve applies what decide drafts; decide remembers nothing",
     .needs = "commands",
     .decides = true,
     .run = case_decided,
     .finish = case_decided_finish},
    {0},
};

/* ---- A run ----------------------------------------------------------------------------------- */

void case_events_of(struct maker *maker, struct events *ret) {
    make_events(maker, !bench.sheet->tame, ret);
}

/* Each run has its own seed, so that it can be repeated with --seed and --runs 1. */
static void run_all(const struct check_case *one, struct sheet *sheet) {
    struct maker maker;
    uint64_t began_ns = guard_cpu_ns();
    bench_open(sheet);
    if (one->prepare) one->prepare();
    for (uint32_t n = 0; n < sheet->runs; n++) {
        sheet->run_seed = sheet->seed + n;
        maker_begin(&maker, &sheet->lesson, &bench.samples, bench.plugin, sheet->run_seed);
        one->run(&maker);
        if (sheet->cpu_ms_max && (guard_cpu_ns() - began_ns) / 1000000 > sheet->cpu_ms_max) break;
    }
    if (one->finish) one->finish();
}

/* ---- The process ----------------------------------------------------------------------------- */

/* Moves the heap, the mappings and, in bench.c, the stack, so that addresses differ even if the
 * system uses the same layout each time. New mappings fill existing gaps first, so the gaps are
 * filled with small mappings here. None of this is freed. */
static void shift_addresses(void) {
    enum { PIECES = 256, PIECE_BYTES = 16 << 10 };
    static void *volatile kept;
    for (size_t size = 16; size <= 4096; size += 16) kept = malloc(size);
    for (int n = 0; n < PIECES; n++)
        kept = mmap(NULL, PIECE_BYTES, n % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
    (void)kept;
}

/* The output of the plugin must not get into the report. */
static void set_up_process(void) {
    struct rlimit none = {0, 0};
    AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    if (null >= 0) dup2(null, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

void case_carry_out(const char *name, int fd, int dump_fd) {
    struct sheet *sheet = mmap(NULL, sizeof *sheet, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const struct check_case *one = check_cases;
    if (sheet == MAP_FAILED) _exit(1);
    set_up_process();
    case_dump_fd = dump_fd;
    if (sheet->shifted) shift_addresses();
    guard_begin(sheet, false);
    while (one->name && strcmp(one->name, name) != 0) one++;
    if (one->once) one->once(sheet);
    if (one->run) run_all(one, sheet);
    sheet->result = CHECK_PASSED;
    _exit(0);
}

void case_learn(struct sheet *sheet) {
    learn(sheet);
}
