/* status.c: `reel status`: the position, the feed and the collections; what is wrong comes first.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "client/catalog.h"
#include "client/fetch.h"
#include "client/standing.h"
#include "client/units.h"

#define INTERVAL_DEFAULT_S 1
#define INTERVAL_MAX_S     86400

static void print_line(const struct client *client, const char *name, enum style style,
                       const char *value) {
    fprintf(client->out.to, "%-10s", name);
    fputs(terminal_begin(&client->out, style), client->out.to);
    client_print(client, "%s", value);
    fprintf(client->out.to, "%s\n", terminal_end(&client->out, style));
}

static void print_state(const struct client *client, const json_t *status) {
    const char *reason = catalog_text(status, "reason");
    if (json_is_true(json_object_get(status, "draining")))
        print_line(client, "state", STYLE_WAITING, "the daemon is ending");
    else if (!json_is_true(json_object_get(status, "ready")))
        print_line(client, "state", STYLE_BAD, reason[0] ? reason : "not ready");
    else
        print_line(client, "state", STYLE_GOOD, "ready");
}

/* "12,345 events, 3.4 MB" */
static void print_sizes(const struct client *client, const json_t *status) {
    char one[UNITS_MAX], other[UNITS_MAX], text[256];
    const json_t *store = json_object_get(status, "store"),
                 *queue = json_object_get(status, "queue");
    snprintf(text, sizeof text, "%s of records, %s of log",
             units_bytes(catalog_number(store, "bytes"), one),
             units_bytes(catalog_number(store, "log_bytes"), other));
    print_line(client, "store", STYLE_PLAIN, text);
    if (catalog_number(queue, "events") == 0) return;
    snprintf(text, sizeof text, "%s events, %s", units_number(catalog_number(queue, "events"), one),
             units_bytes(catalog_number(queue, "bytes"), other));
    print_line(client, "queue", STYLE_WAITING, text);
}

static void print_feed(const struct client *client, const json_t *status) {
    char text[512], count[UNITS_MAX];
    const json_t *feed = json_object_get(status, "feed"), *gaps = json_object_get(feed, "gaps");
    snprintf(text, sizeof text, "%s, %s", catalog_text(feed, "kind"), catalog_text(feed, "state"));
    print_line(client, "feed", STYLE_PLAIN, text);
    if (catalog_number(gaps, "messages") == 0) return;
    snprintf(text, sizeof text, "%s messages of the stream were never received",
             units_number(catalog_number(gaps, "messages"), count));
    print_line(client, "gaps", STYLE_BAD, text);
}

static void print_head(const struct client *client, const json_t *status) {
    char text[512], one[UNITS_MAX], other[UNITS_MAX];
    uint64_t lag = catalog_number(status, "lag");
    print_line(client, "server", STYLE_PLAIN, http_url(client->http));
    print_state(client, status);
    snprintf(text, sizeof text, "%s%s%s%s", units_number(catalog_number(status, "cursor"), one),
             lag > 0 ? ", " : "", lag > 0 ? units_number(lag, other) : "",
             lag > 0 ? " events behind" : "");
    print_line(client, "cursor", lag > 0 ? STYLE_WAITING : STYLE_PLAIN, text);
    print_line(client, "epoch", STYLE_PLAIN, catalog_text(status, "epoch"));
    snprintf(text, sizeof text, "from event %s",
             units_number(catalog_number(status, "first_seq"), one));
    print_line(client, "log", STYLE_PLAIN, text);
    print_feed(client, status);
    print_sizes(client, status);
    print_line(client, "up", STYLE_PLAIN, units_duration(catalog_number(status, "uptime_s"), one));
    uint64_t rejected = catalog_number(status, "rejected");
    if (rejected == 0) return;
    snprintf(text, sizeof text, "%s; reel rejected lists them", units_number(rejected, one));
    print_line(client, "rejected", STYLE_WAITING, text);
}

static int print_collections(const struct client *client, const json_t *status, bool is_wide,
                             struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {.is_wide = is_wide};
    size_t i;
    const json_t *one;
    grid_add_column(&grid, reel_text("collection"), 0, false);
    grid_add_column(&grid, reel_text("state"), 1, false);
    grid_add_column(&grid, reel_text("records"), 2, true);
    grid_add_column(&grid, reel_text("cursor"), 3, true);
    grid_add_column(&grid, reel_text("changed"), 6, true);
    grid_add_column(&grid, reel_text("applied"), 7, true);
    grid_add_column(&grid, reel_text("rejected"), 4, true);
    grid_add_column(&grid, reel_text("generation"), 8, true);
    grid_add_column(&grid, reel_text("digest"), 9, false);
    json_array_foreach(json_object_get(status, "projections"), i, one) {
        CLEANUP(text_finish) struct text state = {0};
        enum style style = standing_state(one, catalog_number(status, "head"), &state);
        grid_add_lit(&grid, catalog_text(one, "collection"));
        grid_add(&grid, text_str(&state), style);
        grid_add_number(&grid, catalog_number(one, "records"));
        grid_add_number(&grid, catalog_number(one, "cursor"));
        grid_add_number(&grid, catalog_number(one, "changed"));
        grid_add_number(&grid, catalog_number(one, "applied"));
        grid_add_number(&grid, catalog_number(one, "rejected"));
        grid_add_number(&grid, catalog_number(one, "generation"));
        grid_add_lit(&grid, catalog_text(one, "digest"));
    }
    return client_print_grid(client, &grid, failure);
}

static int print(const struct client *client, const json_t *status, enum form form,
                 struct failure *failure) {
    if (form == FORM_JSON) return client_print_json(client, status, failure);
    if (form == FORM_NDJSON) {
        CLEANUP(text_finish) struct text text = {0};
        exact_json_append(&text, status);
        if (text.failed) return failure_memory(failure);
        terminal_write_json(&client->out, text_str(&text));
        fputc('\n', client->out.to);
        return 0;
    }
    print_head(client, status);
    fputc('\n', client->out.to);
    return print_collections(client, status, form == FORM_WIDE, failure);
}

/* On a terminal, each status replaces the one before. A server that does not answer is shown as
 * such, and asked again. */
static int watch(struct client *client, enum form form, uint64_t interval_s,
                 struct failure *failure) {
    for (bool is_first = true;; is_first = false) {
        json_t *status = NULL;
        int code = fetch_json(client->http, "/v1/status", &status, failure);
        if (code != 0 && (is_first || code != EXIT_UNREACHABLE)) return code;
        client->now_ns = (int64_t)clock_now_ns();
        if (client->out.is_terminal)
            fputs("\x1b[H\x1b[2J", client->out.to);
        else if (!is_first && form_is_table(form))
            fputc('\n', client->out.to);
        if (code != 0)
            print_line(client, "state", STYLE_BAD, failure->error.text);
        else
            code = print(client, status, form, failure);
        json_decref(status);
        if (code != 0 && code != EXIT_UNREACHABLE) return code;
        fflush(client->out.to);
        if (ferror(client->out.to)) return 0;
        sleep((unsigned)interval_s);
    }
}

static int run(struct client *client, struct failure *failure) {
    json_t *status = NULL;
    enum form form;
    uint64_t interval_s = INTERVAL_DEFAULT_S;
    int code = client_operands(client, 0, 0, "no operand", failure);
    if (code == 0) code = client_form(client, FORMS_TABLES | FORMS_JSON, &form, failure);
    if (code == 0) code = args_number(&client->args, "interval", &interval_s, failure);
    if (code == 0 && (interval_s == 0 || interval_s > INTERVAL_MAX_S))
        code = failure_usage(failure, "option `--interval` is from 1 to %d", INTERVAL_MAX_S);
    if (code != 0) return code;
    if (args_has(&client->args, "watch")) return watch(client, form, interval_s, failure);
    code = fetch_json(client->http, "/v1/status", &status, failure);
    if (code == 0) code = print(client, status, form, failure);
    json_decref(status);
    return code;
}

static const struct option_spec options[] = {
    {"watch", 'w', NULL, "again and again, until Ctrl-C"},
    {"interval", 0, "SECONDS", "between two times (1)"},
    {"output", 'o', "FORM", "table, wide, json or ndjson"},
    {NULL, 0, NULL, NULL},
};

const struct command command_status = {
    .name = "status",
    .usage = "[-w]",
    .summary = "show where the server stands",
    .help = "The position, the feed, and each collection with its state, counts and digest.\n",
    .options = options,
    .run = run,
};
