/* store_bench.c: what it costs to store events durably, beside what the same disk does without us.
 *
 * Single events by POST are measured beside (i) 400 bytes appended and synced in a file that was
 * filled with zeros, (ii) PostgreSQL doing the same job with the same durability: postgres.h, and,
 * if it is named, (iii) an earlier build of reeld. All are run in turn, several times, on stores
 * that were filled with as many events as there are cells. Printed are the best rate, the median of
 * the ratios of neighbours with the lowest and the highest, and of all requests the median latency
 * and the 99th percentile. Clients and servers share the machine; processor time is reeld's alone.
 * The segments of reeld's log are so small here that zeros are written and segments are sealed all
 * the time; how much of both is printed at the end. An earlier build keeps its defaults.
 *
 * Batches, rebuild, bytes written, memory and starts are in store_bulk.c.
 *
 *     store_bench [--long] [--before BUILD] [post | intake | bulk]
 *
 * --long: a million cells, four million events by batches, longer runs. --before: the root of
 * another optimised build, whose reeld is run as (iii).
 */
#include "keyed.h"
#include "load.h"
#include "postgres.h"
#include "servers.h"
#include "store_bulk.h"
#include "zeroed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DISK, POSTGRES, BEFORE, REELD, SIDES };

enum { EVENT_BYTES = 400, FILL_BATCH = 4096, FILL_CONNECTIONS = 4 };

/* A single event takes a frame of 1 KiB: with one client, a segment is full after a thousand. */
#define SEGMENT_BYTES "1048576"

static const size_t crowds[] = {1, 16, 256};

struct options {
    bool is_long;
    const char *before; /* a build, or NULL */
    const char *part;   /* NULL: all */
};

/* What is measured, and its stream of events: each side takes all of it. */
struct bench {
    double seconds; /* of a run */
    uint64_t cells;
    struct zeroed zeroed;
    struct postgres postgres;
    struct postgres_clients *clients;
    struct server servers[SIDES]; /* of BEFORE, if there is one, and REELD */
    bool has_before;
    struct keyed keyed[SIDES];
};

/* What came of one side in all runs of one line. */
struct figures {
    double rates[RUNS], cpu[RUNS];
    struct samples latencies;
};

/* ---- Filling --------------------------------------------------------------------------------- */

struct filling {
    struct keyed *keyed;
    uint64_t until;
};

static size_t write_batch(void *context, char *to) {
    struct filling *filling = context;
    if (filling->keyed->next >= filling->until) return 0;
    return keyed_post(filling->keyed, FILL_BATCH, to);
}

static void fill_reeld(struct bench *bench, int side) {
    struct filling filling = {&bench->keyed[side], bench->cells};
    struct load load = {.port = bench->servers[side].port,
                        .connections = FILL_CONNECTIONS,
                        .seconds = 3600,
                        .status = 201,
                        .request_bytes_max = keyed_post_bytes_max(FILL_BATCH),
                        .write = write_batch,
                        .context = &filling};
    load_run(&load);
}

static void fill_postgres(struct bench *bench) {
    struct keyed *keyed = &bench->keyed[POSTGRES];
    char *array = malloc(keyed_post_bytes_max(FILL_BATCH));
    must(array != NULL);
    while (keyed->next < bench->cells) {
        array[keyed_array(keyed, FILL_BATCH, array)] = '\0';
        postgres_take(&bench->postgres, array);
    }
    postgres_settle(&bench->postgres);
    free(array);
}

static void start_reeld(struct bench *bench, int side, const char *build,
                        const char *segment_bytes) {
    bench->servers[side] = reeld_started_of(build, scratch_directory(), segment_bytes);
    server_wait_until_ready(&bench->servers[side]);
    fill_reeld(bench, side);
}

static struct bench bench_started(const struct options *options) {
    struct bench bench = {.seconds = options->is_long ? 3 : 0.3,
                          .cells = options->is_long ? 1000000 : 50000,
                          .has_before = options->before != NULL};
    for (int side = 0; side < SIDES; side++)
        bench.keyed[side] = (struct keyed){KEYS_RANDOM, bench.cells, 0};
    bench.zeroed = zeroed_made();
    bench.postgres = postgres_started();
    fill_postgres(&bench);
    if (bench.has_before) start_reeld(&bench, BEFORE, options->before, NULL);
    start_reeld(&bench, REELD, build_path(""), SEGMENT_BYTES);
    return bench;
}

static void bench_end(struct bench *bench) {
    server_end(&bench->servers[REELD]);
    if (bench->has_before) server_end(&bench->servers[BEFORE]);
    postgres_end(&bench->postgres);
    zeroed_close(&bench->zeroed);
}

/* ---- Single events --------------------------------------------------------------------------- */

static size_t write_post(void *context, char to[LOAD_REQUEST_MAX]) {
    return keyed_post(context, 1, to);
}

static size_t write_event(void *context, char to[LOAD_REQUEST_MAX]) {
    return keyed_event(context, to);
}

static void run_reeld(struct bench *bench, int side, size_t clients, size_t run,
                      struct figures *figures) {
    struct load load = {.port = bench->servers[side].port,
                        .connections = clients,
                        .seconds = bench->seconds,
                        .status = 201,
                        .write = write_post,
                        .context = &bench->keyed[side],
                        .latencies = &figures->latencies};
    double before = server_cpu(&bench->servers[side]);
    struct load_result result = load_run(&load);
    double cpu = server_cpu(&bench->servers[side]) - before;
    figures->rates[run] = (double)result.answers / result.seconds;
    figures->cpu[run] = cpu / (double)result.answers;
}

static void run_side(struct bench *bench, int side, size_t clients, size_t run,
                     struct figures *figures) {
    static const char bytes[EVENT_BYTES];
    if (side == DISK) {
        figures->rates[run] =
            zeroed_run(&bench->zeroed, bytes, sizeof bytes, bench->seconds, &figures->latencies);
    } else if (side == POSTGRES) {
        struct load_result result = postgres_run(bench->clients, bench->seconds, write_event,
                                                 &bench->keyed[side], &figures->latencies);
        figures->rates[run] = (double)result.answers / result.seconds;
    } else {
        run_reeld(bench, side, clients, run, figures);
    }
}

static void print_ratio(const struct figures *figures, const struct figures *measure,
                        const char *name) {
    double ratios[RUNS];
    for (size_t run = 0; run < RUNS; run++) ratios[run] = figures->rates[run] / measure->rates[run];
    double middle = quantile(ratios, RUNS, 0.5);
    printf("  %6.3f x %s (%.3f to %.3f)", middle, name, ratios[0], ratios[RUNS - 1]);
}

static void print_side(const char *what, struct figures sides[SIDES], int side, bool has_before) {
    struct figures *figures = &sides[side];
    double best = 0;
    for (size_t run = 0; run < RUNS; run++)
        if (figures->rates[run] > best) best = figures->rates[run];
    printf("%-46s %7.0f %-8s p50 %7.3f ms  p99 %8.3f ms", what, best,
           side == DISK ? "syncs/s" : "events/s",
           quantile(figures->latencies.values, figures->latencies.count, 0.5) * 1e3,
           quantile(figures->latencies.values, figures->latencies.count, 0.99) * 1e3);
    if (side != DISK) print_ratio(figures, &sides[DISK], "(i)");
    if (side == BEFORE || side == REELD) print_ratio(figures, &sides[POSTGRES], "(ii)");
    if (side == REELD && has_before) print_ratio(figures, &sides[BEFORE], "(iii)");
    double cpu = quantile(figures->cpu, RUNS, 0.5);
    if (cpu > 0) printf("  %.1f us of processor", cpu * 1e6);
    putchar('\n');
    fflush(stdout);
}

/* A server process for each connection compiles the function at its first call, and plans anew at
 * the first five; reeld has nothing of the kind. */
static void warm_postgres(struct bench *bench) {
    enum { CALLS = 6 };
    for (int i = 0; i < CALLS; i++) /* no time at all: one call on each connection */
        postgres_run(bench->clients, 0, write_event, &bench->keyed[POSTGRES], NULL);
}

static void report_posts_of(struct bench *bench, size_t clients, enum keys keys) {
    struct figures sides[SIDES] = {0};
    char name[80];
    for (int side = 0; side < SIDES; side++) bench->keyed[side].keys = keys;
    for (size_t run = 0; run < RUNS; run++)
        for (int side = 0; side < SIDES; side++)
            if (side != BEFORE || bench->has_before)
                run_side(bench, side, clients, run, &sides[side]);
    snprintf(name, sizeof name, "POST, %zu client%s, %s cells", clients, clients > 1 ? "s" : "",
             keys == KEYS_RANDOM ? "random" : "sequential");
    print_side(name, sides, REELD, bench->has_before);
    if (bench->has_before) print_side("    (iii) the build before", sides, BEFORE, true);
    print_side("    (ii) PostgreSQL, the same job", sides, POSTGRES, false);
    print_side("    (i) 400 bytes appended and synced", sides, DISK, false);
    for (int side = 0; side < SIDES; side++) free(sides[side].latencies.values);
}

/* The value of a metric of reeld, which is named with its labels. */
static double metric(const struct bench *bench, const char *name) {
    struct text answer =
        load_answer(bench->servers[REELD].port, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                                "Authorization: Bearer " BENCH_TOKEN "\r\n"
                                                "Connection: close\r\n\r\n");
    char line[80];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(answer.data, line);
    must(found != NULL);
    double value = strtod(found + strlen(line), NULL);
    free(answer.data);
    return value;
}

/* What reeld's log has done in the background meanwhile. */
struct background {
    double filled, sealed, segments;
};

static struct background background_of(const struct bench *bench) {
    return (struct background){metric(bench, "reel_log_written_bytes_total{kind=\"zeros\"}"),
                               metric(bench, "reel_log_written_bytes_total{kind=\"sealed\"}"),
                               metric(bench, "reel_log_segments{form=\"sealed\"}")};
}

static void print_background(const struct bench *bench, const struct background *before) {
    struct background now = background_of(bench);
    must(now.segments > before->segments); /* else the figures are not what they say */
    printf("meanwhile reeld has filled %.1f MB with zeros, and sealed %.0f segments to %.1f MB\n",
           (now.filled - before->filled) / 1e6, now.segments - before->segments,
           (now.sealed - before->sealed) / 1e6);
}

static void report_posts(const struct options *options) {
    struct bench bench = bench_started(options);
    struct background before = background_of(&bench);
    printf("single events until durable, %llu cells, PostgreSQL %d.%d\n",
           (unsigned long long)bench.cells, bench.postgres.version / 10000,
           bench.postgres.version % 10000);
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++) {
        bench.clients = postgres_connected(&bench.postgres, crowds[i], POSTGRES_TAKE);
        warm_postgres(&bench);
        report_posts_of(&bench, crowds[i], KEYS_RANDOM);
        report_posts_of(&bench, crowds[i], KEYS_SEQUENTIAL);
        postgres_disconnect(bench.clients);
    }
    print_background(&bench, &before);
    bench_end(&bench);
}

/* ---- The report ------------------------------------------------------------------------------ */

static struct options options_read(int argc, char **argv) {
    static const char *const parts[] = {"post", "intake", "bulk"};
    struct options options = {0};
    for (int i = 1; i < argc; i++) {
        bool known = true;
        if (strcmp(argv[i], "--long") == 0) {
            options.is_long = true;
        } else if (strcmp(argv[i], "--before") == 0 && i + 1 < argc) {
            options.before = argv[++i];
        } else {
            known = false;
            for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
                if (strcmp(argv[i], parts[p]) == 0) options.part = parts[p], known = true;
        }
        if (!known) {
            fputs("usage: store_bench [--long] [--before BUILD] [post | intake | bulk]\n", stderr);
            exit(2);
        }
    }
    return options;
}

static bool wants(const struct options *options, const char *part) {
    return !options->part || strcmp(options->part, part) == 0;
}

int main(int argc, char **argv) {
    struct options options = options_read(argc, argv);
    printf("best rate of %d runs, median ratio (lowest to highest)\n", RUNS);
    if (wants(&options, "post")) report_posts(&options);
    if (wants(&options, "intake")) report_intake(options.is_long);
    if (wants(&options, "bulk")) report_bulk(options.is_long);
    return 0;
}
