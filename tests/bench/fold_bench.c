/* fold_bench.c: how fast events become records, beside parsing them alone.
 *
 * One process, one run, one stream: 400,000 events of tests/support/stream.c. Machines differ, and
 * the same machine differs from one second to the next. So (a), simdjson alone, is measured anew
 * right before every run of anything else: printed are the best rate of several runs, and the
 * median of their ratios to the (a) beside them.
 *
 *     fold_bench [EVENTS [PART]]     PART: only the lines that have this in them, such as "(c)"
 */
#include "simdjson_alone.h"
#include "support.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 7, BATCH_MAX = 4096 };

/* A measurement of intake stops after so long: one event a commit and sync takes its time. */
#define INTAKE_SECONDS 1.0

/* NULL: all. */
static const char *part_wanted;

struct stream {
    size_t count, bytes;
    char *text;
    const char **texts;
    size_t *lens;
    struct reel_str *payloads;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *doing, const struct reel_error *error) {
    fprintf(stderr, "fold_bench: %s: %s\n", doing, error->text);
    exit(1);
}

static struct stream make_stream(size_t count) {
    struct stream stream = {.count = count};
    char event[1024];
    stream.text = malloc(count * sizeof event + simdjson_alone_padding());
    stream.texts = malloc(count * sizeof *stream.texts);
    stream.lens = malloc(count * sizeof *stream.lens);
    stream.payloads = malloc(count * sizeof *stream.payloads);
    if (!stream.text || !stream.texts || !stream.lens || !stream.payloads) abort();
    for (size_t i = 0; i < count; i++) {
        char *to = stream.text + stream.bytes;
        size_t len = sample_event(i, event, sizeof event);
        memcpy(to, event, len);
        stream.texts[i] = to;
        stream.lens[i] = len;
        stream.payloads[i] = (struct reel_str){to, len};
        stream.bytes += len;
    }
    return stream;
}

/* ---- What is measured --------------------------------------------------------------------------
 */

/* One run: events a second. */
typedef double (*run_fn)(const struct stream *stream, size_t batch, bool synced);

static double run_simdjson(const struct stream *stream, size_t batch, bool synced) {
    (void)batch;
    (void)synced;
    double start = now();
    if (simdjson_alone(stream->texts, stream->lens, stream->count) != stream->count) abort();
    return (double)stream->count / (now() - start);
}

static double run_jansson(const struct stream *stream, size_t batch, bool synced) {
    (void)batch;
    (void)synced;
    size_t count = stream->count / 8; /* a part is enough: it is slow, and steady */
    double start = now();
    for (size_t i = 0; i < count; i++) {
        json_t *json = json_loadb(stream->texts[i], stream->lens[i], 0, NULL);
        if (!json) abort();
        json_decref(json);
    }
    return (double)count / (now() - start);
}

static struct reel *open_store(const char *directory) {
    return reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
}

/* Rebuild: the log is there, records are not; until they are committed. */
static double run_rebuild(const struct stream *stream, size_t batch, bool synced) {
    struct reel_error error;
    struct reel *reel = open_store(synced ? scratch_directory() : NULL);
    for (size_t at = 0; at < stream->count; at += batch) {
        size_t count = stream->count - at < batch ? stream->count - at : batch;
        if (reel_append(reel, stream->payloads + at, count, NULL, &error) < 0)
            die("append", &error);
    }
    double start = now();
    if (reel_catch_up(reel, &error) < 0) die("catch up", &error);
    double seconds = now() - start;
    reel_close(reel);
    return (double)stream->count / seconds;
}

/* Intake: append, fold and commit. */
static double run_intake(const struct stream *stream, size_t batch, bool synced) {
    struct reel_error error;
    struct reel *reel = open_store(synced ? scratch_directory() : NULL);
    double start = now(), seconds = 0;
    size_t at = 0;
    while (at < stream->count && seconds < INTAKE_SECONDS) {
        size_t count = stream->count - at < batch ? stream->count - at : batch;
        if (reel_apply_batch(reel, stream->payloads + at, count, NULL, &error) < 0)
            die("apply", &error);
        at += count;
        seconds = now() - start;
    }
    reel_close(reel);
    return (double)at / seconds;
}

/* What the disk allows: the payloads of each batch, appended to a file and synced; nothing else. */
static double run_disk(const struct stream *stream, size_t batch, bool synced) {
    (void)synced;
    char path[4096];
    snprintf(path, sizeof path, "%s/payloads", scratch_directory());
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) abort();
    double start = now(), seconds = 0;
    size_t at = 0;
    while (at < stream->count && seconds < INTAKE_SECONDS) {
        size_t end = stream->count - at < batch ? stream->count : at + batch;
        const char *from = stream->texts[at];
        size_t len = (size_t)(stream->texts[end - 1] - from) + stream->lens[end - 1];
        if (write(fd, from, len) != (ssize_t)len || fdatasync(fd) < 0) abort();
        at = end;
        seconds = now() - start;
    }
    close(fd);
    return (double)at / seconds;
}

static int by_size(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Several runs, each right behind one of (a). Prints and returns the best rate. */
static double measure(const char *what, run_fn run, const struct stream *stream, size_t batch,
                      bool synced) {
    double best = 0, ratios[RUNS];
    if (part_wanted && !strstr(what, part_wanted)) return 0;
    for (int i = 0; i < RUNS; i++) {
        double a = run_simdjson(stream, 0, false);
        double rate = run(stream, batch, synced);
        ratios[i] = rate / a;
        if (rate > best) best = rate;
    }
    qsort(ratios, RUNS, sizeof ratios[0], by_size);
    printf("%-52s %12.0f events/s  %6.3f x (a)\n", what, best, ratios[RUNS / 2]);
    fflush(stdout);
    return best;
}

/* ---- Listing and size ------------------------------------------------------------------------ */

struct listing {
    char *at, *end;
};

static int copy_row(void *context, const struct reel_row *row) {
    struct listing *listing = context;
    if ((size_t)(listing->end - listing->at) <= row->json.len) return -1;
    memcpy(listing->at, row->json.data, row->json.len);
    listing->at += row->json.len;
    *listing->at++ = ',';
    return 0;
}

/* All cells, as one JSON list in memory: bytes a second. */
static double measure_listing(struct reel *reel, size_t *ret_bytes) {
    size_t size = (size_t)256 << 20;
    char *space = malloc(size);
    double best = 0;
    if (!space) abort();
    memset(space, 0, size);
    for (int run = 0; run < 2 * RUNS; run++) {
        struct reel_error error;
        struct reel_view *view;
        struct listing listing = {space, space + size};
        double start = now();
        if (reel_view_open(reel, &view, &error) < 0) die("view", &error);
        if (reel_view_list(view, "cells", (struct reel_str){0}, false, copy_row, &listing) != 0)
            abort();
        reel_view_close(view);
        *ret_bytes = (size_t)(listing.at - space);
        double rate = (double)*ret_bytes / (now() - start);
        if (rate > best) best = rate;
    }
    free(space);
    return best;
}

/* Pages of the side of the collection's table that is current, over its records. */
static double store_bytes_per_record(const char *directory, const char *const sides[2]) {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_stat stat = {0};
    if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, 8) ||
        mdb_env_open(env, directory, MDB_RDONLY, 0) || mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
        abort();
    for (size_t i = 0; i < 2 && stat.ms_entries == 0; i++)
        if (mdb_dbi_open(txn, sides[i], 0, &dbi) || mdb_stat(txn, dbi, &stat)) abort();
    size_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return (double)pages * stat.ms_psize / (double)stat.ms_entries;
}

static void fill(const struct stream *stream, struct reel *reel, size_t batch) {
    struct reel_error error;
    for (size_t at = 0; at < stream->count; at += batch) {
        size_t count = stream->count - at < batch ? stream->count - at : batch;
        if (reel_apply_batch(reel, stream->payloads + at, count, NULL, &error) < 0)
            die("apply", &error);
    }
}

/* ---- The report --------------------------------------------------------------------------------
 */

static void report_intake(const struct stream *stream) {
    /* The largest first: a disk may be slower for a while after many syncs. */
    static const size_t batches[] = {4096, 256, 16, 1};
    for (int synced = 0; synced < 2; synced++) {
        for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
            char what[80];
            snprintf(what, sizeof what, "(d) intake, %s, batches of %zu",
                     synced ? "synced" : "in memory", batches[i]);
            measure(what, run_intake, stream, batches[i], synced);
            if (synced)
                measure("    the disk: writing and syncing as much", run_disk, stream, batches[i],
                        true);
        }
    }
}

static void report_store(const struct stream *stream) {
    static const size_t batches[] = {4096, 16};
    static const char *const records[] = {"c/cells", "c2/cells"}, *const index[] = {"x/cells",
                                                                                    "x2/cells"};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        const char *directory = scratch_directory();
        struct reel *reel = open_store(directory);
        fill(stream, reel, batches[i]);
        if (i == 0) {
            size_t bytes;
            double rate = measure_listing(reel, &bytes);
            printf("%-52s %12.2f GB/s      %zu bytes\n", "(e) listing all cells as JSON",
                   rate / 1e9, bytes);
        }
        reel_close(reel);
        char what[80];
        snprintf(what, sizeof what, "store for each cell, taken in batches of %zu", batches[i]);
        printf("%-52s %12.0f bytes\n", what,
               store_bytes_per_record(path_in(directory, "state"), records));
        printf("%-52s %12.0f bytes\n", "    beside it, the index of changes",
               store_bytes_per_record(path_in(directory, "state"), index));
    }
}

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 400000;
    if (argc > 2) part_wanted = argv[2];
    struct stream stream = make_stream(count);
    printf("%zu events, %.0f bytes on average; best rate of %d runs, median ratio\n", stream.count,
           (double)stream.bytes / (double)stream.count, RUNS);
    measure("(a) simdjson alone, whole documents", run_simdjson, &stream, 0, false);
    double b = measure("(b) jansson alone", run_jansson, &stream, 0, false);
    double c = measure("(c) rebuild: log to records, committed and synced", run_rebuild, &stream,
                       BATCH_MAX, true);
    if (!part_wanted) printf("%-52s %12.1f x (b)\n", "", c / b);
    measure("(c) the same in memory", run_rebuild, &stream, BATCH_MAX, false);
    if (!part_wanted) report_store(&stream);
    report_intake(&stream);
    return 0;
}
