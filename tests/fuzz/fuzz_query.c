/* fuzz_query.c: any conditions, orders and tokens (reel/view.h), of a collection of a few records.
 *
 * The first byte has the flags, the number of the order and whether there is a token. Each line is
 * a condition: a letter for the field, one for the comparison, the value; the last is the token.
 * Whatever is asked is answered or refused. The answer has as many records as are counted, none
 * twice; groups add up; the pages that its tokens lead to have the same records.
 */
#include "fuzz.h"

#include <reel/reel.h>

enum { CONDITIONS_MAX = 16, RECORDS = 12 };

/* ---- Records --------------------------------------------------------------------------------- */

static const char *const words[] = {"one", "Two", NULL};
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "s", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "a", .kind = REEL_FIELD_STRING,
               .flags = REEL_FIELD_INDEXED | REEL_FIELD_ANY_CASE),
    REEL_FIELD(.name = "i", .kind = REEL_FIELD_INTEGER, .flags = REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "n", .kind = REEL_FIELD_NUMBER, .flags = REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "b", .kind = REEL_FIELD_BOOL),
    REEL_FIELD(.name = "o", .kind = REEL_FIELD_ONE_OF, .values = words,
               .flags = REEL_FIELD_ANY_CASE | REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "j", .kind = REEL_FIELD_JSON),
    NULL};
static const char *const names[] = {"s", "a", "i", "n", "b", "o", "j", "changed", "x"};
enum { NAMES = sizeof names / sizeof *names };

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    char long_text[300];
    int64_t n = 0;
    reel_get_int(reel_get(event->data, "n"), &n);
    struct reel_record *record = reel_upsert(tx, event->subject);
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = (char)('0' + n % 3);
    if (n % 4 > 0) reel_set_str(record, "s", (struct reel_str){long_text, n % 2 ? 300 : 2});
    if (n % 4 > 1) reel_set_text(record, "a", n % 2 ? "AbC" : "abc");
    if (n % 5 > 0) reel_set_int(record, "i", n % 3 - 1);
    if (n % 5 > 1) reel_set_number(record, "n", (double)n / 4);
    if (n % 3 > 0) reel_set_bool(record, "b", n % 2);
    if (n % 3 > 0) reel_set_text(record, "o", words[n % 2]);
    if (n % 2) reel_set_json(record, "j", event->data);
    return REEL_APPLIED;
}

static const char *const prefixes[] = {"t", NULL};
static const struct reel_projector projector = {.struct_size = sizeof projector,
                                                .revision = 1,
                                                .collection = "things",
                                                .type_prefixes = prefixes,
                                                .fields = fields,
                                                .evolve = evolve};
static const struct reel_projector *const projectors[] = {&projector, NULL};
static const struct reel_plugin plugin = {
    .header = REEL_PLUGIN_HEADER, .name = "things", .version = "1", .projectors = projectors};

static struct reel *opened(void) {
    static struct reel *reel;
    struct reel_error error;
    if (reel) return reel;
    check(reel_open(&(struct reel_options){.struct_size = sizeof(struct reel_options),
                                           .map_bytes = 16 << 20},
                    &reel, &error) == 0 &&
              reel_add_plugin(reel, &plugin, &error) == 0 && reel_start(reel, &error) == 0,
          "no store in memory");
    for (int n = 0; n < RECORDS; n++) {
        char event[200];
        struct reel_result result;
        int len = snprintf(event, sizeof event,
                           "{\"type\":\"t\",\"subject\":\"key %d\",\"data\":{\"n\":%d}}", n, n);
        check(reel_apply(reel, (struct reel_str){event, (size_t)len}, &result, &error) == 0 &&
                  result.outcome == REEL_APPLIED,
              "no records");
    }
    return reel;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

struct rows {
    bool seen[RECORDS];
    uint64_t count;
};

static int take_row(void *context, const struct reel_row *row) {
    struct rows *rows = context;
    size_t n = strtoul(row->key.data + 4, NULL, 10);
    check(n < RECORDS && !rows->seen[n], "a record is given twice");
    rows->seen[n] = true;
    rows->count++;
    return 0;
}

static int take_group(void *context, const struct reel_group *group) {
    uint64_t *sum = context;
    check(group->records > 0, "an empty group");
    *sum += group->records;
    return 0;
}

static void check_answer(struct reel_view *view, struct reel_query *query, bool has_token) {
    struct reel_error error;
    struct reel_page page;
    struct rows rows = {0}, paged = {0};
    uint64_t count, sum = 0;
    char next[REEL_TOKEN_MAX];
    int rc = reel_view_query(view, query, take_row, &rows, &page, &error);
    check(rc == 0 || rc == -EINVAL, "an unknown code");
    if (rc < 0 || has_token) return;
    check(!page.more, "there is more without a limit");
    check(reel_view_count(view, query, NULL, NULL, NULL, &count, &error) == 0 &&
              count == rows.count,
          "another count");
    check(reel_view_count(view, query, "o", take_group, &sum, &count, &error) == 0 && sum == count,
          "groups do not add up");
    if (!query->order) return;
    query->limit = 1;
    do {
        check(reel_view_query(view, query, take_row, &paged, &page, &error) == 0, "no page");
        memcpy(next, page.next, sizeof next);
        query->after = reel_text(next);
    } while (page.more);
    check(paged.count == rows.count, "the pages have other records");
}

/* Cuts a line off. */
static struct reel_str next_line(struct reel_str *rest) {
    const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    struct reel_str line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
    size_t skipped = end ? line.len + 1 : line.len;
    rest->data += skipped;
    rest->len -= skipped;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct reel_condition conditions[CONDITIONS_MAX];
    const struct reel_condition *list[CONDITIONS_MAX + 1];
    struct reel_view *view;
    struct reel_error error;
    size_t count = 0;
    if (size == 0) return 0;
    struct reel_str rest = {(const char *)data + 1, size - 1};
    bool has_token = data[0] & 1;
    while (rest.len > 0 && count < CONDITIONS_MAX) {
        struct reel_str line = next_line(&rest);
        if (line.len < 2 || (has_token && rest.len == 0)) break;
        conditions[count] = (struct reel_condition){
            .struct_size = sizeof *conditions,
            .comparison = (uint8_t)line.data[1] % 9,
            .field = names[(uint8_t)line.data[0] % NAMES],
            .value = {line.data + 2, line.len - 2},
        };
        list[count] = &conditions[count];
        count++;
    }
    list[count] = NULL;
    struct reel_query query = {.struct_size = sizeof query,
                               .flags = data[0] & 2 ? REEL_QUERY_DESCENDING : 0,
                               .collection = "things",
                               .conditions = list,
                               .order = data[0] & 4 ? names[(data[0] >> 3) % NAMES] : NULL};
    if (has_token) query.after = rest;
    check(reel_view_open(opened(), &view, &error) == 0, "no view");
    check_answer(view, &query, has_token);
    reel_view_close(view);
    return 0;
}
