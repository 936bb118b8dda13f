/* test.c: power cuts. A store is written while each call that changes its files is recorded; from
 * the recording all is made that a power cut at one of the calls may leave (powercut.h). Each such
 * state opens; each acknowledged event is there once; the records are a fresh fold; nothing that
 * was visible or answered is gone.
 *
 * A case that is named as an argument is run alone. With `--fault CASE`, for a build with a planted
 * fault, it succeeds if some case fails, and begins with that one.
 */
#include "internal.h"

#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The work itself failed, which says nothing about power cuts. */
enum { WORK_FAILED = 99 };

/* Records before and behind a change of names that belong to the same thing. */
enum { WINDOW = 4 };

static struct expected expected; /* large */

/* ---- Directories ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw) {
    (void)stat, (void)type;
    return ftw->level == 0 ? 0 : remove(path);
}

static void empty_directory(const char *directory) {
    must(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static const char *real_directory(void) {
    char real[PATH_MAX];
    must(realpath(scratch_directory(), real));
    char *last = strrchr(real, '/');
    *last = '\0';
    return path_in(real, last + 1); /* which keeps it until the process ends */
}

/* ---- Recording ------------------------------------------------------------------------------- */

/* Runs a work in a child. True: it was killed as asked. */
static bool record_work(work_fn work, const char *directory, uint64_t seed) {
    struct child child;
    if (child_begin(&child)) {
        work(directory, seed);
        child_end(0);
    }
    int status = child_wait(&child);
    recorder_kill_at(0);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && status != 0) {
        fprintf(stderr, "the work failed by itself: status %d\n", status);
        _exit(WORK_FAILED);
    }
    return killed;
}

/* A recording, and the disk before it. */
struct story {
    const char *directory;
    struct disk *disk;
    const struct record *before; /* it begins behind this one */
    size_t count;
};

static void story_begin(struct story *story, const char *directory) {
    *story = (struct story){.directory = directory, .disk = disk_create(directory)};
    recorder_begin(directory);
}

static void story_end(struct story *story) {
    recorder_end();
    for (const struct record *record = story->before; (record = recorder_next(record));)
        story->count++;
}

static void story_finish(struct story *story) {
    disk_destroy(story->disk);
}

/* A story of one work. */
static void tell(struct story *story, work_fn work, uint64_t seed) {
    story_begin(story, real_directory());
    record_work(work, story->directory, seed);
    story_end(story);
}

/* ---- Cutting --------------------------------------------------------------------------------- */

/* How often there is a cut before each record, and behind the last. */
struct plan {
    unsigned *cuts;
    size_t count;
    bool also_plain; /* and two more, with all lost and all kept */
    bool also_names; /* and one with all names, and nothing else */
    bool goes_on;    /* the store is used again, and there is another cut */
};

static struct plan plan_for(const struct story *story) {
    struct plan plan = {.count = story->count + 1};
    plan.cuts = calloc(plan.count, sizeof *plan.cuts);
    must(plan.cuts);
    return plan;
}

static void plan_some(struct plan *plan, size_t from, size_t cuts, uint64_t *random) {
    for (size_t i = 0; i < cuts; i++)
        plan->cuts[from + random_next(random) % (plan->count - from)]++;
}

static bool is_naming(const struct story *story, const struct record *record) {
    (void)story;
    return record->kind == RECORD_CREATE || record->kind == RECORD_MKDIR ||
           record->kind == RECORD_RENAME || record->kind == RECORD_LINK ||
           record->kind == RECORD_REMOVE;
}

/* One at each call around those that change names: rolls, sealing, trimming, adoption. */
static void plan_names(struct plan *plan, const struct story *story, size_t window) {
    const struct record *record = story->before;
    for (size_t i = 0; (record = recorder_next(record)); i++) {
        if (!is_naming(story, record)) continue;
        size_t from = i < window ? 0 : i - window;
        for (size_t at = from; at <= i + window && at < plan->count; at++) plan->cuts[at] = 1;
    }
}

/* One at each call. */
static void plan_calls(struct plan *plan, const struct story *story) {
    const struct record *record = story->before;
    for (size_t i = 0; (record = recorder_next(record)); i++)
        plan->cuts[i] = record->kind != RECORD_NOTE;
    plan->cuts[story->count] = 1;
}

static const char *state_directory(void) {
    static const char *directory;
    if (!directory) directory = real_directory();
    empty_directory(directory);
    return directory;
}

static void cut_again(const char *directory, const struct expected *before, uint64_t *random);

static void cut_at(const struct story *story, const struct plan *plan, size_t at,
                   const struct record *next, uint64_t *random) {
    expected_look_ahead(&expected, next);
    for (size_t i = 0; i < plan->cuts[at] + (plan->also_plain ? 2 : 0) + plan->also_names; i++) {
        enum cut cut = i < plan->cuts[at]        ? CUT_ANY
                       : i == plan->cuts[at]     ? CUT_ALL_LOST
                       : i == plan->cuts[at] + 1 ? CUT_ALL_KEPT
                                                 : CUT_NAMES_KEPT;
        const char *directory = state_directory();
        disk_cut(story->disk, cut, random, directory);
        if (plan->goes_on)
            cut_again(directory, &expected, random);
        else
            check_state(directory, &expected);
    }
}

static void cut_story(struct story *story, struct plan *plan, uint64_t *random) {
    const struct record *record = recorder_next(story->before);
    for (size_t at = 0; at < plan->count; at++) {
        test_context("a cut before record %zu of %zu", at, story->count);
        if (plan->cuts[at] > 0) cut_at(story, plan, at, record, random);
        if (at == story->count) break;
        check_mark(story->disk, record);
        disk_apply(story->disk, record);
        expected_apply(&expected, record);
        record = recorder_next(record);
    }
    test_context("%s", "");
    free(plan->cuts);
}

/* The state in `directory` is used as after a power cut, and then there is another one. */
static void cut_again(const char *directory, const struct expected *before, uint64_t *random) {
    static const char *second;
    static struct expected now; /* large */
    now = *before;
    if (!second) second = real_directory();
    empty_directory(second);
    struct story story = {.directory = directory, .disk = disk_create(directory)};
    story.before = recorder_begin_another(directory);
    record_work(work_some, directory, random_next(random));
    story_end(&story);
    const struct record *record = recorder_next(story.before);
    size_t at = random_next(random) % (story.count + 1);
    for (size_t i = 0; i < at; i++, record = recorder_next(record)) {
        disk_apply(story.disk, record);
        expected_apply(&now, record);
    }
    expected_look_ahead(&now, record);
    disk_cut(story.disk, CUT_ANY, random, second);
    check_state(second, &now);
    recorder_drop(story.before);
    story_finish(&story);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

/* 300, and by --long 10,000, in all; fewer where each takes several times as long. */
static size_t part_of_cuts(size_t percent) {
    size_t all = scaled(10) == 10 ? 10000 : 300;
    return (memory_is_sanitized() ? all / 5 : all) * percent / 100;
}

static void a_recording_has_every_change(void **state) {
    (void)state;
    static const work_fn works[] = {work_life, work_adoption, work_checkpoints, work_rewriting,
                                    work_rebuilding};
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        struct story story;
        tell(&story, works[i], i);
        for (const struct record *record = NULL; (record = recorder_next(record));)
            disk_apply(story.disk, record);
        disk_assert_same(story.disk, story.directory, "lock.mdb");
        story_finish(&story);
    }
}

static bool is_of_the_index(const struct story *story, const struct record *record) {
    char *path = disk_path_of(story->disk, record->file);
    size_t len = strlen(path);
    bool is_it = len > 4 && strcmp(path + len - 4, ".ids") == 0;
    free(path);
    return is_it;
}

/* So that the cuts below are also of what finds repeats. */
static void a_recording_has_the_index_of_duplicates(void **state) {
    (void)state;
    struct story story;
    size_t writes = 0, syncs = 0;
    tell(&story, work_life, 1);
    for (const struct record *record = NULL; (record = recorder_next(record));)
        disk_apply(story.disk, record);
    for (const struct record *record = NULL; (record = recorder_next(record));) {
        if (!is_of_the_index(&story, record)) continue;
        writes += record->kind == RECORD_WRITE;
        syncs += record->kind == RECORD_SYNC;
    }
    assert_true(writes > 0 && syncs > 0);
    story_finish(&story);
}

static void any_cut_leaves_all_that_was_promised(void **state) {
    (void)state;
    uint64_t random = 1;
    for (size_t i = 0; i < 3; i++) {
        struct story story;
        tell(&story, work_life, random_next(&random));
        struct plan plan = plan_for(&story);
        plan_some(&plan, 0, part_of_cuts(20), &random);
        expected_init(&expected);
        cut_story(&story, &plan, &random);
        story_finish(&story);
    }
}

/* Rolls, sealing and trimming go on beside the writing, so that is at every call there is. Under a
 * sanitizer, which makes each state several times as slow, around the changes of names. */
static void a_cut_at_every_call_of_a_roll_a_sealing_and_a_trim(void **state) {
    (void)state;
    uint64_t random = 2;
    struct story story;
    tell(&story, work_life, 2);
    struct plan plan = plan_for(&story);
    plan.also_plain = true;
    plan_names(&plan, &story, memory_is_sanitized() ? WINDOW : story.count);
    expected_init(&expected);
    cut_story(&story, &plan, &random);
    story_finish(&story);
}

static void cut_at_every_call(work_fn work, uint64_t seed) {
    uint64_t random = seed;
    struct story story;
    tell(&story, work, seed);
    struct plan plan = plan_for(&story);
    plan.also_plain = !memory_is_sanitized();
    plan_calls(&plan, &story);
    expected_init(&expected);
    cut_story(&story, &plan, &random);
    story_finish(&story);
}

static void a_cut_at_every_call_of_a_checkpoint(void **state) {
    (void)state;
    cut_at_every_call(work_checkpoints, 9);
}

static void a_cut_at_every_call_of_a_checkpoint_that_rewrites_tables(void **state) {
    (void)state;
    cut_at_every_call(work_rewriting, 11);
}

static void a_cut_at_every_call_of_a_rebuild(void **state) {
    (void)state;
    cut_at_every_call(work_rebuilding, 13);
}

static void a_cut_at_every_call_of_an_adoption(void **state) {
    (void)state;
    uint64_t random = 3;
    struct story story;
    tell(&story, work_adoption, 3);
    struct plan plan = plan_for(&story);
    plan.also_plain = true;
    plan_names(&plan, &story, memory_is_sanitized() ? WINDOW : story.count);
    expected_init(&expected);
    cut_story(&story, &plan, &random);
    story_finish(&story);
}

/* A store of format 2, in which is what `first` has. */
static const char *old_store(struct story *first) {
    const char *directory = real_directory();
    struct child child;
    tell(first, work_some, 8);
    expected_init(&expected);
    for (const struct record *record = NULL; (record = recorder_next(record));)
        expected_apply(&expected, record);
    if (child_begin(&child)) {
        make_old_store(first->directory, directory);
        child_end(0);
    }
    must(child_wait(&child) == 0);
    return directory;
}

static void a_cut_at_every_call_of_a_conversion(void **state) {
    (void)state;
    uint64_t random = 8;
    struct story first, story = {0};
    story.directory = old_store(&first);
    story.disk = disk_create(story.directory);
    story.before = recorder_begin_another(story.directory);
    record_work(work_some, story.directory, 9);
    story_end(&story);
    struct plan plan = plan_for(&story);
    plan.also_plain = true;
    for (size_t i = 0; i < plan.count; i++) plan.cuts[i] = 1;
    cut_story(&story, &plan, &random);
    story_finish(&story);
    story_finish(&first);
}

/* A work is killed. What it wrote last is in the kernel's memory and not on the disk, and another
 * process goes on from it, until there are power cuts: soon, some time, and at the end. */
struct killing {
    work_fn work;
    size_t at, at_sync, in_commit; /* recorder_kill_at, …_at_sync or …_in_synced_write */
    enum note note;                /* for `at_sync` */
    size_t soon, some;             /* cuts */
};

enum { SOON = 24 };

static void cut_after_kill(const struct killing *killing, uint64_t *random) {
    struct story story;
    story_begin(&story, real_directory());
    if (killing->in_commit)
        recorder_kill_in_synced_write(killing->in_commit);
    else if (killing->at_sync)
        recorder_kill_at_sync(killing->note, killing->at_sync);
    else
        recorder_kill_at(killing->at);
    record_work(killing->work, story.directory, random_next(random));
    size_t from = recorder_count();
    record_work(work_some, story.directory, random_next(random));
    story_end(&story);
    struct plan plan = plan_for(&story);
    plan.also_plain = plan.also_names = true;
    plan_some(&plan, from, killing->some, random);
    for (size_t i = 0; i < killing->soon; i++) {
        size_t at = from + random_next(random) % SOON;
        plan.cuts[at < story.count ? at : story.count]++;
    }
    plan.cuts[story.count]++;
    expected_init(&expected);
    cut_story(&story, &plan, random);
    empty_directory(story.directory);
    story_finish(&story);
}

static void a_cut_after_a_process_was_killed(void **state) {
    (void)state;
    uint64_t random = 4;
    struct story story;
    size_t syncs = 0;
    tell(&story, work_life, random_next(&random));
    for (const struct record *record = NULL; (record = recorder_next(record));)
        syncs += record->kind == RECORD_SYNC;
    for (size_t i = 0; i < part_of_cuts(6); i++) {
        size_t n = random_next(&random);
        struct killing killing = {.work = work_life, .soon = 4, .some = 1};
        killing.at = i % 2 ? 0 : 1 + n % story.count;
        killing.at_sync = i % 2 ? 1 + n % syncs : 0;
        cut_after_kill(&killing, &random);
    }
    story_finish(&story);
}

/* What LMDB has then need not be on the disk: another process goes on with it. */
static void cut_after_kills(work_fn work, size_t count, uint64_t seed) {
    uint64_t random = seed;
    struct story story;
    tell(&story, work, seed);
    for (size_t i = 0; i < count; i++) {
        size_t n = random_next(&random);
        struct killing killing = {.work = work, .soon = 4, .some = 1, .at = 1 + n % story.count};
        cut_after_kill(&killing, &random);
    }
    story_finish(&story);
}

static void a_cut_after_a_process_was_killed_in_a_checkpoint(void **state) {
    (void)state;
    cut_after_kills(work_checkpoints, part_of_cuts(4), 10);
    cut_after_kills(work_rewriting, part_of_cuts(2), 12);
}

static void a_cut_after_a_process_was_killed_in_a_rebuild(void **state) {
    (void)state;
    cut_after_kills(work_rebuilding, part_of_cuts(4), 14);
}

/* The last call of an LMDB commit is a synced write: the next process sees the commit, and the disk
 * may not have it. */
static void a_cut_after_a_process_was_killed_in_a_commit(void **state) {
    (void)state;
    size_t commits = 0, every = scaled(10) == 10 ? 1 : 3;
    struct story story;
    tell(&story, work_checkpoints, 16);
    for (const struct record *record = NULL; (record = recorder_next(record));)
        commits += record->kind == RECORD_WRITE && record->is_certain;
    must(commits > every);
    for (size_t i = every; i <= commits; i += every) {
        uint64_t random = i;
        struct killing killing = {.work = work_checkpoints, .in_commit = i, .soon = 8, .some = 4};
        cut_after_kill(&killing, &random);
    }
    story_finish(&story);
}

/* Before the floor is durable, which the next process believes. */
static void a_cut_after_a_process_was_killed_in_a_trim(void **state) {
    (void)state;
    uint64_t random = 17;
    for (size_t sync = 1; sync <= 4; sync++) {
        struct killing killing = {.work = work_trimming, .note = NOTE_TRIMMING, .at_sync = sync};
        killing.soon = 4 * SOON;
        cut_after_kill(&killing, &random);
    }
}

/* At calls that change names and those beside them, from that note on; by --long in a wider window.
 */
static void cut_after_kill_at_names(work_fn work, uint64_t seed, enum note from) {
    struct story story;
    tell(&story, work, seed);
    struct plan plan = plan_for(&story);
    plan_names(&plan, &story, scaled(10) == 10 ? WINDOW : 1);
    const struct record *record = recorder_next(NULL);
    bool begun = false;
    for (size_t i = 0; record; record = recorder_next(record), i++) {
        if (!begun) plan.cuts[i] = 0;
        if (record->kind == RECORD_NOTE && record->at == from) begun = true;
    }
    for (size_t i = 1; i < plan.count; i++) {
        uint64_t random = seed; /* so that it does the same */
        struct killing killing = {.work = work, .at = i, .some = 1};
        if (plan.cuts[i] > 0) cut_after_kill(&killing, &random);
    }
    free(plan.cuts);
    story_finish(&story);
}

static void a_cut_after_a_process_was_killed_making_a_store(void **state) {
    (void)state;
    cut_after_kill_at_names(work_some, 6, NOTE_BEGIN);
}

static void a_cut_after_a_process_was_killed_adopting(void **state) {
    (void)state;
    cut_after_kill_at_names(work_adoption, 7, NOTE_ADOPTING);
}

static void a_cut_after_a_cut(void **state) {
    (void)state;
    uint64_t random = 5;
    struct story story;
    tell(&story, work_life, 5);
    struct plan plan = plan_for(&story);
    plan.goes_on = true;
    plan_some(&plan, 0, part_of_cuts(20), &random);
    expected_init(&expected);
    cut_story(&story, &plan, &random);
    story_finish(&story);
}

/* ---- A planted fault ------------------------------------------------------------------------- */

/* Whether a case finds it: first that which is known to, then any. A child that fails leaves its
 * directories, which so are in one of ours. */
static int find_fault(const struct CMUnitTest *tests, size_t count, size_t first) {
    struct child child;
    setenv("TMPDIR", scratch_directory(), 1);
    if (child_begin(&child)) {
        void *state = NULL;
        tests[first].test_func(&state);
        for (size_t i = 0; i < count; i++)
            if (i != first) tests[i].test_func(&state);
        child_end(0);
    }
    int status = child_wait(&child);
    bool work_failed = WIFEXITED(status) && WEXITSTATUS(status) == WORK_FAILED;
    if (status != 0 && !work_failed) return 0;
    fprintf(stderr, "the planted fault was not found\n");
    return 1;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recording_has_every_change),
        cmocka_unit_test(a_recording_has_the_index_of_duplicates),
        cmocka_unit_test(a_cut_at_every_call_of_a_roll_a_sealing_and_a_trim),
        cmocka_unit_test(a_cut_at_every_call_of_a_checkpoint),
        cmocka_unit_test(a_cut_at_every_call_of_a_checkpoint_that_rewrites_tables),
        cmocka_unit_test(a_cut_at_every_call_of_an_adoption),
        cmocka_unit_test(a_cut_at_every_call_of_a_conversion),
        cmocka_unit_test(a_cut_at_every_call_of_a_rebuild),
        cmocka_unit_test(any_cut_leaves_all_that_was_promised),
        cmocka_unit_test(a_cut_after_a_cut),
        cmocka_unit_test(a_cut_after_a_process_was_killed),
        cmocka_unit_test(a_cut_after_a_process_was_killed_in_a_checkpoint),
        cmocka_unit_test(a_cut_after_a_process_was_killed_in_a_commit),
        cmocka_unit_test(a_cut_after_a_process_was_killed_in_a_rebuild),
        cmocka_unit_test(a_cut_after_a_process_was_killed_in_a_trim),
        cmocka_unit_test(a_cut_after_a_process_was_killed_making_a_store),
        cmocka_unit_test(a_cut_after_a_process_was_killed_adopting),
    };
    const size_t count = sizeof tests / sizeof tests[0];
    size_t named = 0;
    if (argc < 2) return cmocka_run_group_tests(tests, NULL, NULL);
    while (named < count && strcmp(argv[argc - 1], tests[named].name) != 0) named++;
    if (named == count) {
        fprintf(stderr, "there is no case %s\n", argv[argc - 1]);
        return 2;
    }
    if (strcmp(argv[1], "--fault") == 0) return find_fault(tests, count, named);
    cmocka_set_test_filter(tests[named].name);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
