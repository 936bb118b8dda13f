/* events.c: `reel events`: the log, and what comes to it. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "client/catalog.h"
#include "client/columns.h"
#include "client/fetch.h"
#include "client/filters.h"
#include "client/follow.h"
#include "client/problem.h"

#define TAIL_DEFAULT 20
#define PAGE_LIMIT   1000
#define ROWS_MAX     1000

/* ---- Rows ------------------------------------------------------------------------------------ */

static void add_columns(struct grid *grid, bool is_wide) {
    grid->is_wide = is_wide;
    grid_add_column(grid, reel_text("seq"), 0, true);
    grid_add_column(grid, reel_text("time"), 2, false);
    grid_add_column(grid, reel_text("type"), 1, false);
    grid_cut_beginning(grid);
    grid_add_column(grid, reel_text("subject"), 3, false);
    grid_add_column(grid, reel_text("id"), 5, false);
    grid_add_column(grid, reel_text("source"), 4, false);
    if (is_wide) grid_add_column(grid, reel_text("data"), 6, false);
}

/* A frame has an event, a gap, or what is not JSON; or it is only a position. */
static bool is_position(const json_t *frame) {
    return !json_object_get(frame, "event") && !json_object_get(frame, "gap");
}

static void add_frame(struct grid *grid, const json_t *frame, const struct client *client) {
    const json_t *event = json_object_get(frame, "event");
    bool is_gap = json_is_true(json_object_get(frame, "gap"));
    grid_add_number(grid, catalog_number(frame, "seq"));
    if (is_gap || !json_is_object(event)) {
        const char *why = catalog_text(frame, "error");
        grid_add_lit(grid, "");
        grid_add(grid, reel_text(is_gap ? "(gap: never received)" : "(not an event)"), STYLE_BAD);
        for (size_t i = 3; i < grid->count; i++) grid_add_lit(grid, i == 3 ? why : "");
        return;
    }
    static const char *const members[] = {"time", "type", "subject", "id", "source", "data"};
    for (size_t i = 1; i < grid->count; i++)
        columns_add_value(grid, json_object_get(event, members[i - 1]), client);
}

/* ---- What is asked for ----------------------------------------------------------------------- */

struct reading {
    struct client *client;
    enum form form;
    struct grid grid;
    struct lines lines;
    uint64_t rows, shown;
    bool is_wrong, failed;
};

/* A page of the log, backwards. */
static int page_path(const struct client *client, uint64_t before, uint64_t limit, struct text *ret,
                     struct failure *failure) {
    char space[NUMBER_TEXT_MAX];
    text_append_lit(ret, "/v1/events");
    filters_param(ret, reel_text("before"), reel_text(number_text(before, space)));
    if (limit > PAGE_LIMIT) limit = PAGE_LIMIT;
    filters_param(ret, reel_text("limit"), reel_text(number_text(limit, space)));
    filters_of_events(ret, &client->args);
    text_append(ret, "", 1);
    return ret->failed ? failure_memory(failure) : 0;
}

/* Goes one page back: `since` is before all events that were seen, of which `left` are missing; and
 * `before` is where the next page begins, 0: there is none. */
static int go_back(struct client *client, uint64_t *before, uint64_t *left, uint64_t *since,
                   struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    json_t *page = NULL, *frame;
    size_t i;
    bool is_first = *before == UINT64_MAX;
    int code = page_path(client, *before, *left, &path, failure);
    if (code == 0) code = fetch_json(client->http, path.data, &page, failure);
    if (code != 0) return code;
    if (is_first) *since = catalog_number(page, "cursor");
    json_array_foreach(json_object_get(page, "events"), i, frame) {
        uint64_t seq = catalog_number(frame, "seq");
        if (*left == 0) break;
        (*left)--;
        *since = seq > 0 ? seq - 1 : 0;
    }
    uint64_t next = catalog_number(page, "next");
    *before = next < *before ? next : 0;
    json_decref(page);
    return 0;
}

/* Where to begin: --since, or the last --tail events, of those that the filters leave. */
static int find_since(struct client *client, uint64_t *ret, struct failure *failure) {
    uint64_t tail = args_has(&client->args, "follow") ? 0 : TAIL_DEFAULT;
    uint64_t before = UINT64_MAX;
    if (args_has(&client->args, "since") && args_has(&client->args, "tail"))
        return failure_usage(failure, "`--since` and `--tail` cannot be used together");
    if (args_has(&client->args, "since")) return args_number(&client->args, "since", ret, failure);
    int code = args_number(&client->args, "tail", &tail, failure);
    if (code != 0) return code;
    do code = go_back(client, &before, &tail, ret, failure);
    while (code == 0 && tail > 0 && before > 0);
    return code;
}

static int events_path(struct client *client, const char *route, struct text *ret,
                       struct failure *failure) {
    char space[NUMBER_TEXT_MAX];
    uint64_t since = 0;
    int code = find_since(client, &since, failure);
    if (code != 0) return code;
    text_append_lit(ret, route);
    filters_param(ret, reel_text("since"), reel_text(number_text(since, space)));
    filters_of_events(ret, &client->args);
    filters_option(ret, &client->args, "limit", "limit");
    text_append(ret, "", 1);
    return ret->failed ? failure_memory(failure) : 0;
}

/* ---- Printing -------------------------------------------------------------------------------- */

static int print_rows(struct reading *reading) {
    reading->rows = 0;
    reading->failed = !grid_print(&reading->grid, &reading->client->out);
    fflush(reading->client->out.to);
    return reading->failed || ferror(reading->client->out.to);
}

static int print_text(struct reading *reading, struct reel_str text) {
    const struct terminal *out = &reading->client->out;
    if (reading->form == FORM_JSON) fputs(reading->shown > 0 ? ",\n" : "{\"events\":[\n", out->to);
    terminal_write_json(out, text);
    if (reading->form == FORM_NDJSON) fputc('\n', out->to);
    reading->shown++;
    return ferror(out->to);
}

/* A frame of a stream. It is printed at once. */
static int take_frame(void *context, json_t *frame, struct reel_str text) {
    struct reading *reading = context;
    FILE *to = reading->client->out.to;
    reading->client->now_ns = (int64_t)clock_now_ns();
    if (is_position(frame)) return ferror(to);
    if (form_is_table(reading->form)) {
        add_frame(&reading->grid, frame, reading->client);
        return print_rows(reading);
    }
    print_text(reading, text);
    fflush(to);
    return ferror(to);
}

static int take_line(void *context, struct reel_str line) {
    struct reading *reading = context;
    if (!form_is_table(reading->form)) return print_text(reading, line);
    json_t *frame = exact_json_read(line);
    reading->is_wrong = !json_is_object(frame);
    bool is_row = !reading->is_wrong && !is_position(frame);
    if (is_row) add_frame(&reading->grid, frame, reading->client);
    json_decref(frame);
    if (reading->is_wrong) return -EINVAL;
    return is_row && ++reading->rows >= ROWS_MAX ? print_rows(reading) : 0;
}

static int list_events(struct reading *reading, const char *path, struct failure *failure) {
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const struct http_request request = {.path = path,
                                         .accept = "application/x-ndjson",
                                         .take = lines_feed,
                                         .context = &reading->lines};
    FILE *to = reading->client->out.to;
    int code = http_ask(reading->client->http, &request, &answer, failure);
    if (code == 0 && answer.status != 200) code = problem_failure(&answer, failure);
    if (code == 0 && reading->is_wrong)
        return failure_set(failure, "the server has sent a line that is not a frame");
    if (code == 0 && form_is_table(reading->form)) print_rows(reading);
    if (code == 0 && reading->form == FORM_JSON)
        fputs(reading->shown > 0 ? "\n]}\n" : "{\"events\":[\n]}\n", to);
    if (code == 0 && answer.was_ended && !ferror(to))
        code = failure_set(failure, "the server has sent a line that is too long");
    return code;
}

static int follow_events(struct reading *reading, const char *path, struct failure *failure) {
    const struct follow follow = {.path = path, .take = take_frame, .context = reading};
    if (reading->form == FORM_JSON) reading->form = FORM_NDJSON; /* there is no end to write */
    return follow_run(reading->client, &follow, failure);
}

static int run(struct client *client, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    struct reading reading = {.client = client, .lines.take = take_line};
    reading.lines.context = &reading;
    bool is_follow = args_has(&client->args, "follow");
    int code = client_operands(client, 0, 0, "no operand", failure);
    if (code == 0) code = client_form(client, FORMS_TABLES | FORMS_JSON, &reading.form, failure);
    if (code == 0 && is_follow && args_has(&client->args, "limit"))
        code = failure_usage(failure, "`--follow` and `--limit` cannot be used together");
    if (code == 0 && args_has(&client->args, "limit") && !args_has(&client->args, "since"))
        code =
            failure_usage(failure, "`--limit` counts from --since on; --tail has the last events");
    if (code == 0)
        code = events_path(client, is_follow ? "/v1/events/stream" : "/v1/events", &path, failure);
    if (code != 0) return code;
    add_columns(&reading.grid, reading.form == FORM_WIDE);
    code = is_follow ? follow_events(&reading, path.data, failure)
                     : list_events(&reading, path.data, failure);
    if (code == 0 && reading.failed) code = failure_memory(failure);
    lines_finish(&reading.lines);
    grid_finish(&reading.grid);
    return code;
}

static const struct option_spec options[] = {
    {"follow", 'f', NULL, "then print each new event, until Ctrl-C"},
    {"since", 0, "SEQ", "the events after this one; 0: all that are kept"},
    {"tail", 0, "N", "the last N events (20; with --follow 0)"},
    {"limit", 0, "N", "with --since: at most N events"},
    {"type", 0, "PREFIX", "only events whose type begins so"},
    {"subject", 0, "FILTER", "only events of these NATS subjects, such as 'cellos.events.>'"},
    {"ce-subject", 0, "SUBJECT", "only events with this `subject`"},
    {"output", 'o', "FORM", "table, wide, json or ndjson"},
    {NULL, 0, NULL, NULL},
};

const struct command command_events = {
    .name = "events",
    .usage = "[-f] [--since SEQ] [--type PREFIX]",
    .summary = "show the events of the log, and follow them",
    .help =
        "Without --since, the last events, or the last that the filters leave. As JSON, frames as\n"
        "the server sends them: {\"seq\",\"event\"}. reel describe events/SEQ shows one event "
        "with\n"
        "its outcomes.\n",
    .options = options,
    .run = run,
};
