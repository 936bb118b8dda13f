/* compare.c: `reel compare A B`: whether two daemons have the same records, and where they part.
 *
 * Digests that are equal at one cursor mean equal records, so that most comparisons need nothing
 * but the two statuses. Where digests differ, the snapshots of both record streams are compared:
 * they come in the order of keys. Of the first one, a hash of each record is kept.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fnv.h"
#include "client/catalog.h"
#include "client/columns.h"
#include "client/contexts.h"
#include "client/fetch.h"
#include "client/lines.h"
#include "client/problem.h"

#define LIMIT_DEFAULT 20
#define WAIT_MS       10000
#define POLL_MS       200

struct side {
    const char *name;
    struct access access;
    struct http *http;
    json_t *status;
};

/* A record of the first daemon. */
struct sketch {
    size_t key, len; /* within `keys` */
    uint64_t seq, hash;
};

struct comparison {
    struct client *client;
    struct side sides[2];
    const char *collection;
    struct grid grid;
    struct text keys;
    struct sketch *sketches;
    size_t count, size, at;
    struct sse sse;
    bool is_second, is_over, is_wrong, no_memory;
    uint64_t differences, shown_max;
    uint64_t oldest; /* the lowest seq of what differs */
};

/* ---- Digests --------------------------------------------------------------------------------- */

static int read_statuses(struct comparison *all, struct failure *failure) {
    for (size_t i = 0; i < 2; i++) {
        json_decref(all->sides[i].status);
        all->sides[i].status = NULL;
        int code = fetch_json(all->sides[i].http, "/v1/status", &all->sides[i].status, failure);
        if (code != 0) return code;
    }
    return 0;
}

static const json_t *projection(const struct side *side, const char *collection) {
    return catalog_find(json_object_get(side->status, "projections"), "collection", collection);
}

static json_int_t cursor_of(const struct side *side, const char *collection) {
    return json_integer_value(json_object_get(projection(side, collection), "cursor"));
}

static bool is_one_log(const struct comparison *all) {
    return strcmp(catalog_text(all->sides[0].status, "epoch"),
                  catalog_text(all->sides[1].status, "epoch")) == 0;
}

static bool is_at_one_cursor(const struct comparison *all) {
    return cursor_of(&all->sides[0], all->collection) == cursor_of(&all->sides[1], all->collection);
}

static bool has_one_digest(const struct comparison *all) {
    const char *one = catalog_text(projection(&all->sides[0], all->collection), "digest");
    const char *other = catalog_text(projection(&all->sides[1], all->collection), "digest");
    return one[0] && strcmp(one, other) == 0;
}

/* Of one log, the digests of one cursor say it all. Positions of different logs say nothing about
 * each other. */
static int wait_for_one_cursor(struct comparison *all, struct failure *failure) {
    uint64_t until_ms = clock_ms() + WAIT_MS;
    while (is_one_log(all) && !is_at_one_cursor(all) && clock_ms() < until_ms) {
        usleep(POLL_MS * 1000);
        int code = read_statuses(all, failure);
        if (code != 0) return code;
    }
    return 0;
}

/* ---- Records --------------------------------------------------------------------------------- */

static void add_difference(struct comparison *all, struct reel_str key, uint64_t first,
                           uint64_t second, const char *what) {
    uint64_t lowest = first && (!second || first < second) ? first : second;
    if (all->oldest == 0 || lowest < all->oldest) all->oldest = lowest;
    if (all->differences++ >= all->shown_max) return;
    grid_add_lit(&all->grid, all->collection);
    grid_add(&all->grid, key.len > 0 ? key : reel_text("\"\""), STYLE_PLAIN);
    if (first) grid_add_number(&all->grid, first);
    if (!first) grid_add_lit(&all->grid, "");
    if (second) grid_add_number(&all->grid, second);
    if (!second) grid_add_lit(&all->grid, "");
    grid_add(&all->grid, reel_text(what), STYLE_BAD);
}

static struct reel_str key_of(const struct comparison *all, const struct sketch *sketch) {
    return (struct reel_str){all->keys.data + sketch->key, sketch->len};
}

static void keep_sketch(struct comparison *all, struct reel_str key, uint64_t seq, uint64_t hash) {
    if (all->count == all->size) {
        size_t size = all->size ? all->size * 2 : 1024;
        struct sketch *grown = realloc(all->sketches, size * sizeof *grown);
        all->no_memory = !grown;
        if (!grown) return;
        all->sketches = grown;
        all->size = size;
    }
    all->sketches[all->count++] =
        (struct sketch){.key = all->keys.len, .len = key.len, .seq = seq, .hash = hash};
    text_append_str(&all->keys, key);
    all->no_memory = all->keys.failed;
}

/* The records before `key` are only in the first daemon. */
static void skip_to(struct comparison *all, const struct reel_str *key) {
    for (; all->at < all->count; all->at++) {
        const struct sketch *sketch = &all->sketches[all->at];
        if (key && str_compare(key_of(all, sketch), *key) >= 0) return;
        add_difference(all, key_of(all, sketch), sketch->seq, 0, "only in the first");
    }
}

static void match_sketch(struct comparison *all, struct reel_str key, uint64_t seq, uint64_t hash) {
    skip_to(all, &key);
    const struct sketch *sketch = all->at < all->count ? &all->sketches[all->at] : NULL;
    if (!sketch || !reel_str_eq(key_of(all, sketch), key)) {
        add_difference(all, key, 0, seq, "only in the second");
        return;
    }
    all->at++;
    if (sketch->hash != hash) add_difference(all, key, sketch->seq, seq, "different");
}

/* The record as the server wrote it. In a string of JSON, the quotes would be escaped. */
static struct reel_str record_text(struct reel_str frame) {
    static const char before[] = ",\"record\":";
    const char *found = memmem(frame.data, frame.len, before, sizeof before - 1);
    if (!found) return (struct reel_str){NULL, 0};
    found += sizeof before - 1;
    return (struct reel_str){found, frame.len - (size_t)(found - frame.data)};
}

static int take_frame(void *context, struct reel_str data) {
    struct comparison *all = context;
    json_t *frame = exact_json_read(data);
    const json_t *key = json_object_get(frame, "key");
    struct reel_str record = record_text(data);
    all->is_over = json_is_true(json_object_get(frame, "snapshot"));
    all->is_wrong = !json_is_object(frame) || (json_is_string(key) && !record.data);
    if (json_is_string(key) && record.data && json_is_object(json_object_get(frame, "record"))) {
        struct reel_str text = {json_string_value(key), json_string_length(key)};
        uint64_t seq = catalog_number(frame, "seq");
        uint64_t hash = fnv_add(FNV_BEGIN, record.data, record.len);
        if (all->is_second)
            match_sketch(all, text, seq, hash);
        else
            keep_sketch(all, text, seq, hash);
    }
    json_decref(frame);
    return all->is_over || all->is_wrong || all->no_memory;
}

static int read_snapshot(struct comparison *all, const struct side *side, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    target_path(&path, reel_text(all->collection), (struct reel_str){NULL, 0});
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    all->sse = (struct sse){.take = take_frame, .context = all};
    all->is_over = false;
    const struct http_request request = {
        .path = path.data, .accept = "text/event-stream", .take = sse_feed, .context = &all->sse};
    int code = http_ask(side->http, &request, &answer, failure);
    sse_finish(&all->sse);
    if (code != 0) return code;
    if (answer.status != 200) return problem_failure(&answer, failure);
    if (all->no_memory) return failure_memory(failure);
    if (!all->is_over)
        return failure_set(failure, "%s: the records of %s are not complete", side->name,
                           all->collection);
    return 0;
}

static int compare_records(struct comparison *all, struct failure *failure) {
    all->keys.len = all->count = all->at = 0;
    all->is_second = false;
    int code = read_snapshot(all, &all->sides[0], failure);
    all->is_second = true;
    if (code == 0) code = read_snapshot(all, &all->sides[1], failure);
    if (code == 0) skip_to(all, NULL);
    return code;
}

/* ---- All collections ------------------------------------------------------------------------- */

static int compare_collection(struct comparison *all, struct failure *failure) {
    struct client *client = all->client;
    for (size_t i = 0; i < 2; i++) {
        if (projection(&all->sides[i], all->collection)) continue;
        client_print(client, "%s: only in %s\n", all->collection, all->sides[1 - i].name);
        all->differences++;
        return 0;
    }
    int code = wait_for_one_cursor(all, failure);
    if (code != 0) return code;
    json_int_t cursors[2];
    for (size_t i = 0; i < 2; i++) cursors[i] = cursor_of(&all->sides[i], all->collection);
    bool is_settled = is_one_log(all) && is_at_one_cursor(all);
    if (has_one_digest(all)) {
        client_print(client, "%s: equal at %lld\n", all->collection, (long long)cursors[0]);
        return 0;
    }
    uint64_t before = all->differences;
    code = compare_records(all, failure);
    if (code == 0) code = read_statuses(all, failure);
    if (code != 0) return code;
    for (size_t i = 0; i < 2; i++)
        is_settled = is_settled && cursors[i] == cursor_of(&all->sides[i], all->collection);
    client_print(client, "%s: %llu records differ, at %lld and %lld\n", all->collection,
                 (unsigned long long)(all->differences - before), (long long)cursors[0],
                 (long long)cursors[1]);
    if (!is_settled && is_one_log(all))
        client_remark(client, "%s was changing meanwhile: some of this may be a matter of time",
                      all->collection);
    return 0;
}

static int print_differences(struct comparison *all, struct failure *failure) {
    struct client *client = all->client;
    if (all->differences == 0) return 0;
    if (all->grid.cells_count > 0) fputc('\n', client->out.to);
    if (all->grid.cells_count > 0 && !grid_print(&all->grid, &client->out))
        return failure_memory(failure);
    if (is_one_log(all) && all->oldest > 0)
        client_print(client, "\nThe oldest change among these is event %llu.\n",
                     (unsigned long long)all->oldest);
    return failure_set(failure, "the records are not the same");
}

static int compare_all(struct comparison *all, struct failure *failure) {
    int code = read_statuses(all, failure);
    if (code != 0) return code;
    if (!is_one_log(all))
        client_remark(all->client,
                      "these are two logs: only what their records are now is compared");
    CLEANUP(text_finish) struct text names = {0}; /* NUL-terminated, one after the other */
    for (size_t side = 0; side < 2; side++) {
        size_t i;
        const json_t *one;
        json_array_foreach(json_object_get(all->sides[side].status, "projections"), i, one) {
            const char *name = catalog_text(one, "collection");
            if (side == 1 && projection(&all->sides[0], name)) continue;
            text_append(&names, name, strlen(name) + 1);
        }
    }
    if (names.failed) return failure_memory(failure);
    for (size_t at = 0; code == 0 && at < names.len; at += strlen(names.data + at) + 1) {
        all->collection = names.data + at;
        code = compare_collection(all, failure);
    }
    return code ? code : print_differences(all, failure);
}

static int run(struct client *client, struct failure *failure) {
    struct comparison all = {.client = client, .shown_max = LIMIT_DEFAULT};
    int code = client_operands(client, 2, 2, "two URLs, or names of contexts", failure);
    if (code == 0) code = args_number(&client->args, "limit", &all.shown_max, failure);
    for (size_t i = 0; code == 0 && i < 2; i++) {
        struct side *side = &all.sides[i];
        side->name = client->args.operands[i];
        code = contexts_named(&client->args, side->name, &side->access, failure);
        if (code == 0) code = http_open(&side->access, &side->http, failure);
    }
    grid_add_column(&all.grid, reel_text("collection"), 2, false);
    grid_add_column(&all.grid, reel_text("key"), 0, false);
    grid_add_column(&all.grid, reel_text("first"), 1, true);
    grid_add_column(&all.grid, reel_text("second"), 1, true);
    grid_add_column(&all.grid, reel_text("difference"), 0, false);
    if (code == 0) code = compare_all(&all, failure);
    for (size_t i = 0; i < 2; i++) {
        json_decref(all.sides[i].status);
        http_close(all.sides[i].http);
        access_finish(&all.sides[i].access);
    }
    grid_finish(&all.grid);
    text_finish(&all.keys);
    free(all.sketches);
    return code;
}

static const struct option_spec options[] = {
    {"limit", 0, "N", "name at most N records (20)"},
    {NULL, 0, NULL, NULL},
};

const struct command command_compare = {
    .name = "compare",
    .usage = "URL URL",
    .summary = "find out whether two daemons have the same records",
    .help = "Each URL may be the name of a context. Compares digests, and where they differ the\n"
            "records. For each record that differs, prints the event that changed it last in the\n"
            "first and in the second daemon. Fails if there is a difference.\n",
    .options = options,
    .needs_no_server = true,
    .run = run,
};
