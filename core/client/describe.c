/* describe.c: `reel describe`: a record with its history, or an event with its outcomes. */
#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/columns.h"
#include "client/fetch.h"
#include "client/indent.h"
#include "client/problem.h"
#include "client/shown.h"
#include "client/units.h"

#include <reel/time.h>

#define PAGE_LIMIT      1000
#define HISTORY_DEFAULT 20
#define HISTORY_MAX     100000

/* ---- Members --------------------------------------------------------------------------------- */

static size_t widest_name(const json_t *object) {
    const char *name;
    const json_t *value;
    size_t widest = 0;
    json_object_foreach((json_t *)object, name, value) {
        size_t width = shown_width(reel_text(name));
        if (width > widest) widest = width;
    }
    return widest < 40 ? widest : 40;
}

/* JSON over several lines, each of them indented. */
static int print_indented(const struct client *client, const json_t *value,
                          struct failure *failure) {
    CLEANUP(text_finish) struct text json = {0}, lines = {0}, clean = {0};
    exact_json_append(&json, value);
    indent_json(&lines, text_str(&json));
    text_append(&lines, "", 1);
    if (json.failed || lines.failed) return failure_memory(failure);
    for (const char *line = lines.data; *line;) {
        size_t len = strcspn(line, "\n");
        text_append_lit(&clean, "  ");
        shown_append_json(&clean, (struct reel_str){line, len});
        text_append_lit(&clean, "\n");
        line += len + (line[len] ? 1 : 0);
    }
    if (clean.failed) return failure_memory(failure);
    terminal_write(&client->out, text_str(&clean));
    return 0;
}

/* "name:  value", a time with its age behind it. */
static int print_member(const struct client *client, const char *name, const json_t *value,
                        size_t width, struct failure *failure) {
    CLEANUP(text_finish) struct text line = {0};
    char space[UNITS_MAX];
    int64_t time_ns;
    bool is_nested = json_is_object(value) || json_is_array(value);
    shown_append(&line, reel_text(name));
    text_append_lit(&line, ":");
    for (size_t at = shown_width(reel_text(name)); !is_nested && at < width + 2; at++)
        text_append_lit(&line, " ");
    CLEANUP(text_finish) struct text plain = {0};
    if (!is_nested) columns_value(&plain, value, false, 0);
    shown_append(&line, !is_nested && plain.len == 0 ? reel_text("-") : text_str(&plain));
    struct reel_str string = exact_json_string(value);
    if (string.data && client->out.is_terminal && reel_time_read(string, &time_ns)) {
        text_append_lit(&line, " (");
        text_append_lit(&line, units_age(time_ns, client->now_ns, space));
        text_append_lit(&line, ")");
    }
    text_append_lit(&line, "\n");
    if (line.failed || plain.failed) return failure_memory(failure);
    terminal_write(&client->out, text_str(&line));
    return is_nested ? print_indented(client, value, failure) : 0;
}

static int print_members(const struct client *client, const json_t *object,
                         struct failure *failure) {
    const char *name;
    const json_t *value;
    size_t width = widest_name(object);
    int code = 0;
    json_object_foreach((json_t *)object, name, value) {
        if (code == 0) code = print_member(client, name, value, width, failure);
    }
    return code;
}

/* ---- History --------------------------------------------------------------------------------- */

/* The newest changes: a ring. */
struct history {
    json_t **list;
    uint64_t size, count;
};

static void history_finish(struct history *history) {
    for (uint64_t i = 0; i < history->size; i++) json_decref(history->list[i]);
    free(history->list);
}

/* Pages are in the order of the log, so that the newest change is on the last one. `ret_answer`
 * has the answer that says no. */
static int read_history(struct client *client, struct reel_str path, struct history *history,
                        struct http_answer *ret_answer, struct failure *failure) {
    json_int_t after = 0;
    for (;;) {
        CLEANUP(text_finish) struct text page = {0};
        text_append_str(&page, path);
        text_append_lit(&page, "/history?limit=1000&after=");
        text_append_number(&page, (uint64_t)after);
        text_append(&page, "", 1);
        if (page.failed) return failure_memory(failure);
        http_answer_finish(ret_answer);
        int code =
            http_ask(client->http, &(struct http_request){.path = page.data}, ret_answer, failure);
        if (code != 0 || ret_answer->status != 200) return code;
        json_t *answer = exact_json_read(text_str(&ret_answer->body)), *change;
        size_t i;
        json_array_foreach(json_object_get(answer, "history"), i, change) {
            json_t **place = &history->list[history->count++ % history->size];
            json_decref(*place);
            *place = json_incref(change);
        }
        json_int_t next = json_integer_value(json_object_get(answer, "next"));
        json_decref(answer);
        if (next <= after) return 0; /* the last page */
        after = next;
    }
}

static void add_change(struct grid *grid, const json_t *change, const struct client *client) {
    CLEANUP(text_finish) struct text text = {0};
    grid_add_number(grid, catalog_number(change, "seq"));
    columns_add_time(grid, change, client);
    grid_add_lit(grid, catalog_text(change, "type"));
    const json_t *record = json_object_get(change, "record");
    const json_t *changed = json_object_get(change, "changed");
    size_t count = json_array_size(changed);
    if (json_is_null(record))
        text_append_lit(&text, "(deleted)");
    else if (count > 1 && count == json_object_size(record))
        text_append_lit(&text, "(all)");
    else
        catalog_names(&text, changed, NULL, ",");
    grid_add(grid, text_str(&text), STYLE_PLAIN);
    grid->failed = grid->failed || text.failed;
}

static int print_history(struct client *client, const struct history *history,
                         struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    uint64_t shown = history->count < history->size ? history->count : history->size;
    client_print_title(client, "History");
    if (shown < history->count)
        client_print(client, "(the last %llu of %llu changes)\n", (unsigned long long)shown,
                     (unsigned long long)history->count);
    grid_add_column(&grid, reel_text("seq"), 0, true);
    grid_add_column(&grid, reel_text("time"), 1, false);
    grid_add_column(&grid, reel_text("type"), 2, false);
    grid_cut_beginning(&grid);
    grid_add_column(&grid, reel_text("changed"), 3, false);
    for (uint64_t i = history->count - shown; i < history->count; i++)
        add_change(&grid, history->list[i % history->size], client);
    return client_print_grid(client, &grid, failure);
}

/* A token that may not look back sees the record all the same, and so does who asks when the log
 * has lost its beginning. */
static int describe_history(struct client *client, struct reel_str path, uint64_t size,
                            struct failure *failure) {
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    struct history history = {.list = calloc(size, sizeof *history.list), .size = size};
    if (!history.list) return failure_memory(failure);
    int code = read_history(client, path, &history, &answer, failure);
    if (code == 0 && (answer.status == 403 || answer.status == 410)) {
        problem_failure(&answer, failure);
        client_remark(client, "the history is not shown: %s", failure->error.text);
    } else if (code == 0 && answer.status != 200) {
        code = problem_failure(&answer, failure);
    } else if (code == 0) {
        code = print_history(client, &history, failure);
    }
    history_finish(&history);
    return code;
}

/* ---- A record -------------------------------------------------------------------------------- */

static int describe_record(struct client *client, struct target target, struct failure *failure) {
    CLEANUP(text_finish) struct text key = {0}, path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const json_t *collection = NULL;
    uint64_t changes = HISTORY_DEFAULT;
    int code = args_number(&client->args, "history", &changes, failure);
    if (code == 0 && changes > HISTORY_MAX)
        code = failure_usage(failure, "option `--history` is at most %d", HISTORY_MAX);
    if (code == 0) code = catalog_collection(client, target.collection, &collection, failure);
    if (code == 0) code = target_key(client, collection, target.key, &key, failure);
    if (code != 0) return code;
    target_path(&path, target.collection, text_str(&key));
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    code = http_ask(client->http, &(struct http_request){.path = path.data}, &answer, failure);
    if (code != 0) return code;
    if (answer.status != 200) return problem_failure(&answer, failure);
    json_t *record;
    code = fetch_read_object(text_str(&answer.body), "a record", &record, failure);
    if (code != 0) return code;
    client_print(client, "%.*s/%.*s\nchanged by event %s, ETag %s\n\n", REEL_FMT(target.collection),
                 REEL_FMT(text_str(&key)), answer.changed, answer.etag);
    code = print_members(client, record, failure);
    json_decref(record);
    path.len--;
    return code || changes == 0 ? code
                                : describe_history(client, text_str(&path), changes, failure);
}

/* ---- An event -------------------------------------------------------------------------------- */

static enum style style_of_outcome(const char *outcome) {
    return strcmp(outcome, "rejected") == 0  ? STYLE_BAD
           : strcmp(outcome, "ignored") == 0 ? STYLE_FAINT
                                             : STYLE_PLAIN;
}

static int print_outcomes(const struct client *client, const json_t *outcomes,
                          struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    size_t i;
    const json_t *one;
    client_print_title(client, "Outcomes");
    grid_add_column(&grid, reel_text("collection"), 0, false);
    grid_add_column(&grid, reel_text("outcome"), 0, false);
    grid_add_column(&grid, reel_text("reason"), 1, false);
    json_array_foreach((json_t *)outcomes, i, one) {
        const char *outcome = catalog_text(one, "outcome");
        grid_add_lit(&grid, catalog_text(one, "collection"));
        grid_add(&grid, reel_text(outcome[0] ? outcome : "not folded"), style_of_outcome(outcome));
        grid_add_lit(&grid, catalog_text(one, "reason"));
    }
    return client_print_grid(client, &grid, failure);
}

static int describe_event(struct client *client, struct reel_str seq, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    json_t *answer = NULL;
    target_path(&path, reel_text("events"), seq);
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    int code = fetch_json(client->http, path.data, &answer, failure);
    if (code != 0) return code;
    json_t *outcomes = json_incref(json_object_get(answer, "outcomes"));
    json_t *event = json_incref(json_object_get(answer, "event"));
    static const char *const elsewhere[] = {"outcomes", "event", "cursor", "epoch", NULL};
    for (const char *const *name = elsewhere; *name; name++) json_object_del(answer, *name);
    code = print_members(client, answer, failure);
    if (code == 0 && event && !json_is_null(event)) {
        client_print_title(client, "Event");
        code = print_indented(client, event, failure);
    }
    if (code == 0) code = print_outcomes(client, outcomes, failure);
    json_decref(outcomes);
    json_decref(event);
    json_decref(answer);
    return code;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int run(struct client *client, struct failure *failure) {
    int code = client_operands(client, 1, 1, "COLLECTION/KEY or events/SEQ", failure);
    if (code != 0) return code;
    struct target target = target_of(client->args.operands[0]);
    if (!target.key.data)
        return failure_usage(failure,
                             "wanted COLLECTION/KEY or events/SEQ; reel plugins %.*s "
                             "describes a collection",
                             REEL_FMT(target.collection));
    /* no collection may be called `events` */
    return reel_str_is(target.collection, "events") ? describe_event(client, target.key, failure)
                                                    : describe_record(client, target, failure);
}

static const struct option_spec options[] = {
    {"history", 0, "N", "the last N changes (20; 0: none)"},
    {NULL, 0, NULL, NULL},
};

const struct command command_describe = {
    .name = "describe",
    .usage = "COLLECTION/KEY | events/SEQ",
    .summary = "show a record and its history, or an event and its outcomes",
    .help = "The record may be given by its key or by its name. The history needs a token of the\n"
            "kind `history` or `write`.\n",
    .options = options,
    .run = run,
};
