/* query_far_test.c: a list in an order, of which the first records do not fulfil the conditions:
 * the walk in the order is given up, and all records are gathered; and where that cannot be, it
 * goes on. Each record is given once, in order, whatever the pages are. And counts with an index of
 * few, many or most entries. */
#include <reel/reel.h>

#include "base/cleanup.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEXED_SO build_path("tests/integration/plugins/queried.so")

/* More than are gathered, and than are looked at in an order before that (query.h). */
enum { FAR_KEYS = 48000, FAR_MOST = 12000, FAR_FEW = FAR_KEYS - 90 };

/* In the order of `whole`, and of changes: first those that are `many`, then as many others, of
 * which the last are `few`. A scan sees those first that are last: so none that it has kept for a
 * page of the descending order may be forgotten. */
static void add_far(struct reel *reel, size_t n) {
    char event[256];
    struct reel_result result;
    struct reel_error error;
    int len = snprintf(event, sizeof event,
                       "{\"type\":\"test.queried.v1.set\",\"subject\":\"%05zu\",\"data\":{"
                       "\"whole\":%zu,\"plain\":\"%s\"}}",
                       FAR_KEYS - 1 - n, n / 7,
                       n < FAR_MOST   ? "many"
                       : n >= FAR_FEW ? "few"
                                      : "other");
    must_ok(reel_apply(reel, (struct reel_str){event, (size_t)len}, &result, &error), error);
}

struct far_rows {
    uint64_t changed[FAR_KEYS], whole[FAR_KEYS];
    size_t count;
};

static int take_far(void *context, const struct reel_row *row) {
    struct far_rows *rows = context;
    const char *whole = memmem(row->json.data, row->json.len, "\"whole\":", 8);
    must(whole && rows->count < FAR_KEYS);
    rows->changed[rows->count] = row->changed;
    rows->whole[rows->count++] = strtoull(whole + 8, NULL, 10);
    return 0;
}

/* Reads all pages: each record once, in order. */
static void check_far(struct reel_view *view, const char *plain, size_t wanted, const char *order,
                      uint32_t flags, uint64_t limit) {
    AUTO_FREE struct far_rows *rows = calloc(1, sizeof *rows);
    const struct reel_condition condition = {.struct_size = sizeof condition,
                                             .comparison = REEL_IS_EQUAL,
                                             .field = "plain",
                                             .value = reel_text(plain)};
    const struct reel_condition *const conditions[] = {&condition, NULL};
    struct reel_page page = {.more = true};
    char after[REEL_TOKEN_MAX];
    must(rows);
    for (bool first = true; page.more; first = false) {
        struct reel_query query = {.struct_size = sizeof query,
                                   .collection = "queried",
                                   .conditions = conditions,
                                   .order = order,
                                   .flags = flags,
                                   .limit = limit};
        struct reel_error error = {0};
        strcpy(after, page.next);
        if (!first) query.after = reel_text(after);
        size_t before = rows->count;
        page = (struct reel_page){0};
        must_ok(reel_view_query(view, &query, take_far, rows, &page, &error), error);
        must(!page.more || rows->count == before + limit);
    }
    assert_int_equal(rows->count, wanted);
    for (size_t i = 1; i < wanted; i++) {
        bool rises = strcmp(order, "changed") == 0 ? rows->changed[i] > rows->changed[i - 1]
                                                   : rows->whole[i] >= rows->whole[i - 1];
        bool same = strcmp(order, "whole") == 0 && rows->whole[i] == rows->whole[i - 1];
        must(same || rises == !(flags & REEL_QUERY_DESCENDING));
    }
}

/* Those from the n-th on that are `other`. */
static void check_count(struct reel_view *view, size_t from) {
    char whole[16];
    size_t least = (from + 6) / 7, begin = least * 7 > FAR_MOST ? least * 7 : FAR_MOST;
    size_t len = (size_t)snprintf(whole, sizeof whole, "%zu", least);
    const struct reel_condition at_least = {.struct_size = sizeof at_least,
                                            .comparison = REEL_IS_AT_LEAST,
                                            .field = "whole",
                                            .value = (struct reel_str){whole, len}};
    const struct reel_condition other = {.struct_size = sizeof other,
                                         .comparison = REEL_IS_EQUAL,
                                         .field = "plain",
                                         .value = reel_text("other")};
    const struct reel_condition *const conditions[] = {&at_least, &other, NULL};
    const struct reel_query query = {
        .struct_size = sizeof query, .collection = "queried", .conditions = conditions};
    struct reel_error error = {0};
    uint64_t count;
    must_ok(reel_view_count(view, &query, NULL, NULL, NULL, &count, &error), error);
    assert_int_equal(count, FAR_FEW - begin);
}

static void records_that_are_far_away_in_an_order_are_found(void **state) {
    (void)state;
    const char *const orders[] = {"whole", "changed"};
    const uint32_t ways[] = {0, REEL_QUERY_DESCENDING};
    struct reel *reel = reel_opened(NULL, NULL, INDEXED_SO, NULL);
    for (size_t n = 0; n < FAR_KEYS; n++) add_far(reel, n);
    struct reel_view *view = view_opened(reel);
    for (size_t i = 0; i < 4; i++) {
        const char *order = orders[i / 2];
        check_far(view, "few", FAR_KEYS - FAR_FEW, order, ways[i % 2], 0);
        check_far(view, "few", FAR_KEYS - FAR_FEW, order, ways[i % 2], 40);
        check_far(view, "many", FAR_MOST, order, ways[i % 2], 0);
        check_far(view, "many", FAR_MOST, order, ways[i % 2], 4500);
        check_far(view, "many", FAR_MOST, order, ways[i % 2], 6500);
        check_far(view, "none", 0, order, ways[i % 2], 1);
    }
    check_count(view, 0);
    check_count(view, FAR_KEYS - 11000);
    check_count(view, FAR_KEYS - 5000);
    reel_view_close(view);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_are_far_away_in_an_order_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
