/* dedup_model_test.c: the index of duplicates against a list of what was appended, whatever happens
 * to the log and to the index's files: groups that are taken back, crashes, trims, runs that are
 * lost or damaged. */
#include "dedup_support.h"

#include <unistd.h>

enum { SEQS_MAX = 6000, IDS = 400, GROUP_MAX = 12, STEPS = 700 };

struct model {
    uint64_t ids[SEQS_MAX]; /* by seq; 0: there is no such event */
    uint64_t head, first_seq;
    const char *directory; /* NULL: in memory */
    struct log *log;
    uint64_t random;
};

static void check_one(struct model *model, uint64_t id) {
    uint64_t seqs[LOG_CANDIDATES];
    size_t count = 0;
    for (uint64_t seq = model->first_seq; seq <= model->head && count < LOG_CANDIDATES; seq++)
        if (model->ids[seq] == id) seqs[count++] = seq;
    assert_found(model->log, id, seqs, count);
}

/* Gathers a group; returns how far it goes. */
static uint64_t gather_some(struct model *model) {
    uint64_t seq = model->head;
    for (size_t n = 1 + random_below(&model->random, GROUP_MAX); n > 0; n--) {
        seq += 1 + (random_below(&model->random, 8) == 0);
        uint64_t id = 1 + random_below(&model->random, IDS);
        gather_id(model->log, seq, id);
        model->ids[seq] = id;
    }
    return seq;
}

static void forget(struct model *model, uint64_t last) {
    for (uint64_t seq = model->head + 1; seq <= last; seq++) model->ids[seq] = 0;
}

static void write_group(struct model *model) {
    struct reel_error error;
    uint64_t last = gather_some(model);
    size_t fate = random_below(&model->random, 10);
    if (fate == 0) {
        log_abort(model->log);
        forget(model, last);
        return;
    }
    must_ok(log_commit(model->log, &error), error);
    if (fate == 1) {
        must_ok(log_undo(model->log, &error), error);
        forget(model, last);
        return;
    }
    log_keep(model->log);
    model->head = last;
}

static void open_again(struct model *model) {
    if (!model->directory) return;
    if (random_below(&model->random, 2))
        crash(model->log);
    else
        log_close(model->log);
    for (size_t left = count_runs(model->directory); left > 0; left--) {
        const char *path = run_path(model->directory, left - 1);
        size_t fate = random_below(&model->random, 12);
        if (fate == 0) must(unlink(path) == 0);
        if (fate == 1) flip(path, random_below(&model->random, size_of(path)));
        if (fate == 2)
            must(truncate(path, (off_t)random_below(&model->random, size_of(path))) == 0);
    }
    model->log = dedup_opened(model->directory);
}

static void trim_some(struct model *model) {
    uint64_t kept = model->head + 1 - model->first_seq;
    model->first_seq += random_below(&model->random, kept / 4 + 1);
    trim_to(model->log, model->first_seq);
}

static void step(struct model *model) {
    switch (random_below(&model->random, 16)) {
    case 0:
        open_again(model);
        break;
    case 1:
        trim_some(model);
        break;
    case 2:
    case 3:
        for (size_t n = random_below(&model->random, 6); n > 0; n--) log_help(model->log);
        break;
    default:
        write_group(model);
    }
    for (int n = 0; n < 3; n++) check_one(model, 1 + random_below(&model->random, IDS));
    if (random_below(&model->random, 25) > 0) return;
    for (uint64_t id = 1; id <= IDS + 2; id++) check_one(model, id);
}

static void run_model(const char *directory, uint64_t seed) {
    static struct model model; /* large */
    model = (struct model){.first_seq = 1, .directory = directory, .random = seed};
    test_context("seed %llu", (unsigned long long)seed);
    model.log = dedup_opened(directory);
    for (int n = 0; n < STEPS && model.head + 2 * GROUP_MAX < SEQS_MAX; n++) step(&model);
    log_close(model.log);
    test_context("%s", "");
}

static void the_index_finds_what_the_log_has(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= scaled(4); seed++) run_model(dedup_made(), seed);
}

static void in_memory_likewise(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= scaled(2); seed++) run_model(NULL, seed);
}

UNIT_TESTS(dedup_model_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_finds_what_the_log_has),
        cmocka_unit_test(in_memory_likewise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
