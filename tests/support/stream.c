/* stream.c: the sample events, and payloads by the batch.
 *
 * The mix, as a control plane of the first users makes it. Every twentieth event is one of a
 * formation: created, launching, running, completed, one formation after another. The others come
 * in ticks of four, one of each phase of a cell's life, and each tick starts one cell:
 *     started       of cell T
 *     identity      of cell T - 1      (a family that nobody projects: ignored)
 *     completed     of cell T - 8
 *     destroyed     of cell T - 256
 * so that 256 cells are alive at once. Until there is such a cell, the event is an identity of
 * cell T. All of it follows from n alone: any part of the stream can be made at any time.
 */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVERY = 20, CELLS_PER_FORMATION = 19 };

enum phase { STARTED, IDENTITY, COMPLETED, DESTROYED };

static const char *const cell_types[] = {
    [STARTED] = "dev.cellos.events.cell.lifecycle.v1.started",
    [IDENTITY] = "dev.cellos.events.cell.identity.v1.issued",
    [COMPLETED] = "dev.cellos.events.cell.command.v1.completed",
    [DESTROYED] = "dev.cellos.events.cell.lifecycle.v1.destroyed",
};
static const uint64_t cell_lags[] = {[IDENTITY] = 1, [COMPLETED] = 8, [DESTROYED] = 256};
static const char *const formation_phases[] = {"created", "launching", "running", "completed"};

/* A UUID (RFC 9562, version 4 by its looks) that follows from its number. */
static const char *numbered_uuid(uint64_t number, uint64_t kind, char ret[37]) {
    uint64_t state = number * 4 + kind;
    uint64_t high = random_next(&state);
    uint64_t low = random_next(&state);
    snprintf(ret, 37, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-a%03" PRIx64 "-%012" PRIx64,
             high >> 32, (high >> 16) & 0xffff, high & 0xfff, low >> 52,
             low & UINT64_C(0xffffffffffff));
    return ret;
}

/* Ten milliseconds an event, from 2026-05-17T12:00:00Z on (RFC 3339). */
static const char *event_time(uint64_t n, char ret[40]) {
    time_t seconds = (time_t)(INT64_C(1779019200) + (int64_t)(n / 100));
    struct tm parts;
    char text[32];
    must(gmtime_r(&seconds, &parts));
    must(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) > 0);
    snprintf(ret, 40, "%s.%03uZ", text, (unsigned)(n % 100 * 10));
    return ret;
}

static int formation_event(uint64_t n, char *buffer, size_t size) {
    uint64_t formation = n / EVERY / 4;
    char id[37];
    char time[40];
    return snprintf(
        buffer, size,
        "{\"specversion\":\"1.0\",\"id\":\"evt-%016" PRIx64 "\","
        "\"source\":\"/cellos/supervisor/h%u\","
        "\"type\":\"dev.cellos.events.cell.formation.v1.%s\",\"time\":\"%s\","
        "\"data\":{\"formationId\":\"%s\",\"formationName\":\"formation-%" PRIu64 "\","
        "\"coordinator\":\"lead\",\"members\":[{\"id\":\"lead\"},"
        "{\"id\":\"worker\",\"authorizedBy\":\"lead\"}],\"labels\":{\"tier\":\"batch\"}}}",
        n, (unsigned)(n % 9 + 1), formation_phases[n / EVERY % 4], event_time(n, time),
        numbered_uuid(formation, 1, id), formation);
}

/* What only one phase has in its data. */
static const char *phase_members(enum phase phase, uint64_t cell, char ret[64]) {
    ret[0] = '\0';
    if (phase == COMPLETED) snprintf(ret, 64, "\"exitCode\":%u,", (unsigned)(cell % 7));
    if (phase == DESTROYED)
        snprintf(ret, 64, "\"outcome\":\"%s\",", cell % 7 ? "failed" : "succeeded");
    return ret;
}

static int cell_event(uint64_t n, char *buffer, size_t size) {
    uint64_t index = n - n / EVERY - 1; /* among the events of cells */
    uint64_t cell = index / 4;
    enum phase phase = (enum phase)(index % 4);
    if (cell >= cell_lags[phase])
        cell -= cell_lags[phase];
    else
        phase = IDENTITY;
    char run[37], formation[37], time[40], members[64];
    return snprintf(buffer, size,
                    "{\"specversion\":\"1.0\",\"id\":\"evt-%016" PRIx64 "\","
                    "\"source\":\"/cellos/supervisor/h%u\",\"type\":\"%s\",\"time\":\"%s\","
                    "\"data\":{\"cellId\":\"cell-%08" PRIx64 "\",\"specId\":\"spec-%04" PRIx64 "\","
                    "\"runId\":\"%s\",%s\"correlation\":{\"formationId\":\"%s\"},"
                    "\"host\":\"h%u\",\"image\":\"registry.example/worker:1.4\"}}",
                    n, (unsigned)(cell % 9 + 1), cell_types[phase], event_time(n, time), cell,
                    cell % 64, numbered_uuid(cell, 0, run), phase_members(phase, cell, members),
                    numbered_uuid(cell / CELLS_PER_FORMATION, 1, formation),
                    (unsigned)(cell % 9 + 1));
}

size_t sample_event(uint64_t n, char *buffer, size_t buffer_size) {
    int len = n % EVERY == 0 ? formation_event(n, buffer, buffer_size)
                             : cell_event(n, buffer, buffer_size);
    must(len > 0 && (size_t)len < buffer_size);
    return (size_t)len;
}

/* ---- Batches --------------------------------------------------------------------------------- */

void batch_add(struct batch *batch, const void *payload, size_t len) {
    if (batch->count == batch->room) {
        batch->room = batch->room ? batch->room * 2 : 64;
        batch->lens = realloc(batch->lens, batch->room * sizeof *batch->lens);
        batch->payloads = realloc(batch->payloads, batch->room * sizeof *batch->payloads);
        must(batch->lens && batch->payloads);
    }
    batch->lens[batch->count++] = len;
    text_add(&batch->bytes, payload, len);
}

void batch_add_sample(struct batch *batch, uint64_t n) {
    char event[SAMPLE_BYTES_MAX];
    size_t len = sample_event(n, event, sizeof event);
    batch_add(batch, event, len);
}

const struct reel_str *batch_payloads(struct batch *batch) {
    const char *at = batch->bytes.data;
    for (size_t i = 0; i < batch->count; i++) {
        batch->payloads[i] = (struct reel_str){at, batch->lens[i]};
        at += batch->lens[i];
    }
    return batch->payloads;
}

void batch_clear(struct batch *batch) {
    batch->count = 0;
    batch->bytes.len = 0;
}

void batch_free(struct batch *batch) {
    free(batch->bytes.data);
    free(batch->lens);
    free(batch->payloads);
    memset(batch, 0, sizeof *batch);
}

void apply_samples(struct reel *reel, uint64_t first, size_t count, size_t per_call) {
    struct batch batch = {0};
    struct reel_error error;
    for (size_t done = 0; done < count; done += batch.count) {
        batch_clear(&batch);
        while (batch.count < per_call && done + batch.count < count)
            batch_add_sample(&batch, first + done + batch.count);
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    }
    batch_free(&batch);
}

int try_samples(struct reel *reel, uint64_t *head, size_t count, struct reel_error *error) {
    struct batch batch = {0};
    while (batch.count < count) batch_add_sample(&batch, *head + batch.count + 1);
    int rc = reel_apply_batch(reel, batch_payloads(&batch), count, NULL, error);
    if (rc == 0) *head += count;
    batch_free(&batch);
    return rc;
}

int sample_is_entry(void *context, const struct reel_entry *entry) {
    uint64_t *last = context;
    char event[SAMPLE_BYTES_MAX];
    size_t len = sample_event(++*last, event, sizeof event);
    must(entry->seq == *last);
    must(entry->bytes.len == len && memcmp(entry->bytes.data, event, len) == 0);
    return 0;
}
