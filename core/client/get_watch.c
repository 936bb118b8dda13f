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
    enum form form;
    struct table table;
    json_t *shown; /* with conditions: an object with the keys of records that fulfilled them */
    uint64_t rows;
    bool has_snapshot;
    bool failed;
};

static int print_rows(struct watch *watch) {
    watch->rows = 0;
    watch->failed = !table_print(&watch->table, watch->client);
    fflush(watch->client->out.to);
    return watch->failed || ferror(watch->client->out.to);
}

static int add_row(struct watch *watch, json_t *frame) {
    table_add(&watch->table, frame, watch->client);
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

/* With conditions, a record that does not fulfil them comes as one that is gone, whether it did
 * before or not: only one that was shown is gone. False also without memory. */
static bool is_news(struct watch *watch, const json_t *frame, struct reel_str key) {
    bool is_gone = json_is_null(json_object_get(frame, "record"));
    if (!watch->shown) return !is_gone || watch->has_snapshot; /* deleted before anybody saw it */
    if (is_gone) return json_object_deln(watch->shown, key.data, key.len) == 0;
    watch->failed = json_object_setn_new_nocheck(watch->shown, key.data, key.len, json_true()) < 0;
    return !watch->failed;
}

static int take_frame(void *context, json_t *frame, struct reel_str text) {
    struct watch *watch = context;
    struct reel_str key = exact_json_string(json_object_get(frame, "key"));
    watch->client->now_ns = (int64_t)clock_now_ns();
    if (json_is_true(json_object_get(frame, "snapshot"))) return end_snapshot(watch);
    if (!key.data) return ferror(watch->client->out.to); /* a position */
    if (!is_news(watch, frame, key)) return watch->failed;
    return form_is_table(watch->form) ? add_row(watch, frame) : print_frame(watch, text);
}

static void begin_again(void *context) {
    struct watch *watch = context;
    if (watch->has_snapshot || watch->rows > 0)
        client_remark(watch->client, "all records come again");
    watch->has_snapshot = false;
    if (watch->shown) json_object_clear(watch->shown);
}

int get_watch(struct client *client, struct target target, enum form form,
              struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0}, key = {0};
    struct watch watch = {.client = client, .form = form};
    const json_t *collection = NULL;
    if (target.key.data && client->args.count > 1)
        return failure_usage(failure, "conditions are for lists, not for one record");
    int code = catalog_collection(client, target.collection, &collection, failure);
    if (code == 0 && target.key.data) {
        code = target_key(client, collection, target.key, &key, failure);
        target.key = text_str(&key);
    }
    target_path(&path, target.collection, target.key);
    if (code == 0) code = filters_of_operands(&path, &client->args, failure);
    text_append(&path, "", 1);
    if (code == 0 && path.failed) code = failure_memory(failure);
    if (code != 0) return code;
    table_init(&watch.table, collection, form == FORM_WIDE);
    if (client->args.count > 1) watch.shown = json_object();
    const struct follow follow = {
        .path = path.data, .take = take_frame, .begin_again = begin_again, .context = &watch};
    code = follow_run(client, &follow, failure);
    table_finish(&watch.table);
    json_decref(watch.shown);
    return code == 0 && watch.failed ? failure_memory(failure) : code;
}
