/* query_bench.c: what indexes of fields cost, and what they are good for: in one process, with the
 * library.
 *
 * Costs: the same events are folded into a new store with 0, 1 and 3 indexes of `cells`, in turn,
 * several times: batches of 4,096, each cell started, and then changed three times at random.
 * Printed are the best rate, the median of its ratios to that without indexes beside it, and the
 * bytes that the process has written (write calls) for each event.
 *
 * Queries: with three indexes, and all cells in the checkpoint: the median and the 99th percentile
 * of the time of each.
 *
 *     query_bench [CELLS]
 */
#include "figures.h"
#include "meters.h"
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDS = 3, BATCH = 4096, CHANGES = 3, PER_FORMATION = 100, EVENT_MAX = 600 };

static const char *const plugins[] = {"tests/bench/cell_0.so", "tests/bench/cell_1.so",
                                      "plugins/cell/cell.so"};
static const int indexes[] = {0, 1, 3};
enum { VARIANTS = 3 };

/* ---- Events ---------------------------------------------------------------------------------- */

static size_t write_event(char *to, uint64_t n, uint64_t cell, bool is_start) {
    return (size_t)snprintf(
        to, EVENT_MAX,
        "{\"specversion\":\"1.0\",\"id\":\"%" PRIu64
        "\",\"source\":\"/bench\",\"type\":\"dev.cellos."
        "events.cell.lifecycle.v1.%s\",\"time\":\"2026-01-01T00:00:00Z\",\"data\":{\"cellId\":"
        "\"cell-%08" PRIu64 "\",\"runId\":\"run-%" PRIu64 "\",\"specId\":\"spec-%04" PRIu64
        "\",\"formationId\":\"0b5d2bb0-0000-4000-8000-%012" PRIu64 "\"}}",
        n, is_start ? "started" : "destroyed", cell * 2654435761u % 100000000, n, cell % 1000,
        cell / PER_FORMATION);
}

struct feed {
    uint64_t cells, next, random;
    char *space;
    struct reel_str payloads[BATCH];
};

/* The next batch; false: these were all. */
static size_t next_batch(struct feed *feed) {
    size_t count = 0;
    for (; count < BATCH && feed->next < feed->cells * (1 + CHANGES); count++, feed->next++) {
        bool is_first = feed->next < feed->cells;
        uint64_t cell = is_first ? feed->next : random_next(&feed->random) % feed->cells;
        char *to = feed->space + count * EVENT_MAX;
        bool is_start = is_first || random_next(&feed->random) % 2;
        feed->payloads[count] = (struct reel_str){to, write_event(to, feed->next, cell, is_start)};
    }
    return count;
}

struct cost {
    double rate, bytes;
};

static struct cost fold(const char *directory, int variant, uint64_t cells) {
    struct feed feed = {.cells = cells, .random = 1, .space = malloc((size_t)BATCH * EVENT_MAX)};
    struct reel_error error;
    must(feed.space);
    struct reel *reel = reel_opened(directory, NULL, build_path(plugins[variant]), NULL);
    uint64_t before = process_written(getpid());
    double began = seconds_now();
    for (size_t count; (count = next_batch(&feed)) > 0;)
        must_ok(reel_apply_batch(reel, feed.payloads, count, NULL, &error), error);
    double took = seconds_now() - began;
    reel_close(reel);
    free(feed.space);
    double events = (double)feed.next;
    return (struct cost){events / took, (double)(process_written(getpid()) - before) / events};
}

static void report_costs(uint64_t cells) {
    struct cost costs[FOLDS][VARIANTS];
    for (size_t run = 0; run < FOLDS; run++)
        for (int v = 0; v < VARIANTS; v++) costs[run][v] = fold(scratch_directory(), v, cells);
    printf("%" PRIu64 " cells, %" PRIu64 " events\n", cells, cells * (1 + CHANGES));
    for (int v = 0; v < VARIANTS; v++) {
        double best = 0, ratios[FOLDS];
        for (size_t run = 0; run < FOLDS; run++) {
            if (costs[run][v].rate > best) best = costs[run][v].rate;
            ratios[run] = costs[run][v].rate / costs[run][0].rate;
        }
        printf(
            "%d indexes: %9.0f events/s, %.2f of the rate without, %5.0f bytes written an event\n",
            indexes[v], best, quantile(ratios, FOLDS, 0.5), costs[FOLDS - 1][v].bytes);
        fflush(stdout);
    }
}

/* ---- Queries --------------------------------------------------------------------------------- */

static int count_row(void *context, const struct reel_row *row) {
    (void)row;
    ++*(uint64_t *)context;
    return 0;
}

static int count_group(void *context, const struct reel_group *group) {
    (void)group;
    ++*(uint64_t *)context;
    return 0;
}

struct question {
    const char *name, *field, *order, *group;
    reel_comparison comparison;
    bool counts, also_running; /* and it is running, which many are */
    uint64_t limit;
};

static uint64_t ask(struct reel_view *view, const struct question *question, const char *value) {
    struct reel_condition condition = {.struct_size = sizeof condition,
                                       .comparison = question->comparison,
                                       .field = question->field,
                                       .value = reel_text(value)};
    const struct reel_condition running = {.struct_size = sizeof running,
                                           .comparison = REEL_IS_EQUAL,
                                           .field = "state",
                                           .value = reel_text("running")};
    const struct reel_condition *const list[] = {&condition,
                                                 question->also_running ? &running : NULL, NULL};
    const struct reel_query query = {.struct_size = sizeof query,
                                     .collection = "cells",
                                     .conditions = question->field ? list : NULL,
                                     .order = question->order,
                                     .limit = question->limit};
    struct reel_error error;
    uint64_t rows = 0, count = 0;
    if (question->counts) {
        must_ok(reel_view_count(view, &query, question->group, count_group, &rows, &count, &error),
                error);
        return question->group ? rows : count;
    }
    must_ok(reel_view_query(view, &query, count_row, &rows, NULL, &error), error);
    return rows;
}

static void report_question(struct reel *reel, const struct question *question, uint64_t cells) {
    enum { TIMES_MAX = 1000 };
    double times[TIMES_MAX], began = seconds_now();
    size_t count = 0;
    uint64_t random = 7, rows = 0;
    for (; count < TIMES_MAX && (count < 5 || seconds_now() - began < 3); count++) {
        char value[64];
        uint64_t n = random_next(&random) % (cells / PER_FORMATION);
        snprintf(value, sizeof value, "0b5d2bb0-0000-4000-8000-%012" PRIu64, n);
        struct reel_view *view = view_opened(reel);
        double start = seconds_now();
        rows = ask(view, question,
                   question->field && strcmp(question->field, "state") == 0 ? "running" : value);
        times[count] = seconds_now() - start;
        reel_view_close(view);
    }
    printf("%-34s %8" PRIu64 " %9.3f ms, p99 %9.3f ms\n", question->name, rows,
           quantile(times, count, 0.5) * 1000, quantile(times, count, 0.99) * 1000);
    fflush(stdout);
}

static void report_queries(uint64_t cells) {
    static const struct question questions[] = {
        {.name = "100 records by an index", .field = "formation_id", .comparison = REEL_IS_EQUAL},
        {.name = "the first 100 by an order", .order = "spec_id", .limit = 100},
        {.name = "the last 100 that changed", .order = "changed", .limit = 100},
        {.name = "a range, the first 100",
         .field = "formation_id",
         .comparison = REEL_IS_AT_LEAST,
         .order = "formation_id",
         .limit = 100},
        {.name = "count of a state", .field = "state", .comparison = REEL_IS_EQUAL, .counts = true},
        {.name = "group by state", .group = "state", .counts = true},
        {.name = "count of a formation",
         .field = "formation_id",
         .comparison = REEL_IS_EQUAL,
         .counts = true},
        {.name = "count of a range (about half)",
         .field = "formation_id",
         .comparison = REEL_IS_AT_LEAST,
         .counts = true},
        {.name = "count of such a range and a state",
         .field = "formation_id",
         .comparison = REEL_IS_AT_LEAST,
         .counts = true,
         .also_running = true},
        {.name = "group by spec_id (1,000)", .group = "spec_id", .counts = true},
        {.name = "a scan", .field = "run_id", .comparison = REEL_IS_EQUAL},
    };
    const char *directory = scratch_directory();
    fold(directory, VARIANTS - 1, cells); /* closing it writes all to LMDB */
    struct reel_options options = {.view_ms_max = 600000};
    struct reel *reel = reel_opened(directory, &options, build_path(plugins[VARIANTS - 1]), NULL);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        report_question(reel, &questions[i], cells);
    reel_close(reel);
}

int main(int argc, char **argv) {
    uint64_t cells = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    report_costs(cells);
    report_queries(cells);
    return 0;
}
