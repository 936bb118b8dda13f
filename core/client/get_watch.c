/* get_watch.c: `reel get --watch`: a record stream. A table has a row for each change, as kubectl's
 * has; JSON has the frames, one a line: {"seq","key","record"}. */
#include "client/get.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "client/columns.h"
#include "client/filters.h"
#include "client/follow.h"

/* Rows that are printed at a time while the snapshot comes. */
#define ROWS_MAX 1000

struct watch {
    struct client *client;
    const json_t *collection;
    enum form form;
    struct grid grid;
    uint64_t rows;
    bool has_snapshot;
    bool comes_again; /* a snapshot that was interrupted, or records that were rebuilt */
    bool failed;
};

static int print_rows(struct watch *watch) {
    watch->rows = 0;
    watch->failed = !grid_print(&watch->grid, &watch->client->out);
    fflush(watch->client->out.to);
    return watch->failed || ferror(watch->client->out.to);
}

static int add_row(struct watch *watch, const json_t *frame, struct reel_str key) {
    const json_t *record = json_object_get(frame, "record");
    if (json_is_object(record))
        columns_add(&watch->grid, watch->collection, record, watch->client);
    else
        columns_add_deleted(&watch->grid, watch->collection, key);
    return watch->has_snapshot || ++watch->rows >= ROWS_MAX ? print_rows(watch) : 0;
}

static int print_frame(struct watch *watch, struct reel_str text) {
    terminal_write_json(&watch->client->out, text);
    fputc('\n', watch->client->out.to);
    if (watch->has_snapshot) fflush(watch->client->out.to);
    return ferror(watch->client->out.to);
}

static int end_snapshot(struct watch *watch) {
    bool is_table = form_is_table(watch->form);
    watch->has_snapshot = true;
    if (is_table) return print_rows(watch);
    fflush(watch->client->out.to);
    return ferror(watch->client->out.to);
}

static int take_frame(void *context, const json_t *frame, struct reel_str text) {
    struct watch *watch = context;
    const json_t *given = json_object_get(frame, "key");
    watch->client->now_ns = (int64_t)clock_now_ns();
    if (json_is_true(json_object_get(frame, "snapshot"))) return end_snapshot(watch);
    if (!json_is_string(given)) return ferror(watch->client->out.to); /* a position */
    struct reel_str key = {json_string_value(given), json_string_length(given)};
    /* what was deleted before anybody saw it */
    if (!watch->has_snapshot && json_is_null(json_object_get(frame, "record"))) return 0;
    if (form_is_table(watch->form)) return add_row(watch, frame, key);
    return print_frame(watch, text);
}

static void begin_again(void *context) {
    struct watch *watch = context;
    if (watch->has_snapshot || watch->rows > 0)
        client_remark(watch->client, "all records come again");
    watch->has_snapshot = false;
}

int get_watch(struct client *client, struct target target, enum form form,
              struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0}, key = {0};
    struct watch watch = {.client = client, .form = form};
    if (target.key.data && client->args.count > 1)
        return failure_usage(failure, "conditions are for lists, not for one record");
    int code = catalog_collection(client, target.collection, &watch.collection, failure);
    if (code == 0 && target.key.data) {
        code = target_key(client, watch.collection, target.key, &key, failure);
        target.key = text_str(&key);
    }
    target_path(&path, target.collection, target.key);
    if (code == 0) code = filters_of_operands(&path, &client->args, failure);
    text_append(&path, "", 1);
    if (code == 0 && path.failed) code = failure_memory(failure);
    if (code != 0) return code;
    columns_begin(&watch.grid, watch.collection, form == FORM_WIDE);
    const struct follow follow = {
        .path = path.data, .take = take_frame, .begin_again = begin_again, .context = &watch};
    code = follow_run(client, &follow, failure);
    grid_finish(&watch.grid);
    return code == 0 && watch.failed ? failure_memory(failure) : code;
}
