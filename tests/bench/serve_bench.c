/* serve_bench.c: what the daemon does over HTTP, beside what the machine does without it.
 *
 * Each figure has a measure of its own: bare libmicrohttpd that sends the same bytes, or a file
 * that is appended to and synced. Machines differ, and the same machine differs from one second to
 * the next, so both are run in turn, several times. Printed are the best rate, the median of the
 * ratios of neighbours, and the lowest and the highest of these. Client and servers share the
 * machine: processor time is the server's alone.
 *
 *     serve_bench [--long | --backup]
 *
 * --long adds the start with ten million events, which takes minutes and 10 GB to prepare.
 * --backup only measures POSTs beside a backup.
 */
#include "figures.h"
#include "load.h"
#include "servers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CELLS = 100000, PATH_MAX_BYTES = 4096 };

#define RUN_SECONDS    0.4
#define BACKUP_SECONDS 3.0

/* A cell begins with each fourth event that is no formation's: see stream.c. */
#define EVENTS_OF_CELLS(cells) ((size_t)(cells)*80 / 19 + 20)

/* ---- Reading --------------------------------------------------------------------------------- */

/* Several servers that answer the same request with the same bytes; and reeld, which keeps what it
 * is asked for again, asked for something else each time. */
enum { SIDE_KEPT, SIDE_REELD, SIDE_MADE, SIDE_OTHERS, SIDES };

struct sides {
    struct server servers[SIDES];
    char request[512];
    const char *path; /* up to the id of a cell */
    size_t next;      /* of SIDE_OTHERS */
    struct text answer;
};

static size_t write_get(char *to, size_t size, const char *path, const char *cell, bool closes) {
    return (size_t)snprintf(to, size,
                            "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Authorization: Bearer " BENCH_TOKEN "\r\n%s\r\n",
                            path, cell, closes ? "Connection: close\r\n" : "");
}

/* All but the last thousand, and none again soon. */
static size_t write_other(void *context, char to[LOAD_REQUEST_MAX]) {
    struct sides *sides = context;
    char cell[32];
    snprintf(cell, sizeof cell, "cell-%08zx", sides->next++ * 7919 % (CELLS - 1000));
    return write_get(to, LOAD_REQUEST_MAX, sides->path, cell, false);
}

static struct sides sides_started(const struct server *reeld, const char *path, const char *cell) {
    struct sides sides = {.path = path};
    write_get(sides.request, sizeof sides.request, path, cell, true);
    sides.answer = load_answer(reeld->port, sides.request);
    write_get(sides.request, sizeof sides.request, path, cell, false);
    sides.servers[SIDE_KEPT] = bare_started(BARE_KEPT, &sides.answer);
    sides.servers[SIDE_REELD] = sides.servers[SIDE_OTHERS] = *reeld;
    sides.servers[SIDE_MADE] = bare_started(BARE_MADE, &sides.answer);
    return sides;
}

static void sides_end(struct sides *sides) {
    server_end(&sides->servers[SIDE_KEPT]);
    server_end(&sides->servers[SIDE_MADE]);
    free(sides->answer.data);
}

struct rates {
    double answers, bytes; /* a second */
    double cpu;            /* an answer, seconds */
};

static struct rates run_get(struct sides *sides, size_t side, size_t connections, double seconds) {
    struct load load = {.port = sides->servers[side].port,
                        .connections = connections,
                        .seconds = seconds,
                        .status = 200,
                        .write = load_write_text,
                        .context = sides->request};
    if (side == SIDE_OTHERS) load.write = write_other, load.context = sides;
    double before = server_cpu(&sides->servers[side]);
    struct load_result result = load_run(&load);
    double cpu = server_cpu(&sides->servers[side]) - before;
    return (struct rates){(double)result.answers / result.seconds,
                          (double)result.bytes / result.seconds, cpu / (double)result.answers};
}

static void report_get(const struct server *reeld, const char *what, const char *path,
                       size_t connections) {
    struct sides sides = sides_started(reeld, path, "cell-00000010");
    struct series series[SIDES] = {0};
    char name[80];
    for (size_t i = 0; i < RUNS; i++) {
        struct rates rates[SIDES];
        for (size_t side = 0; side < SIDES; side++) {
            rates[side] = run_get(&sides, side, connections, RUN_SECONDS);
            add_run(&series[side], rates[side].answers, rates[SIDE_KEPT].answers, rates[side].cpu);
        }
    }
    snprintf(name, sizeof name, "%s, %zu connections", what, connections);
    print_series(name, &series[SIDE_REELD], "requests/s", 1, "(a)");
    print_series("    others each time", &series[SIDE_OTHERS], "requests/s", 1, "(a)");
    print_series("    (a) bare libmicrohttpd, one response for all", &series[SIDE_KEPT],
                 "requests/s", 1, "(a)");
    print_series("    the same, each with a response of its own", &series[SIDE_MADE], "requests/s",
                 1, "(a)");
    sides_end(&sides);
}

static void report_listing(const struct server *reeld) {
    struct sides sides = sides_started(reeld, "/v1/cells", "");
    struct series kept = {0}, own = {0};
    char name[80];
    for (size_t i = 0; i < RUNS; i++) {
        struct rates bare = run_get(&sides, SIDE_KEPT, 1, RUN_SECONDS);
        struct rates rates = run_get(&sides, SIDE_REELD, 1, RUN_SECONDS);
        add_run(&kept, bare.bytes, bare.bytes, bare.cpu);
        add_run(&own, rates.bytes, bare.bytes, rates.cpu);
    }
    snprintf(name, sizeof name, "GET of all %d cells, %.1f MB", CELLS,
             (double)sides.answer.len / 1e6);
    print_series(name, &own, "GB/s", 1e9, "(b)");
    print_series("    (b) bare libmicrohttpd, from one buffer", &kept, "GB/s", 1e9, "(b)");
    sides_end(&sides);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Small appends and syncs of one file, a second. */
static double run_disk(void) {
    static char bytes[400];
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/appended", scratch_directory());
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    must(fd >= 0);
    size_t count = 0;
    double start = seconds_now(), seconds = 0;
    for (; seconds < RUN_SECONDS; count++) {
        must(write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && fdatasync(fd) == 0);
        seconds = seconds_now() - start;
    }
    close(fd);
    return (double)count / seconds;
}

/* POST of the next event of the stream; the context counts them. */
static size_t write_post(void *context, char to[LOAD_REQUEST_MAX]) {
    uint64_t *next = context;
    char event[SAMPLE_BYTES_MAX];
    size_t len = sample_event((*next)++, event, sizeof event);
    int head =
        snprintf(to, LOAD_REQUEST_MAX,
                 "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " BENCH_TOKEN
                 "\r\nContent-Type: application/cloudevents+json\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 len);
    must((size_t)head + len < LOAD_REQUEST_MAX);
    memcpy(to + head, event, len);
    return (size_t)head + len;
}

static void report_posts(const struct server *reeld, size_t clients, uint64_t *next) {
    struct series own = {0}, disk = {0};
    char name[80];
    for (size_t i = 0; i < RUNS; i++) {
        struct load load = {.port = reeld->port,
                            .connections = clients,
                            .seconds = RUN_SECONDS,
                            .status = 201,
                            .write = write_post,
                            .context = next};
        double syncs = run_disk(), before = server_cpu(reeld);
        struct load_result result = load_run(&load);
        double cpu = server_cpu(reeld) - before;
        add_run(&disk, syncs, syncs, 0);
        add_run(&own, (double)result.answers / result.seconds, syncs, cpu / (double)result.answers);
    }
    snprintf(name, sizeof name, "POST of single events, durable, %zu client%s", clients,
             clients > 1 ? "s" : "");
    print_series(name, &own, "events/s", 1, "(c)");
    print_series("    (c) the disk: 400 bytes appended and synced", &disk, "syncs/s", 1, "(c)");
}

/* From the first to the last answer, the slowest in a hundred, seconds. */
static double run_posts(const struct server *reeld, size_t clients, double seconds,
                        uint64_t *next) {
    struct samples latencies = {0};
    struct load load = {.port = reeld->port,
                        .connections = clients,
                        .seconds = seconds,
                        .status = 201,
                        .write = write_post,
                        .context = next,
                        .latencies = &latencies};
    load_run(&load);
    double slow = quantile(latencies.values, latencies.count, 0.99);
    free(latencies.values);
    return slow;
}

/* The backup takes longer than the posts: its rate is limited. */
static void report_backup(const char *directory, const struct server *reeld, size_t clients,
                          uint64_t *next) {
    double alone[RUNS], ratios[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        alone[i] = run_posts(reeld, clients, BACKUP_SECONDS, next);
        struct server backup = backup_started(directory, path_in(scratch_directory(), "copy"));
        ratios[i] = run_posts(reeld, clients, BACKUP_SECONDS, next) / alone[i];
        must(waitpid(backup.pid, NULL, WNOHANG) == 0); /* it was there until now */
        server_kill(&backup);
    }
    double slow = quantile(alone, RUNS, 0.5), ratio = quantile(ratios, RUNS, 0.5);
    printf(
        "POST beside a backup, 99%%, %3zu clients               %9.1f ms alone    %6.3f (%.2f to "
        "%.2f)\n",
        clients, slow * 1e3, ratio, ratios[0], ratios[RUNS - 1]);
    fflush(stdout);
}

/* ---- Starting -------------------------------------------------------------------------------- */

static const char *filled(size_t events) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    apply_samples(reel, 0, events, 4096);
    reel_close(reel);
    return directory;
}

/* From fork to the first 200 of /readyz, seconds. */
static double run_start(const char *directory) {
    double start = seconds_now();
    struct server server = reeld_started(directory);
    server_wait_until_ready(&server);
    double seconds = seconds_now() - start;
    server_end(&server);
    return seconds;
}

static void print_start(size_t events, double *seconds, double *ratios) {
    char name[80];
    snprintf(name, sizeof name, "start to ready, %zu events in the log", events);
    double middle = quantile(seconds, RUNS, 0.5), ratio = quantile(ratios, RUNS, 0.5);
    printf("%-52s %9.1f %-10s %6.3f x an empty one (%.1f to %.1f ms)\n", name, middle * 1e3, "ms",
           ratio, seconds[0] * 1e3, seconds[RUNS - 1] * 1e3);
    fflush(stdout);
}

static void report_start(size_t events) {
    const char *empty = filled(0), *full = filled(events);
    double seconds[RUNS], ratios[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        double measure = run_start(empty);
        seconds[i] = run_start(full);
        ratios[i] = seconds[i] / measure;
    }
    print_start(events, seconds, ratios);
}

/* ---- The report ------------------------------------------------------------------------------ */

static void report_reading(void) {
    static const size_t connections[] = {16, 64};
    struct server reeld = reeld_started(filled(EVENTS_OF_CELLS(CELLS)));
    server_wait_until_ready(&reeld);
    for (size_t i = 0; i < sizeof connections / sizeof *connections; i++) {
        report_get(&reeld, "GET of one record", "/v1/cells/", connections[i]);
        report_get(&reeld, "GET of 100 records", "/v1/cells?limit=100&after=", connections[i]);
    }
    report_listing(&reeld);
    server_end(&reeld);
}

static void report_writing(void) {
    static const size_t clients[] = {1, 16, 256};
    struct server reeld = reeld_started(scratch_directory());
    uint64_t next = 0;
    server_wait_until_ready(&reeld);
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
        report_posts(&reeld, clients[i], &next);
    server_end(&reeld);
}

static void report_backups(void) {
    static const size_t clients[] = {1, 16};
    const char *directory = filled(1000000);
    struct server reeld = reeld_started(directory);
    uint64_t next = 1000000;
    server_wait_until_ready(&reeld);
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
        report_backup(directory, &reeld, clients[i], &next);
    server_end(&reeld);
}

int main(int argc, char **argv) {
    bool is_long = argc > 1 && strcmp(argv[1], "--long") == 0;
    if (argc > 1 && strcmp(argv[1], "--backup") == 0) {
        report_backups();
        return 0;
    }
    printf("best rate of %d runs, median ratio (lowest to highest)\n", RUNS);
    report_reading();
    report_writing();
    report_backups();
    report_start(100000);
    report_start(1000000);
    if (is_long) report_start(10000000);
    return 0;
}
