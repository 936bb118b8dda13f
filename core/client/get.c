/* get.c: `reel get`: records, as a table or as data; and following them (get_watch.c). */
#include "client/get.h"

#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/columns.h"
#include "client/fetch.h"
#include "client/filters.h"
#include "client/indent.h"
#include "client/problem.h"

/* Records of a page. */
#define PAGE_LIMIT 1000

/* ---- The request ----------------------------------------------------------------------------- */

/* NUL-terminated. With frames, each record comes with its key. */
static int list_path(struct client *client, struct reel_str collection, uint64_t limit,
                     bool has_frames, struct text *ret, struct failure *failure) {
    target_path(ret, collection, (struct reel_str){NULL, 0});
    int code = filters_of_operands(ret, &client->args, failure);
    filters_option(ret, &client->args, "order", "order");
    filters_option(ret, &client->args, "at", "at");
    filters_option(ret, &client->args, "min-cursor", "min_cursor");
    filters_option(ret, &client->args, "group", "group");
    char space[NUMBER_TEXT_MAX];
    uint64_t page = limit < PAGE_LIMIT ? limit : PAGE_LIMIT;
    if (!args_has(&client->args, "group"))
        filters_param(ret, reel_text("limit"), reel_text(number_text(page, space)));
    if (has_frames) filters_param(ret, reel_text("frames"), reel_text("true"));
    text_append(ret, "", 1);
    if (code == 0 && ret->failed) code = failure_memory(failure);
    return code;
}

/* A collection that has stopped, or is paused, still answers. */
static void remark_stale(const struct client *client, const struct http_answer *answer,
                         struct reel_str collection) {
    if (!answer->is_stale) return;
    client_remark(client, "%.*s does not fold events now: its records are as of event %llu",
                  REEL_FMT(collection), (unsigned long long)answer->cursor);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* What takes the lines of all pages. */
struct listing {
    struct client *client;
    enum form form;
    const json_t *collection;
    struct table table;
    struct lines lines;
    uint64_t left, taken; /* records */
    uint64_t of_page;     /* rows of this page, with the titles */
    uint64_t cursor;      /* of the first page */
    char epoch[64];
    bool is_first_page;
    bool is_quoted; /* CSV: within a value in quotes */
    bool is_wrong;  /* a line is not a record */
};

static int take_frame(struct listing *listing, struct reel_str line) {
    json_t *frame = exact_json_read(line);
    listing->is_wrong = !json_is_object(json_object_get(frame, "record"));
    if (!listing->is_wrong) table_add(&listing->table, frame, listing->client);
    json_decref(frame);
    return listing->is_wrong;
}

static void begin_json(const struct listing *listing) {
    client_print(listing->client, "{\"%s\":[\n", catalog_text(listing->collection, "name"));
}

/* Goes through a part of a line, perhaps to the line's end; a value in quotes may have several
 * lines. False: it is not wanted: a title of a later page, or of a row above the limit. */
static bool take_part(struct listing *listing, struct reel_str part, bool ends_line) {
    bool is_title = listing->form == FORM_CSV && listing->of_page == 0;
    bool is_wanted = is_title ? listing->is_first_page : listing->left > 0;
    for (size_t i = 0; listing->form == FORM_CSV && i < part.len; i++)
        if (part.data[i] == '"') listing->is_quoted = !listing->is_quoted;
    if (!ends_line || listing->is_quoted) return is_wanted;
    listing->of_page++;
    if (is_wanted && !is_title) listing->left--, listing->taken++;
    return is_wanted;
}

static int take_line(void *context, struct reel_str line) {
    struct listing *listing = context;
    const struct terminal *out = &listing->client->out;
    if (!take_part(listing, line, true)) return 0;
    if (form_is_table(listing->form)) return take_frame(listing, line);
    if (listing->form == FORM_JSON && listing->taken == 1) begin_json(listing);
    if (listing->form == FORM_JSON && listing->taken > 1) fputs(",\n", out->to);
    if (listing->form == FORM_CSV)
        terminal_write_lines(out, line);
    else
        terminal_write_json(out, line);
    if (listing->form != FORM_JSON) fputc('\n', out->to);
    return ferror(out->to);
}

/* CSV in a pipe stays as it is: its lines end with CR LF. */
static int take_csv(void *context, struct reel_str bytes) {
    struct listing *listing = context;
    const struct terminal *out = &listing->client->out;
    while (bytes.len > 0) {
        const char *end = memchr(bytes.data, '\n', bytes.len);
        struct reel_str part = {bytes.data, end ? (size_t)(end - bytes.data) + 1 : bytes.len};
        if (take_part(listing, part, end)) terminal_write(out, part);
        bytes.data += part.len;
        bytes.len -= part.len;
    }
    return ferror(out->to);
}

/* The target of the next page: `</v1/…>; rel="next"`. NULL: there is none. It is the path of the
 * same server in any case: it is appended to the server's URL. */
static char *next_path(const struct http_answer *answer) {
    const char *link = answer->link.len > 0 ? answer->link.data : "";
    size_t len = link[0] == '<' ? strcspn(link, ">") : 0;
    if (len < 6 || strncmp(link, "</v1/", 5) != 0 || !strstr(link + len, "rel=\"next\""))
        return NULL;
    return str_copy((struct reel_str){link + 1, len - 1});
}

/* One page. `path` becomes that of the next one, or NULL. Owned by the caller. */
static int take_page(struct listing *listing, char **path, struct failure *failure) {
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    bool is_csv = listing->form == FORM_CSV;
    bool is_copied = is_csv && !listing->client->out.is_terminal;
    const struct http_request request = {.path = *path,
                                         .accept = is_csv ? "text/csv" : "application/x-ndjson",
                                         .take = is_copied ? take_csv : lines_feed,
                                         .context = is_copied ? (void *)listing : &listing->lines};
    listing->of_page = 0;
    int code = http_ask(listing->client->http, &request, &answer, failure);
    if (code == 0 && answer.status != 200)
        code = catalog_advise(&answer, reel_text(catalog_text(listing->collection, "name")),
                              problem_failure(&answer, failure), failure);
    if (code == 0 && listing->is_wrong)
        code = failure_set(failure, "the server has sent a line that is not a record");
    if (code == 0 && answer.was_ended && !ferror(listing->client->out.to))
        code = failure_set(failure, "the server has sent a line that is too long");
    if (code != 0) return code;
    if (listing->is_first_page) {
        remark_stale(listing->client, &answer,
                     reel_text(catalog_text(listing->collection, "name")));
        listing->cursor = answer.cursor;
        memcpy(listing->epoch, answer.epoch, sizeof listing->epoch);
    }
    listing->is_first_page = false;
    free(*path);
    *path = listing->left > 0 && !answer.was_ended ? next_path(&answer) : NULL;
    bool is_table = form_is_table(listing->form);
    if (is_table && listing->taken > 0 && !table_print(&listing->table, listing->client))
        return failure_memory(failure);
    return 0;
}

static void end_json(const struct listing *listing) {
    if (listing->taken == 0) begin_json(listing);
    client_print(listing->client, "%s],\"cursor\":%llu,\"epoch\":\"%s\"}\n",
                 listing->taken > 0 ? "\n" : "", (unsigned long long)listing->cursor,
                 listing->epoch);
}

static int list_records(struct client *client, struct reel_str collection, enum form form,
                        struct failure *failure) {
    struct listing listing = {.client = client,
                              .form = form,
                              .lines.take = take_line,
                              .left = UINT64_MAX,
                              .is_first_page = true};
    listing.lines.context = &listing;
    CLEANUP(text_finish) struct text first = {0};
    int code = args_number(&client->args, "limit", &listing.left, failure);
    if (code == 0 && listing.left == 0) code = failure_usage(failure, "option `--limit` is 0");
    if (code == 0) code = catalog_collection(client, collection, &listing.collection, failure);
    if (code == 0)
        code = list_path(client, collection, listing.left, form_is_table(form), &first, failure);
    if (code != 0) return code;
    char *path = str_copy(text_str(&first));
    if (!path) return failure_memory(failure);
    table_init(&listing.table, listing.collection, form == FORM_WIDE);
    while (code == 0 && path) code = take_page(&listing, &path, failure);
    if (code == 0 && form == FORM_JSON) end_json(&listing);
    if (code == 0 && listing.taken == 0 && form_is_table(form)) client_remark(client, "no records");
    free(path);
    lines_finish(&listing.lines);
    table_finish(&listing.table);
    return code;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static int print_groups(struct client *client, const json_t *answer, struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    const char *value;
    const json_t *count;
    grid_add_column(&grid, reel_text(args_value(&client->args, "group")), 0, false);
    grid_add_column(&grid, reel_text("count"), 0, true);
    json_object_foreach(json_object_get(answer, "groups"), value, count) {
        grid_add_lit(&grid, value[0] ? value : "\"\"");
        grid_add_number(&grid, (uint64_t)json_integer_value(count));
    }
    json_int_t nulls = json_integer_value(json_object_get(answer, "null"));
    if (nulls > 0) {
        grid_add_lit(&grid, "");
        grid_add_number(&grid, (uint64_t)nulls);
    }
    return client_print_grid(client, &grid, failure);
}

static int list_groups(struct client *client, struct reel_str collection, enum form form,
                       struct failure *failure) {
    if (args_has(&client->args, "limit") || args_has(&client->args, "order"))
        return failure_usage(failure, "`--group` counts all records: it has no %s",
                             args_has(&client->args, "limit") ? "--limit" : "--order");
    CLEANUP(text_finish) struct text path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    json_t *groups;
    int code = list_path(client, collection, 0, false, &path, failure);
    if (code != 0) return code;
    const struct http_request request = {.path = path.data,
                                         .accept = form == FORM_CSV      ? "text/csv"
                                                   : form == FORM_NDJSON ? "application/x-ndjson"
                                                                         : NULL};
    code = http_ask(client->http, &request, &answer, failure);
    if (code == 0 && answer.status != 200) code = problem_failure(&answer, failure);
    if (code != 0) return code;
    if (form == FORM_CSV || form == FORM_NDJSON) {
        terminal_write_lines(&client->out, text_str(&answer.body));
        return 0;
    }
    code = fetch_read_object(text_str(&answer.body), "counts of groups", &groups, failure);
    if (code != 0) return code;
    code = form == FORM_JSON ? client_print_json(client, groups, failure)
                             : print_groups(client, groups, failure);
    json_decref(groups);
    return code;
}

/* ---- One record ------------------------------------------------------------------------------ */

static int print_row(struct client *client, const json_t *collection, struct reel_str key,
                     json_t *record, bool is_wide, struct failure *failure) {
    CLEANUP(table_finish) struct table table;
    json_t *frame = json_pack("{s:O}", "record", record);
    table_init(&table, collection, is_wide);
    if (frame && key.data)
        json_object_set_new(frame, "key", json_stringn(key.data, key.len)); /* of UTF-8, or none */
    if (frame) table_add(&table, frame, client);
    json_decref(frame);
    return frame && table_print(&table, client) ? 0 : failure_memory(failure);
}

int get_print_record(struct client *client, const json_t *collection, struct reel_str key,
                     struct reel_str text, enum form form, struct failure *failure) {
    json_t *record;
    int code = fetch_read_object(text, "a record", &record, failure);
    if (code != 0) return code;
    if (form == FORM_JSON) {
        CLEANUP(text_finish) struct text lines = {0};
        indent_json(&lines, text);
        text_append_lit(&lines, "\n");
        if (lines.failed) code = failure_memory(failure);
        if (code == 0) terminal_write_json(&client->out, text_str(&lines));
    } else if (form == FORM_NDJSON) {
        terminal_write_json(&client->out, text);
        fputc('\n', client->out.to);
    } else {
        code = print_row(client, collection, key, record, form == FORM_WIDE, failure);
    }
    json_decref(record);
    return code;
}

static int get_one(struct client *client, struct target target, enum form form,
                   struct failure *failure) {
    CLEANUP(text_finish) struct text key = {0}, path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const json_t *collection = NULL;
    static const char *const others[] = {"order", "limit", "group", NULL};
    for (const char *const *other = others; *other; other++)
        if (args_has(&client->args, *other))
            return failure_usage(failure, "option `--%s` is for lists, not for one record", *other);
    if (client->args.count > 1)
        return failure_usage(failure, "conditions are for lists, not for one record");
    int code = catalog_collection(client, target.collection, &collection, failure);
    if (code == 0) code = target_key(client, collection, target.key, &key, failure);
    if (code != 0) return code;
    target_path(&path, target.collection, text_str(&key));
    filters_option(&path, &client->args, "at", "at");
    filters_option(&path, &client->args, "min-cursor", "min_cursor");
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    code = http_ask(client->http, &(struct http_request){.path = path.data}, &answer, failure);
    if (code != 0) return code;
    if (answer.status != 200) return problem_failure(&answer, failure);
    remark_stale(client, &answer, target.collection);
    return get_print_record(client, collection, text_str(&key), text_str(&answer.body), form,
                            failure);
}

/* ---- The command ----------------------------------------------------------------------------- */

static int check_watch(const struct client *client, enum form form, struct failure *failure) {
    static const char *const others[] = {"order", "at", "limit", "group", "min-cursor", NULL};
    for (const char *const *other = others; *other; other++)
        if (args_has(&client->args, *other))
            return failure_usage(failure, "`--watch` and `--%s` cannot be used together", *other);
    if (form == FORM_CSV) return failure_usage(failure, "`--watch` has no form csv");
    return 0;
}

static int run(struct client *client, struct failure *failure) {
    enum form form;
    int code = client_operands(client, 1, SIZE_MAX, "COLLECTION[/KEY] [FIELD=VALUE]...", failure);
    if (code == 0)
        code = client_form(client, FORMS_TABLES | FORMS_JSON | FORM_BIT(FORM_CSV), &form, failure);
    if (code != 0) return code;
    struct target target = target_of(client->args.operands[0]);
    if (args_has(&client->args, "watch")) {
        code = check_watch(client, form, failure);
        return code ? code : get_watch(client, target, form, failure);
    }
    if (target.key.data && form == FORM_CSV)
        return failure_usage(failure, "one record has no form csv");
    if (target.key.data) return get_one(client, target, form, failure);
    return args_has(&client->args, "group")
               ? list_groups(client, target.collection, form, failure)
               : list_records(client, target.collection, form, failure);
}

static const struct option_spec options[] = {
    {"output", 'o', "FORM", "table, wide, json, ndjson or csv"},
    {"watch", 'w', NULL, "also print each change, until Ctrl-C"},
    {"order", 0, "FIELD", "in the order of an indexed field or of `changed`; -FIELD: reversed"},
    {"limit", 0, "N", "at most N records"},
    {"group", 0, "FIELD", "count the records with each value of a field"},
    {"at", 0, "SEQ", "as it was at this cursor"},
    {"min-cursor", 0, "SEQ", "wait until this event is applied"},
    {NULL, 0, NULL, NULL},
};

const struct command command_get = {
    .name = "get",
    .usage = "COLLECTION[/KEY] [FIELD=VALUE]...",
    .summary = "show records",
    .help = "Lists the records of a collection that fulfil all conditions (reel help filters), or\n"
            "shows one record, by its key or its name. On a terminal, the table has the columns\n"
            "for which there is room, and times are ages; in a pipe it has all columns but those\n"
            "that are JSON, and times as they are. `-o wide` has all columns.\n",
    .options = options,
    .run = run,
};
