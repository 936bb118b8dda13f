/* big_test.c: large events, large records and a long log, in bounded memory. */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENT_BYTES_MAX = 1 << 20 };
#define FORMATION   "0c5c7fd0-a6a3-4450-a513-270e269e0d37"
#define RSS_KIB_MAX (512 * 1024)

/* ---- Large events ---------------------------------------------------------------------------- */

/* A created formation of exactly that many bytes; its data begins at `ret_data`. */
static char *formation_of(size_t len, size_t *ret_data) {
    static const char head[] =
        "{\"type\":\"dev.cellos.events.cell.formation.v1.created\",\"data\":";
    static const char data[] = "{\"formationId\":\"" FORMATION "\",\"name\":\"big\",\"pad\":\"";
    char *event = malloc(len + 1);
    must(event);
    memset(event, 'p', len);
    memcpy(event, head, sizeof head - 1);
    memcpy(event + sizeof head - 1, data, sizeof data - 1);
    memcpy(event + len - 3, "\"}}", 4);
    *ret_data = sizeof head - 1;
    return event;
}

/* The record is the event's data in a few more bytes. */
static void assert_served(struct reel *reel, const char *event, size_t len, size_t data) {
    char *record = record_text(reel, "formations", FORMATION);
    assert_non_null(record);
    json_t *json = json_parsed(record, strlen(record));
    json_t *document = json_parsed(event + data, len - data - 1);
    assert_true(json_same(json_object_get(json, "document"), document));
    assert_string_equal(json_string_value(json_object_get(json, "status")), "PENDING");
    json_decref(json);
    json_decref(document);
    free(record);
}

static void an_event_and_a_record_of_one_mebibyte(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    size_t data;
    char *event = formation_of(EVENT_BYTES_MAX, &data);
    apply_samples(reel, 1, 100, 100);
    assert_int_equal(apply_text(reel, event, REEL_APPLIED), 101);
    apply_samples(reel, 101, 100, 1);
    assert_served(reel, event, EVENT_BYTES_MAX, data);
    size_t len;
    char *logged = log_text(reel, 101, &len);
    assert_int_equal(len, EVENT_BYTES_MAX);
    assert_memory_equal(logged, event, len);
    reel_close(reel);

    reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    assert_served(reel, event, EVENT_BYTES_MAX, data);
    free(logged);
    free(event);
    reel_close(reel);
}

static void one_byte_more_is_rejected(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    size_t data;
    char *event = formation_of(EVENT_BYTES_MAX + 1, &data);
    assert_int_equal(apply_text(reel, event, REEL_REJECTED), 1);
    assert_null(record_text(reel, "formations", FORMATION));
    assert_int_equal(position_of(reel).cursor, 1);
    free(event);
    reel_close(reel);
}

/* ---- A long log ------------------------------------------------------------------------------ */

/* Memory of our own: what is mapped from the store is the page cache's. */
static long anonymous_kib(void) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = -1;
    if (!file) return -1;
    while (kib < 0 && fgets(line, sizeof line, file)) sscanf(line, "RssAnon: %ld", &kib);
    fclose(file);
    return kib;
}

static void assert_memory_bounded(void) {
    if (memory_is_sanitized()) return;
    long kib = anonymous_kib();
    assert_true(kib > 0);
    if (kib > RSS_KIB_MAX) support_failed(__FILE__, __LINE__, "%ld KiB in memory", kib);
}

enum { CELLS = 5000, PART = 4096 };

static void add_small_event(struct batch *batch, uint64_t n) {
    char event[160];
    int len = snprintf(event, sizeof event,
                       "{\"type\":\"dev.cellos.events.cell.command.v1.completed\",\"data\":"
                       "{\"cellId\":\"c%" PRIu64 "\",\"specId\":\"s\",\"exitCode\":%" PRIu64 "}}",
                       n % CELLS, n & 0xffff);
    batch_add(batch, event, (size_t)len);
}

static void append_small_events(struct reel *reel, uint64_t count) {
    struct batch batch = {0};
    struct reel_error error;
    uint64_t head = 0;
    while (head < count) {
        batch_clear(&batch);
        while (batch.count < PART && head + batch.count < count)
            add_small_event(&batch, head + batch.count + 1);
        must_ok(reel_append(reel, batch_payloads(&batch), batch.count, &head, &error), error);
    }
    assert_int_equal(head, count);
    batch_free(&batch);
}

/* The last `CELLS` events made the records what they are. */
static int check_cell(void *context, const struct reel_row *row) {
    const uint64_t *count = context;
    char key[16] = {0}, part[64];
    must(row->key.len > 1 && row->key.len < sizeof key);
    memcpy(key, row->key.data, row->key.len);
    uint64_t cell = strtoull(key + 1, NULL, 10);
    uint64_t last = *count - (*count % CELLS + CELLS - cell) % CELLS;
    int len = snprintf(part, sizeof part, "\"exit_code\":%" PRIu64 "}", last & 0xffff);
    must(row->changed == last);
    must(row->json.len > (size_t)len);
    must(memcmp(row->json.data + row->json.len - len, part, (size_t)len) == 0);
    return 0;
}

static void a_long_log_is_folded_in_bounded_memory(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    uint64_t count = scaled(5000000);
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_str start = {NULL, 0};
    struct reel_error error;
    append_small_events(reel, count);
    assert_memory_bounded();
    must_ok(reel_catch_up(reel, &error), error);
    assert_memory_bounded();
    assert_int_equal(position_of(reel).cursor, count);
    assert_int_equal(position_of(reel).applied, count);
    assert_int_equal(info_of(reel, "cells").records, CELLS);
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_list(view, "cells", start, false, check_cell, &count), 0);
    reel_view_close(view);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_and_a_record_of_one_mebibyte),
        cmocka_unit_test(one_byte_more_is_rejected),
        cmocka_unit_test(a_long_log_is_folded_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
