/* asking_bench.c: questions over HTTP, beside PostgreSQL of the distribution answering the same
 * ones by prepared statements over TCP, from a table with the same records and the same indexes.
 *
 * Both have CELLS cells, 100 for each formation and 1,000 for each spec, all of them on the disk
 * and in the page cache. Each question is asked for something else each time, at random, so that no
 * answer is kept. Both are run in turn, several times, by a client of one thread with the given
 * number of connections. reeld's answers are JSON, PostgreSQL's are rows as text.
 *
 *     asking_bench [CELLS]
 */
#include "figures.h"
#include "load.h"
#include "postgres.h"
#include "servers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096, EVENT_MAX = 600, PER_FORMATION = 100, PER_SPEC = 1000, VALUE_MAX = 64 };

#define RUN_SECONDS 1.0

/* ---- The records ----------------------------------------------------------------------------- */

#define FORMATION "0b5d2bb0-0000-4000-8000-%012" PRIu64

static size_t write_event(char *to, uint64_t cell) {
    int len =
        snprintf(to, EVENT_MAX,
                 "{\"specversion\":\"1.0\",\"id\":\"%" PRIu64 "\",\"source\":\"/bench\",\"type\":"
                 "\"dev.cellos.events.cell.lifecycle.v1.started\","
                 "\"time\":\"2026-01-01T00:00:00Z\",\"data\":{\"cellId\":\"cell-%08" PRIu64
                 "\",\"runId\":\"run-%" PRIu64 "\",\"specId\":\"spec-%08" PRIu64
                 "\",\"correlation\":{\"formationId\":\"" FORMATION "\"}}}",
                 cell, cell, cell, cell / PER_SPEC, cell / PER_FORMATION);
    must(len < EVENT_MAX);
    return (size_t)len;
}

/* Closing the store writes all of it to the disk. */
static void fill_reel(const char *directory, uint64_t cells) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    char *space = malloc((size_t)BATCH * EVENT_MAX);
    struct reel_str payloads[BATCH];
    struct reel_error error;
    must(space != NULL);
    for (uint64_t cell = 0; cell < cells;) {
        size_t count = 0;
        for (; count < BATCH && cell < cells; count++, cell++) {
            char *to = space + count * EVENT_MAX;
            payloads[count] = (struct reel_str){to, write_event(to, cell)};
        }
        must_ok(reel_apply_batch(reel, payloads, count, NULL, &error), error);
    }
    reel_close(reel);
    free(space);
}

static void fill_postgres(const struct postgres *postgres, uint64_t cells) {
    char command[512];
    snprintf(command, sizeof command,
             "INSERT INTO cells SELECT 'cell-' || lpad(n::text, 8, '0'),"
             "    'spec-' || lpad((n / %d)::text, 8, '0'), 'run-' || n,"
             "    '0b5d2bb0-0000-4000-8000-' || lpad((n / %d)::text, 12, '0'), 'running',"
             "    '2026-01-01T00:00:00Z', NULL, n + 1 FROM generate_series(0, %" PRIu64 ") n",
             PER_SPEC, PER_FORMATION, cells - 1);
    postgres_do(postgres, command);
    postgres_do(postgres, "CREATE INDEX ON cells (formation_id, id)");
    postgres_do(postgres, "CREATE INDEX ON cells (spec_id, id)");
    postgres_do(postgres, "CREATE INDEX ON cells (state, id)");
    postgres_settle(postgres);
}

/* ---- The questions --------------------------------------------------------------------------- */

struct question {
    const char *name, *path, *statement;
    void (*write_value)(char to[VALUE_MAX], uint64_t cell);
};

static void write_cell(char to[VALUE_MAX], uint64_t cell) {
    snprintf(to, VALUE_MAX, "cell-%08" PRIu64, cell);
}

static void write_formation(char to[VALUE_MAX], uint64_t cell) {
    snprintf(to, VALUE_MAX, FORMATION, cell / PER_FORMATION);
}

static void write_spec(char to[VALUE_MAX], uint64_t cell) {
    snprintf(to, VALUE_MAX, "spec-%08" PRIu64, cell / PER_SPEC);
}

static const struct question questions[] = {
    {"a record by its key", "/v1/cells/", "SELECT * FROM cells WHERE id = $1", write_cell},
    {"100 records by an index", "/v1/cells?formation_id=",
     "SELECT * FROM cells WHERE formation_id = $1 ORDER BY id", write_formation},
    {"the first 10 of a range", "/v1/cells?order=spec_id&limit=10&spec_id.gte=",
     "SELECT * FROM cells WHERE spec_id >= $1 ORDER BY spec_id, id LIMIT 10", write_spec},
    {"the first 100 of a range", "/v1/cells?order=spec_id&limit=100&spec_id.gte=",
     "SELECT * FROM cells WHERE spec_id >= $1 ORDER BY spec_id, id LIMIT 100", write_spec},
};

struct asking {
    const struct question *question;
    uint64_t cells, random;
};

static void next_value(struct asking *asking, char to[VALUE_MAX]) {
    asking->question->write_value(to, random_next(&asking->random) % asking->cells);
}

static size_t write_get(void *context, char to[LOAD_REQUEST_MAX]) {
    struct asking *asking = context;
    char value[VALUE_MAX];
    next_value(asking, value);
    return (size_t)snprintf(to, LOAD_REQUEST_MAX,
                            "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Authorization: Bearer " BENCH_TOKEN "\r\n\r\n",
                            asking->question->path, value);
}

static size_t write_parameter(void *context, char to[LOAD_REQUEST_MAX]) {
    next_value(context, to);
    return strlen(to);
}

static void print_latency(const char *who, struct samples *samples) {
    printf("    %s: p50 %.3f ms, p99 %.3f ms\n", who,
           quantile(samples->values, samples->count, 0.5) * 1000,
           quantile(samples->values, samples->count, 0.99) * 1000);
    free(samples->values);
}

static void report(const struct server *reeld, const struct postgres *postgres, uint64_t cells,
                   const struct question *question, size_t connections) {
    struct asking asking = {.question = question, .cells = cells, .random = 1};
    struct series own = {0}, other = {0};
    struct samples own_times = {0}, other_times = {0};
    struct postgres_clients *clients =
        postgres_connected(postgres, connections, question->statement);
    const struct load load = {.port = reeld->port,
                              .connections = connections,
                              .seconds = RUN_SECONDS,
                              .status = 200,
                              .write = write_get,
                              .context = &asking,
                              .latencies = &own_times};
    for (size_t i = 0; i < RUNS; i++) {
        struct load_result result =
            postgres_run(clients, RUN_SECONDS, write_parameter, &asking, &other_times);
        double measure = (double)result.answers / result.seconds;
        add_run(&other, measure, measure, 0);
        double before = server_cpu(reeld);
        result = load_run(&load);
        double cpu = (server_cpu(reeld) - before) / (double)result.answers;
        add_run(&own, (double)result.answers / result.seconds, measure, cpu);
    }
    char name[80];
    snprintf(name, sizeof name, "%s, %zu connection%s", question->name, connections,
             connections > 1 ? "s" : "");
    print_series(name, &own, "requests/s", 1, "(a)");
    print_series("    (a) PostgreSQL, prepared statement over TCP", &other, "requests/s", 1, "(a)");
    print_latency("reeld", &own_times);
    print_latency("PostgreSQL", &other_times);
    fflush(stdout);
    postgres_disconnect(clients);
}

int main(int argc, char **argv) {
    uint64_t cells = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const char *directory = scratch_directory();
    fill_reel(directory, cells);
    struct postgres postgres = postgres_started();
    fill_postgres(&postgres, cells);
    struct server reeld = reeld_started(directory);
    server_wait_until_ready(&reeld);
    printf("%" PRIu64 " cells; PostgreSQL %d\n", cells, postgres.version / 10000);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        report(&reeld, &postgres, cells, &questions[i], 1);
        report(&reeld, &postgres, cells, &questions[i], 16);
    }
    server_end(&reeld);
    postgres_end(&postgres);
    return 0;
}
