/* tally.c: a fixture in several versions, to be exchanged for one another while a daemon runs. It
 * folds the events of deadly.c, which healthy.c counts, too.
 *
 *     STEP        what an event adds
 *     ONLY        the subject whose events add that; those of others add 1
 *     REVISION    its revision
 *     EXTRA       declares one more field, which is indexed
 *     SETTING     what an event adds is a setting, tally_step
 *     FUTURE      says that it speaks an ABI that no host speaks
 *     DIES        ends the process with the first event
 *     FAILS       loading it ends a worker, and no other process
 *     SLOW_MS     loading it takes so long
 *     UNLOAD      what is done when it is unloaded
 *     HANGS       does not come back from the first event
 *     FORKS       a builder leaves a process behind at each event
 *     PRINTS      writes to stdout when it is loaded, and for each event
 * `tallies` has a record for each subject; `tally_sums`, which derives from it, one with their sum.
 */
#include <reel/projector.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef FUTURE
#undef REEL_ABI_MAJOR
#define REEL_ABI_MAJOR 9
#endif
#ifndef STEP
#define STEP 1
#endif
#ifndef REVISION
#define REVISION 1
#endif

#ifndef DIES
#define DIES 0
#endif
#ifndef HANGS
#define HANGS 0
#endif

#ifdef FAILS
__attribute__((constructor)) static void fail_in_a_worker(void) {
    char name[32] = "";
    prctl(PR_GET_NAME, name);
    if (strcmp(name, "reeld-worker") == 0) _exit(1);
}
#endif

#ifdef SLOW_MS
__attribute__((constructor)) static void take_time(void) {
    usleep(SLOW_MS * 1000);
}
#endif

#ifdef UNLOAD
__attribute__((destructor)) static void unload(void) {
    UNLOAD;
}
#endif

#ifdef PRINTS
__attribute__((constructor)) static void print(void) {
    puts("a line of a plugin");
    fflush(stdout);
}
#define PRINT() (puts("another line of a plugin"), fflush(stdout))
#else
#define PRINT() ((void)0)
#endif

#ifdef FORKS
static void leave_process(void) {
    char name[32] = "";
    prctl(PR_GET_NAME, name);
    if (strcmp(name, "reeld-worker") == 0 || fork() != 0) return;
    for (;;) pause();
}
#define FORK() leave_process()
#else
#define FORK() ((void)0)
#endif

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER),
#ifdef EXTRA
    REEL_FIELD(.name = "half", .kind = REEL_FIELD_INTEGER, .flags = REEL_FIELD_INDEXED),
#endif
    NULL,
};
static const char *const type_prefixes[] = {"test.deadly.", NULL};

#ifdef SETTING
static const struct reel_setting *const settings[] = {
    REEL_SETTING(.name = "tally_step", .kind = REEL_SETTING_NUMBER, .default_value = "1", .min = 1,
                 .max = 100, .unit = "", .help = "what an event adds"),
    NULL,
};
#define STEP_OF(tx, subject) ((void)(subject), (int64_t)reel_tx_setting_number((tx), "tally_step"))
#elif defined ONLY
#define STEP_OF(tx, subject) ((void)(tx), (int64_t)(reel_str_is((subject), ONLY) ? STEP : 1))
#else
#define STEP_OF(tx, subject) ((void)(tx), (void)(subject), (int64_t)STEP)
#endif

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    int64_t count = 0;
    if (DIES) abort();
    while (HANGS) continue;
    PRINT();
    FORK();
    struct reel_record *record = reel_upsert(tx, event->subject);
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + STEP_OF(tx, event->subject));
#ifdef EXTRA
    reel_set_int(record, "half", (count + STEP) / 2);
#endif
    return REEL_APPLIED;
}

static const struct reel_projector tallies = {
    .struct_size = sizeof(struct reel_projector),
    .revision = REVISION,
    .collection = "tallies",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
#ifdef SETTING
    .settings = settings,
#endif
};

static const struct reel_field *const sum_fields[] = {
    REEL_FIELD(.name = "sum", .kind = REEL_FIELD_INTEGER), NULL};

static reel_outcome derive(struct reel_tx *tx, const struct reel_change *change) {
    int64_t sum = 0, before = 0, after = 0;
    struct reel_record *record = reel_upsert(tx, reel_text("all"));
    reel_field_int(record, "sum", &sum);
    if (change->before) reel_field_int(change->before, "count", &before);
    if (change->after) reel_field_int(change->after, "count", &after);
    reel_set_int(record, "sum", sum + after - before);
    return REEL_APPLIED;
}

static const struct reel_projector tally_sums = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "tally_sums",
    .derives_from = "tallies",
    .fields = sum_fields,
    .derive = derive,
};

static const struct reel_projector *const projectors[] = {&tallies, &tally_sums, NULL};

REEL_PLUGIN("tally", "1.0.0", projectors, NULL);
