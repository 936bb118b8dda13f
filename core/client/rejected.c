/* rejected.c: `reel rejected`: events that could not be applied, the newest first; or how many for
 * each reason. */
#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/columns.h"
#include "client/fetch.h"
#include "client/filters.h"

#define LIMIT_DEFAULT 50
#define PAGE_LIMIT    1000

struct listing {
    struct client *client;
    enum form form;
    bool by_reason;
    struct grid grid;
    uint64_t left, shown;
};

static void add_row(struct listing *listing, const json_t *one) {
    struct grid *grid = &listing->grid;
    grid_add_number(grid, catalog_number(one, "seq"));
    columns_add_time(grid, one, listing->client);
    grid_add_lit(grid, catalog_text(one, "collection"));
    grid_add_lit(grid, catalog_text(one, "type"));
    if (grid->is_wide) grid_add_lit(grid, catalog_text(one, "id"));
    grid_add(grid, reel_text(catalog_text(one, "reason")), STYLE_BAD);
}

static void add_reason(struct listing *listing, const json_t *one) {
    struct grid *grid = &listing->grid;
    grid_add_number(grid, catalog_number(one, "count"));
    grid_add_lit(grid, catalog_text(one, "collection"));
    grid_add_number(grid, catalog_number(one, "last_seq"));
    if (grid->is_wide) grid_add_number(grid, catalog_number(one, "first_seq"));
    grid_add(grid, reel_text(catalog_text(one, "last_reason")), STYLE_BAD);
}

/* The member of the answer that is the list. */
static const char *list_name(const struct listing *listing) {
    return listing->by_reason ? "reasons" : "rejected";
}

static void begin_json(const struct listing *listing) {
    fprintf(listing->client->out.to, "{\"%s\":[\n", list_name(listing));
}

static int add(struct listing *listing, const json_t *one, struct failure *failure) {
    const struct terminal *out = &listing->client->out;
    listing->shown++;
    if (form_is_table(listing->form)) {
        (listing->by_reason ? add_reason : add_row)(listing, one);
        return 0;
    }
    CLEANUP(text_finish) struct text text = {0};
    exact_json_append(&text, one);
    if (text.failed) return failure_memory(failure);
    if (listing->form == FORM_JSON && listing->shown > 1) fputs(",\n", out->to);
    if (listing->form == FORM_JSON && listing->shown == 1) begin_json(listing);
    terminal_write_json(out, text_str(&text));
    if (listing->form == FORM_NDJSON) fputc('\n', out->to);
    return 0;
}

static int page_path(struct listing *listing, uint64_t before, struct text *ret,
                     struct failure *failure) {
    char space[NUMBER_TEXT_MAX];
    uint64_t limit = listing->left < PAGE_LIMIT ? listing->left : PAGE_LIMIT;
    text_append_lit(ret, listing->by_reason ? "/v1/rejected/reasons" : "/v1/rejected");
    filters_param(ret, reel_text("limit"), reel_text(number_text(limit, space)));
    filters_option(ret, &listing->client->args, "collection", "collection");
    filters_option(ret, &listing->client->args, "reason", "reason");
    if (before > 0) filters_param(ret, reel_text("before"), reel_text(number_text(before, space)));
    text_append(ret, "", 1);
    return ret->failed ? failure_memory(failure) : 0;
}

/* What the counts leave out. */
static void remark_rest(const struct listing *listing, const json_t *answer) {
    uint64_t others = catalog_number(answer, "others"), next = catalog_number(answer, "next");
    if (others > 0)
        client_remark(listing->client, "%llu more were rejected for other reasons: see --limit",
                      (unsigned long long)others);
    if (next > 0)
        client_remark(listing->client, "older ones are not counted: see --before %llu",
                      (unsigned long long)next);
}

/* Sets `before` to where the next page begins; 0: it was the last. */
static int take_page(struct listing *listing, uint64_t *before, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    json_t *answer = NULL, *one;
    size_t i;
    int code = page_path(listing, *before, &path, failure);
    if (code == 0) code = fetch_json(listing->client->http, path.data, &answer, failure);
    if (code != 0) return code;
    json_array_foreach(json_object_get(answer, list_name(listing)), i, one) {
        if (code != 0 || listing->left == 0) break;
        listing->left--;
        code = add(listing, one, failure);
    }
    if (listing->by_reason) remark_rest(listing, answer);
    uint64_t next = catalog_number(answer, "next");
    bool goes_on =
        !listing->by_reason && next > 0 && (*before == 0 || next < *before) && listing->left > 0;
    *before = goes_on ? next : 0;
    json_decref(answer);
    return code;
}

static void add_columns(struct grid *grid) {
    grid_add_column(grid, reel_text("seq"), 0, true);
    grid_add_column(grid, reel_text("time"), 3, false);
    grid_add_column(grid, reel_text("collection"), 2, false);
    grid_add_column(grid, reel_text("type"), 4, false);
    grid_cut_beginning(grid);
    if (grid->is_wide) grid_add_column(grid, reel_text("id"), 5, false);
    grid_add_column(grid, reel_text("reason"), 1, false);
}

static void add_reason_columns(struct grid *grid) {
    grid_add_column(grid, reel_text("count"), 0, true);
    grid_add_column(grid, reel_text("collection"), 2, false);
    grid_add_column(grid, reel_text("newest"), 3, true);
    if (grid->is_wide) grid_add_column(grid, reel_text("oldest"), 4, true);
    grid_add_column(grid, reel_text("its reason"), 1, false);
}

static int check_by_reason(struct listing *listing, struct failure *failure) {
    const struct client *client = listing->client;
    listing->by_reason = args_has(&client->args, "by-reason");
    if (!listing->by_reason || !args_has(&client->args, "reason")) return 0;
    return failure_usage(failure, "`--by-reason` and `--reason` cannot be used together");
}

static int run(struct client *client, struct failure *failure) {
    struct listing listing = {.client = client, .left = LIMIT_DEFAULT};
    uint64_t before = 0;
    int code = client_operands(client, 0, 0, "no operand", failure);
    if (code == 0) code = client_form(client, FORMS_TABLES | FORMS_JSON, &listing.form, failure);
    if (code == 0) code = args_number(&client->args, "limit", &listing.left, failure);
    if (code == 0) code = args_number(&client->args, "before", &before, failure);
    if (code == 0 && args_has(&client->args, "all")) listing.left = UINT64_MAX;
    if (code == 0) code = check_by_reason(&listing, failure);
    if (code != 0) return code;
    listing.grid.is_wide = listing.form == FORM_WIDE;
    (listing.by_reason ? add_reason_columns : add_columns)(&listing.grid);
    do code = take_page(&listing, &before, failure);
    while (code == 0 && before > 0);
    bool is_table = form_is_table(listing.form);
    bool is_json = code == 0 && listing.form == FORM_JSON;
    if (is_json && listing.shown == 0) begin_json(&listing);
    if (is_json) fputs(listing.shown > 0 ? "\n]}\n" : "]}\n", client->out.to);
    if (code == 0 && is_table && listing.shown == 0) client_remark(client, "no rejected events");
    if (code == 0 && is_table && listing.shown > 0 && !grid_print(&listing.grid, &client->out))
        code = failure_memory(failure);
    grid_finish(&listing.grid);
    return code;
}

static const struct option_spec options[] = {
    {"collection", 0, "NAME", "only those that this collection has rejected"},
    {"reason", 0, "TEXT", "only those with this reason, up to its first colon or parenthesis"},
    {"by-reason", 0, NULL, "count them by reason instead, the most frequent first"},
    {"limit", 0, "N", "at most N (50)"},
    {"all", 0, NULL, "all of them"},
    {"before", 0, "SEQ", "only events before this one"},
    {"output", 'o', "FORM", "table, wide, json or ndjson"},
    {NULL, 0, NULL, NULL},
};

const struct command command_rejected = {
    .name = "rejected",
    .usage = "[--collection NAME] [--by-reason]",
    .summary = "show events that could not be applied, the newest first",
    .help =
        "A rejected event stays in the log, with the reason. reel describe events/SEQ shows it.\n",
    .options = options,
    .run = run,
};
