/* serve_follow_test.c: whoever pages through a collection and then follows from the first page's
 * cursor, skipping for each record what its page had seen already, ends with the right records,
 * though the pages are of different times. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS = 2, BATCH = 20, PAGE = 100, FEED_PAGE = 1000 };

/* ---- The client's records -------------------------------------------------------------------- */

struct follower {
    struct client *client;
    json_t *cells;                /* by id */
    uint64_t cursors[LOAD_CELLS]; /* of the page that has, or would have, the n-th cell */
    size_t paged;                 /* cells up to this one are in a page */
    uint64_t first_cursor;
};

static size_t cell_number(const char *id) {
    must(strncmp(id, "cell-", 5) == 0);
    return strtoul(id + 5, NULL, 10);
}

/* One page: its records, and its cursor for all keys up to its last. False: it was the last. */
static bool read_page(struct follower *follower, char after[32]) {
    char path[96];
    snprintf(path, sizeof path, "/v1/cells?limit=%d%s%s", PAGE, after[0] ? "&after=" : "", after);
    struct reply reply = get(follower->client, path);
    must(reply.status == 200);
    json_t *page = reply_json(&reply), *cell;
    uint64_t cursor = (uint64_t)json_integer_value(json_object_get(page, "cursor"));
    const char *next = json_string_value(json_object_get(page, "next"));
    size_t index, last = next ? cell_number(next) + 1 : LOAD_CELLS;
    json_array_foreach(json_object_get(page, "cells"), index, cell)
        must(json_object_set(follower->cells, json_string_value(json_object_get(cell, "id")),
                             cell) == 0);
    if (follower->paged == 0) follower->first_cursor = cursor;
    while (follower->paged < last) follower->cursors[follower->paged++] = cursor;
    if (next) snprintf(after, 32, "%s", next);
    bool more = next != NULL;
    json_decref(page);
    reply_free(&reply);
    return more;
}

/* ---- Following ------------------------------------------------------------------------------- */

/* One page of the feed. `ret_skipped` counts what a page had seen. */
static void follow_page(struct follower *follower, uint64_t *since, size_t *ret_skipped) {
    char path[96];
    snprintf(path, sizeof path, "/v1/events?since=%" PRIu64 "&limit=%d", *since, FEED_PAGE);
    struct reply reply = get(follower->client, path);
    must(reply.status == 200);
    json_t *page = reply_json(&reply), *frame;
    size_t index;
    json_array_foreach(json_object_get(page, "events"), index, frame) {
        uint64_t seq = (uint64_t)json_integer_value(json_object_get(frame, "seq"));
        json_t *event = json_object_get(frame, "event");
        must(seq == ++*since);
        const char *id = load_cell_of(event);
        if (!id) continue;
        if (seq > follower->cursors[cell_number(id)])
            load_fold_cell(follower->cells, event);
        else
            ++*ret_skipped;
    }
    must((uint64_t)json_integer_value(json_object_get(page, "cursor")) == *since);
    json_decref(page);
    reply_free(&reply);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void check_cells(struct follower *follower, uint64_t head) {
    struct reply reply = get(follower->client, "/v1/cells");
    must(reply.status == 200);
    assert_int_equal(reply_number(&reply, "cursor"), head);
    load_check_cells(follower->cells, &reply);
    reply_free(&reply);
}

static void following_from_the_first_page_ends_with_the_right_records(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), NULL);
    struct load *load = load_started(&daemon, WRITERS, BATCH);
    struct follower follower = {.client = client_opened(&daemon, READ_TOKEN),
                                .cells = json_object()};
    char after[32] = "";
    size_t skipped = 0, pages = 1;
    load_wait(load, 100); /* some cells are there, and most are yet to come */
    for (; read_page(&follower, after); pages++) load_wait(load, load_answered(load) + 2);
    uint64_t since = follower.first_cursor, head = load_ended(load);
    while (since < head) follow_page(&follower, &since, &skipped);
    assert_int_equal(since, head);
    assert_true(pages > 2);
    assert_true(skipped > 0); /* else the pages were of one time */
    check_cells(&follower, head);
    json_decref(follower.cells);
    client_close(follower.client);
    daemon_end(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(following_from_the_first_page_ends_with_the_right_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
