/* serve_snapshot_test.c: rule 2, through the wire. While writers post as fast as they can, lists
 * are read: whole ones, pages, and slowly, out of a view that lives as long as its reader takes.
 * Each must be, byte for byte, what a fold of the log up to its own cursor makes.
 *
 * Only a list's hash and cursor are kept; the lists that should have come are made afterwards, one
 * cursor after another. */
#include "load.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WRITERS = 3,
    READERS = 3,
    SLOW_READERS = 2,
    BATCH = 20,
    PIECE = 4096,
    PIECES = 16,
    LISTS = 16
};

/* Records, and what is written anew of them while a list is read slowly. */
#define STORE_BYTES_SPARE (UINT64_C(64) << 20)

/* The lists that are asked for. The first is more than a socket takes, and read slowly; the second
 * is longer than answer_bytes_max, too. */
static const struct query {
    const char *path, *collection, *after;
    size_t limit;
    bool only_small; /* leaves the large cells out */
} queries[] = {
    {"/v1/cells", "cells", NULL, SIZE_MAX, false},
    {"/v1/cells?spec_id=spec", "cells", NULL, SIZE_MAX, true},
    {"/v1/formations", "formations", NULL, SIZE_MAX, false},
    {"/v1/cells?limit=10", "cells", NULL, 10, false},
    {"/v1/cells?limit=1000&after=cell-0300", "cells", "cell-0300", 1000, false},
    {"/v1/formations?limit=99", "formations", NULL, 99, false},
};
enum { QUERIES = sizeof queries / sizeof *queries };

struct seen {
    uint64_t cursor, hash;
    size_t query, len;
};

/* FNV-1a. */
static uint64_t hash_of(const struct text *text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text->len; i++)
        hash = (hash ^ (unsigned char)text->data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct decoded {
    struct daemon daemon;
    struct load *load;
    pthread_mutex_t lock;
    struct seen *seen;
    size_t count, wanted;
};

/* Takes the list in. False: there are enough. */
static bool take(struct decoded *reading, size_t query, struct reply *reply) {
    if (reply->status != 200)
        support_failed(__FILE__, __LINE__, "%s: %ld: %s, %.300s", queries[query].path,
                       reply->status, reply->failure ? reply->failure : "", reply->body.data);
    const char *cursor = reply_header(reply, "Reel-Cursor");
    must(cursor != NULL);
    struct seen seen = {strtoull(cursor, NULL, 10), hash_of(&reply->body), query, reply->body.len};
    reply_free(reply);
    must(pthread_mutex_lock(&reading->lock) == 0);
    bool more = reading->count < reading->wanted;
    if (more) reading->seen[reading->count++] = seen;
    must(pthread_mutex_unlock(&reading->lock) == 0);
    return more;
}

/* So that lists of many cursors are read, however slow the writers are. */
static void let_it_move(const struct decoded *reading) {
    load_wait(reading->load, load_answered(reading->load) + 1);
}

static void *read_fast(void *context) {
    struct decoded *reading = context;
    struct client *client = client_opened(&reading->daemon, READ_TOKEN);
    struct reply reply;
    size_t query = 0, lists = 0;
    do {
        if (lists++ % LISTS == 0) let_it_move(reading);
        query = query % (QUERIES - 1) + 1;
        reply = get(client, queries[query].path);
    } while (take(reading, query, &reply));
    client_close(client);
    return NULL;
}

/* Some pieces after each commit or so: the list is under way while the log moves on. */
static void *read_slowly(void *context) {
    struct decoded *reading = context;
    struct reply reply;
    do {
        struct text begun = {0};
        int fd = slow_get(&reading->daemon, queries[0].path);
        for (size_t pieces = 0; slow_read(fd, PIECE, &begun); pieces++)
            if (pieces % PIECES == 0) let_it_move(reading);
        reply = slow_rest(fd, &begun);
    } while (take(reading, 0, &reply));
    return NULL;
}

static void read_lists(struct decoded *reading) {
    pthread_t threads[READERS + SLOW_READERS];
    for (size_t i = 0; i < READERS + SLOW_READERS; i++)
        must(pthread_create(&threads[i], NULL, i < READERS ? read_fast : read_slowly, reading) ==
             0);
    for (size_t i = 0; i < READERS + SLOW_READERS; i++) must(pthread_join(threads[i], NULL) == 0);
}

/* ---- What should have come ------------------------------------------------------------------- */

struct row_walk {
    const struct query *query;
    struct text *text;
    size_t left;
    size_t rows;
    char last[32];
    bool more;
};

static int write_row(void *context, const struct reel_row *row) {
    struct row_walk *walk = context;
    bool large = strncmp(row->key.data, "large-", 6) == 0;
    if (large && walk->query->only_small) return 0;
    if (walk->left == 0) {
        walk->more = true;
        return 1;
    }
    walk->left--;
    if (walk->rows++ > 0) text_add(walk->text, ",", 1);
    text_add(walk->text, row->json.data, row->json.len);
    snprintf(walk->last, sizeof walk->last, "%.*s", REEL_FMT(row->key));
    if (row->key.len > 30) snprintf(walk->last, sizeof walk->last, "-");
    return 0;
}

/* The list as it should be, of a fold that has come to its cursor. */
static void write_list(struct reel *fold, const struct query *query, const char *epoch,
                       struct text *ret) {
    struct row_walk walk = {.query = query, .text = ret, .left = query->limit};
    struct reel_view *view = view_opened(fold);
    struct reel_position position;
    struct reel_str from = {query->after, query->after ? strlen(query->after) : 0};
    must(reel_view_position(view, &position) == 0);
    ret->len = 0;
    text_format(ret, "{\"%s\":[", query->collection);
    must(reel_view_list(view, query->collection, from, true, write_row, &walk) >= 0);
    text_format(ret, "],\"cursor\":%" PRIu64 ",\"epoch\":\"%s\"", position.cursor, epoch);
    if (walk.more && walk.last[0] == '-')
        text_format(ret, ",\"next\":\"00000000-0000-4000-8000-%012x\"", (unsigned)query->limit - 1);
    else if (walk.more)
        text_format(ret, ",\"next\":\"%s\"", walk.last);
    text_format(ret, "}");
    reel_view_close(view);
}

static int by_cursor(const void *a, const void *b) {
    uint64_t left = ((const struct seen *)a)->cursor, right = ((const struct seen *)b)->cursor;
    return left < right ? -1 : left > right;
}

struct refold {
    struct batch batch;
    uint64_t next, last;
};

static int keep_entry(void *context, const struct reel_entry *entry) {
    struct refold *refold = context;
    if (entry->seq > refold->last) return 1;
    must(entry->seq == refold->next++);
    batch_add(&refold->batch, entry->bytes.data, entry->bytes.len);
    return refold->batch.count == 2048;
}

/* Brings the fold from where it is to `cursor`. */
static void fold_to(struct reel *from, struct reel *fold, uint64_t cursor) {
    struct refold refold = {.next = position_of(fold).cursor + 1, .last = cursor};
    struct reel_error error;
    while (refold.next <= cursor) {
        struct reel_view *view = view_opened(from);
        must(reel_view_log(view, refold.next, keep_entry, &refold) >= 0);
        reel_view_close(view);
        must(refold.batch.count > 0);
        must_ok(
            reel_apply_batch(fold, batch_payloads(&refold.batch), refold.batch.count, NULL, &error),
            error);
        batch_clear(&refold.batch);
    }
    batch_free(&refold.batch);
}

/* What a view keeps, its reader's pace bounds. */
static void check_size(struct reel *reel) {
    struct reel_position position = position_of(reel);
    if (position.store_bytes > 3 * position.log_bytes + STORE_BYTES_SPARE)
        support_failed(__FILE__, __LINE__, "a log of %" PRIu64 " bytes in a store of %" PRIu64,
                       position.log_bytes, position.store_bytes);
}

static void check_lists(const char *directory, struct decoded *reading) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel *fold = reel_opened(NULL, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_position position = position_of(reel);
    struct text text = {0};
    size_t cursors = 0;
    check_size(reel);
    qsort(reading->seen, reading->count, sizeof *reading->seen, by_cursor);
    for (size_t i = 0; i < reading->count; i++) {
        const struct seen *seen = &reading->seen[i];
        if (i == 0 || seen->cursor > reading->seen[i - 1].cursor) cursors++;
        fold_to(reel, fold, seen->cursor);
        write_list(fold, &queries[seen->query], position.epoch.text, &text);
        if (text.len != seen->len || hash_of(&text) != seen->hash)
            support_failed(__FILE__, __LINE__, "%s at cursor %" PRIu64 " has %zu bytes, wanted %zu",
                           queries[seen->query].path, seen->cursor, seen->len, text.len);
    }
    assert_true(cursors > 10); /* else nothing was written meanwhile */
    free(text.data);
    reel_close(fold);
    reel_close(reel);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

/* All records are there from the start, so that every list has a length worth reading slowly. */
static void post_first(const struct daemon *daemon) {
    struct client *client = client_opened(daemon, WRITE_TOKEN);
    for (uint64_t first = 0; first < 16000; first += 2000) {
        struct reply reply = post_load(client, UINT64_C(1) << 40 | first, 2000);
        must(reply.status == 201);
        reply_free(&reply);
    }
    post_large_cells(client, LARGE_CELLS / 2);
    client_close(client);
}

static void each_list_is_the_fold_up_to_its_cursor(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon =
        daemon_started(directory, "--answer-bytes-max", "65536", "--view-ms-max", "60000", NULL);
    post_first(&daemon);
    struct decoded reading = {.daemon = daemon, .wanted = scaled(10000)};
    reading.seen = calloc(reading.wanted, sizeof *reading.seen);
    must(reading.seen && pthread_mutex_init(&reading.lock, NULL) == 0);
    reading.load = load_started(&daemon, WRITERS, BATCH);
    read_lists(&reading);
    uint64_t written = load_ended(reading.load);
    daemon_end(&daemon);
    print_message("%zu lists, %" PRIu64 " events, a store of %" PRIu64 " bytes\n", reading.count,
                  written, store_bytes(directory));
    check_lists(directory, &reading);
    free(reading.seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_list_is_the_fold_up_to_its_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
