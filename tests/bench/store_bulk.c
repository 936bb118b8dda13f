/* store_bulk.c: see store_bulk.h. */
#include "store_bulk.h"

#include "keyed.h"
#include "load.h"
#include "meters.h"
#include "servers.h"
#include "zeroed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 4096, CONNECTIONS = 4, QUARTERS = 4, REBUILDS = 3, STARTS = 3 };

#define DISK_SECONDS   0.4
#define INTAKE_SECONDS 0.3
#define PARSE_SECONDS  0.4
#define LOAD_SECONDS   1.0 /* before SIGKILL */

static struct keyed stream_of(bool is_long) {
    return (struct keyed){KEYS_RANDOM, is_long ? 1000000 : 100000, 0};
}

static void print_line(const char *what, double value, const char *unit, const char *more) {
    printf("%-52s %9.*f %-14s %s\n", what, value < 100 ? 2 : 0, value, unit, more);
    fflush(stdout);
}

/* ---- Batches by POST ------------------------------------------------------------------------- */

struct bulk {
    const char *directory;
    struct server server;
    struct keyed keyed;
    uint64_t until;       /* number of the first event that is not sent */
    uint64_t bytes;       /* of events sent */
    struct memory memory; /* the most, by the sum of what is not a file's */
    uint64_t written, device;
    bool has_device;
};

static void watch_memory(struct bulk *bulk) {
    struct memory now = process_resident(bulk->server.pid);
    if (now.anonymous + now.shared > bulk->memory.anonymous + bulk->memory.shared)
        bulk->memory = now;
}

static size_t write_batch(void *context, char *to) {
    struct bulk *bulk = context;
    uint64_t left = bulk->until - bulk->keyed.next;
    size_t count = left < BATCH ? (size_t)left : BATCH;
    if (count == 0) return 0;
    watch_memory(bulk);
    size_t len = keyed_post(&bulk->keyed, count, to);
    bulk->bytes += len; /* head and commas are a thousandth */
    return len;
}

static double send_batches(struct bulk *bulk, uint64_t count, double seconds) {
    uint64_t first = bulk->keyed.next;
    bulk->until = first + count;
    struct load load = {.port = bulk->server.port,
                        .connections = CONNECTIONS,
                        .seconds = seconds,
                        .status = 201,
                        .request_bytes_max = keyed_post_bytes_max(BATCH),
                        .write = write_batch,
                        .context = bulk};
    double took = load_run(&load).seconds;
    return (double)(bulk->keyed.next - first) / took;
}

/* What the device writes meanwhile is not the store's. */
static double disk_batches(struct bulk *bulk, struct zeroed *zeroed, const char *batch,
                           size_t len) {
    uint64_t before = 0, after = 0;
    if (bulk->has_device) device_written(bulk->directory, &before);
    double rate = zeroed_run(zeroed, batch, len, DISK_SECONDS, NULL) * BATCH;
    if (bulk->has_device && device_written(bulk->directory, &after)) bulk->device -= after - before;
    return rate;
}

static void report_quarters(struct bulk *bulk, uint64_t events, double seconds) {
    char *batch = malloc(keyed_post_bytes_max(BATCH)), name[80], more[80];
    struct zeroed zeroed = zeroed_made();
    struct keyed sample = bulk->keyed;
    must(batch != NULL);
    size_t len = keyed_array(&sample, BATCH, batch);
    double first = 0;
    for (int i = 0; i < QUARTERS; i++) {
        double disk = disk_batches(bulk, &zeroed, batch, len);
        double rate = send_batches(bulk, events / QUARTERS, seconds);
        if (i == 0) first = rate;
        snprintf(name, sizeof name, "POST of batches of %d, part %d of %d", BATCH, i + 1, QUARTERS);
        snprintf(more, sizeof more, "%6.3f x (d)  %.2f x the first", rate / disk, rate / first);
        print_line(name, rate, "events/s", more);
        print_line("    (d) writing and syncing the same bytes", disk, "events/s", "");
    }
    zeroed_close(&zeroed);
    free(batch);
}

/* Ends the daemon well, and counts what it has written up to its end. */
static void end_counted(struct bulk *bulk) {
    siginfo_t info;
    must(kill(bulk->server.pid, SIGTERM) == 0);
    must(waitid(P_PID, (id_t)bulk->server.pid, &info, WEXITED | WNOWAIT) == 0);
    bulk->written = process_written(bulk->server.pid);
    server_end(&bulk->server);
}

static void report_written(const struct bulk *bulk) {
    char more[120];
    double bytes = (double)bulk->bytes;
    snprintf(more, sizeof more, "%6.1f x the bytes of the events, until a clean stop",
             (double)bulk->written / bytes);
    print_line("written by write calls", (double)bulk->written / 1e6, "MB", more);
    if (bulk->has_device) {
        snprintf(more, sizeof more, "%6.1f x the bytes of the events; others' writes are counted",
                 (double)bulk->device / bytes);
        print_line("written by the device", (double)bulk->device / 1e6, "MB", more);
    } else {
        puts("written by the device: not known, as the file system has no single one");
    }
    double stored = (double)directory_bytes(bulk->directory);
    snprintf(more, sizeof more, "%6.2f x the bytes of the events, of which there are %.0f for each",
             stored / bytes, bytes / (double)bulk->keyed.next);
    print_line("on disk for each event, cells included", stored / (double)bulk->keyed.next, "bytes",
               more);
    const struct memory *memory = &bulk->memory;
    snprintf(more, sizeof more, "RssAnon %.0f, RssShmem %.0f; beside them RssFile %.0f",
             (double)memory->anonymous / 1e6, (double)memory->shared / 1e6,
             (double)memory->file / 1e6);
    print_line("most memory under this load", (double)(memory->anonymous + memory->shared) / 1e6,
               "MB", more);
}

/* ---- Rebuild --------------------------------------------------------------------------------- */

/* jansson alone, parsing events of the same kind: events a second. */
static double run_jansson(bool is_long) {
    struct keyed keyed = stream_of(is_long);
    char events[64][KEYED_BYTES_MAX];
    size_t lens[64], count = 0;
    for (size_t i = 0; i < 64; i++) lens[i] = keyed_event(&keyed, events[i]);
    double start = seconds_now(), seconds = 0;
    for (; seconds < PARSE_SECONDS; seconds = seconds_now() - start)
        for (size_t i = 0; i < 64; i++, count++) {
            json_t *json = json_loadb(events[i], lens[i], 0, NULL);
            must(json != NULL);
            json_decref(json);
        }
    return (double)count / seconds;
}

/* Throws the records away and folds the log, until that is committed and synced. */
static double run_rebuild(const struct bulk *bulk) {
    struct reel_error error;
    struct reel *reel =
        reel_loaded(bulk->directory, NULL, build_path(CELL_PLAIN), FORMATION_SO, NULL);
    must_ok(reel_rebuild(reel, "cells", &error), error);
    double start = seconds_now();
    must_ok(reel_start(reel, &error), error);
    double seconds = seconds_now() - start;
    reel_close(reel);
    return (double)bulk->keyed.next / seconds;
}

static void report_rebuild(const struct bulk *bulk, bool is_long) {
    struct series own = {0}, jansson = {0};
    for (size_t i = 0; i < REBUILDS; i++) {
        double parsed = run_jansson(is_long), rate = run_rebuild(bulk);
        add_run(&jansson, parsed, parsed, 0);
        add_run(&own, rate, parsed, 0);
    }
    print_series("rebuild of this store, until durable", &own, "events/s", 1, "(e)");
    print_series("    (e) jansson alone, only parsing", &jansson, "events/s", 1, "(e)");
}

/* ---- Starting -------------------------------------------------------------------------------- */

static double started(const char *directory, struct server *ret_server) {
    double start = seconds_now();
    *ret_server = reeld_started_of(build_path(""), CELL_PLAIN, directory, NULL);
    server_wait_until_ready(ret_server);
    return seconds_now() - start;
}

/* Under load means: records wait to be written to the state, and batches are under way. */
static void kill_under_load(struct bulk *bulk) {
    int fds[CONNECTIONS];
    char *request = malloc(keyed_post_bytes_max(BATCH));
    must(request != NULL);
    send_batches(bulk, UINT32_MAX, LOAD_SECONDS);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i] = load_connected(bulk->server.port);
        load_send(fds[i], request, keyed_post(&bulk->keyed, BATCH, request));
    }
    server_kill(&bulk->server);
    for (size_t i = 0; i < CONNECTIONS; i++) close(fds[i]);
    free(request);
}

static void print_starts(const char *what, const struct bulk *bulk, struct series *ms) {
    char name[80];
    snprintf(name, sizeof name, "start to ready, %s, %.2f M events", what,
             (double)bulk->keyed.next / 1e6);
    print_series(name, ms, "ms at most", 1, "an empty store's");
}

static void report_starts(struct bulk *bulk) {
    const char *empty = scratch_directory();
    struct series clean = {0}, killed = {0};
    struct server server;
    started(empty, &server);
    server_end(&server);
    for (size_t i = 0; i < STARTS; i++) {
        double measure = started(empty, &server) * 1e3;
        server_end(&server);
        double took = started(bulk->directory, &server) * 1e3;
        server_end(&server);
        add_run(&clean, took, measure, 0);
    }
    print_starts("after a clean stop", bulk, &clean);
    started(bulk->directory, &bulk->server);
    for (size_t i = 0; i < STARTS; i++) {
        kill_under_load(bulk);
        double took = started(bulk->directory, &bulk->server) * 1e3;
        double measure = started(empty, &server) * 1e3;
        server_end(&server);
        add_run(&killed, took, measure, 0);
    }
    print_starts("after SIGKILL under load", bulk, &killed);
    server_end(&bulk->server);
}

void report_bulk(bool is_long) {
    struct bulk bulk = {.directory = scratch_directory(), .keyed = stream_of(is_long)};
    uint64_t events = is_long ? 4000000 : 400000, before = 0, after = 0;
    printf("batches by %d connections, %llu events, %llu cells\n", CONNECTIONS,
           (unsigned long long)events, (unsigned long long)bulk.keyed.cells);
    bulk.server = reeld_started_of(build_path(""), CELL_PLAIN, bulk.directory, NULL);
    server_wait_until_ready(&bulk.server);
    bulk.has_device = device_written(bulk.directory, &before);
    report_quarters(&bulk, events, is_long ? 3600 : 5);
    end_counted(&bulk);
    if (bulk.has_device && device_written(bulk.directory, &after)) bulk.device += after - before;
    report_written(&bulk);
    report_rebuild(&bulk, is_long);
    report_starts(&bulk);
}

/* ---- Synced intake --------------------------------------------------------------------------- */

static void add_batch(struct batch *batch, struct keyed *keyed, size_t count) {
    char event[KEYED_BYTES_MAX];
    batch_clear(batch);
    for (size_t i = 0; i < count; i++) {
        size_t len = keyed_event(keyed, event);
        batch_add(batch, event, len);
    }
}

/* Events a second; only the calls are timed. */
static double run_intake(struct reel *reel, struct keyed *keyed, size_t count) {
    struct batch batch = {0};
    struct reel_error error;
    double seconds = 0;
    size_t taken = 0;
    for (; seconds < INTAKE_SECONDS; taken += count) {
        add_batch(&batch, keyed, count);
        const struct reel_str *payloads = batch_payloads(&batch);
        double start = seconds_now();
        must_ok(reel_apply_batch(reel, payloads, count, NULL, &error), error);
        seconds += seconds_now() - start;
    }
    batch_free(&batch);
    return (double)taken / seconds;
}

static void fill(struct reel *reel, struct keyed *keyed, uint64_t events) {
    struct batch batch = {0};
    struct reel_error error;
    for (uint64_t done = 0; done < events; done += BATCH) {
        add_batch(&batch, keyed, BATCH);
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), BATCH, NULL, &error), error);
    }
    batch_free(&batch);
}

void report_intake(bool is_long) {
    static const size_t sizes[] = {BATCH, 256, 16, 1};
    struct keyed keyed = stream_of(is_long);
    struct zeroed zeroed = zeroed_made();
    struct reel *reel =
        reel_opened(scratch_directory(), NULL, build_path(CELL_PLAIN), FORMATION_SO, NULL);
    char *bytes = malloc(keyed_post_bytes_max(BATCH)), name[80];
    struct keyed sample = keyed;
    must(bytes != NULL);
    size_t len = keyed_array(&sample, BATCH, bytes);
    fill(reel, &keyed, keyed.cells);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct series own = {0}, disk = {0};
        for (size_t run = 0; run < RUNS; run++) {
            double synced =
                zeroed_run(&zeroed, bytes, len * sizes[i] / BATCH, INTAKE_SECONDS, NULL) *
                (double)sizes[i];
            double rate = run_intake(reel, &keyed, sizes[i]);
            add_run(&disk, synced, synced, 0);
            add_run(&own, rate, synced, 0);
        }
        snprintf(name, sizeof name, "intake by the library, synced, of %zu", sizes[i]);
        print_series(name, &own, "events/s", 1, "(c)");
        print_series("    (c) writing and syncing the same bytes", &disk, "events/s", 1, "(c)");
    }
    reel_close(reel);
    zeroed_close(&zeroed);
    free(bytes);
}
