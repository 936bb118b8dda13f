/* send.c: `reel send`: a few events: one, an array of them, or several after each other. */
#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/fetch.h"
#include "client/indent.h"
#include "client/input.h"
#include "client/problem.h"

/* The bound of the daemon for a batch (batch_body_bytes_max) may be another one: it says so. */
#define SEND_BYTES_MAX ((size_t)64 << 20)

/* ---- What is sent ---------------------------------------------------------------------------- */

/* Where the JSON object at the beginning of the text ends; 0: it is not one. */
static size_t object_end(struct reel_str text) {
    size_t at = 0, depth = 0;
    if (text.data[0] != '{') return 0;
    do {
        char c = text.data[at];
        depth += c == '{';
        depth -= c == '}';
        at = c == '"' ? indent_string_end(text, at) : at + 1;
    } while (depth > 0 && at < text.len);
    json_t *object = exact_json_read((struct reel_str){text.data, at});
    json_decref(object);
    return object ? at : 0;
}

static struct reel_str without_space(struct reel_str text) {
    while (text.len > 0 && strchr(" \t\r\n", text.data[0])) text.data++, text.len--;
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1])) text.len--;
    return text;
}

/* Several objects become a batch: all of them or none. The bytes of each stay as they are. */
static int make_batch(struct reel_str text, struct text *ret, size_t *ret_count,
                      struct failure *failure) {
    *ret_count = 0;
    text_append_lit(ret, "[");
    for (text = without_space(text); text.len > 0; text = without_space(text)) {
        size_t len = object_end(text);
        if (len == 0)
            return failure_usage(failure, "event %zu of the input is not JSON", *ret_count + 1);
        if (*ret_count > 0) text_append_lit(ret, ",");
        text_append(ret, text.data, len);
        text.data += len;
        text.len -= len;
        ++*ret_count;
    }
    text_append_lit(ret, "]");
    return ret->failed ? failure_memory(failure) : 0;
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* `rejected` has the reasons of all events that were rejected. */
static const json_t *reason_of(const json_t *rejected, json_int_t seq) {
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)rejected, i, one) {
        if (json_integer_value(json_object_get(one, "seq")) == seq) return one;
    }
    return NULL;
}

static void add_outcome(struct grid *grid, const json_t *seq, const json_t *outcome, bool is_repeat,
                        const json_t *rejected) {
    const json_t *reason = reason_of(rejected, json_integer_value(seq));
    const char *name = json_is_string(outcome) ? json_string_value(outcome) : "";
    grid_add_number(grid, (uint64_t)json_integer_value(seq));
    grid_add(grid, reel_text(name), strcmp(name, "rejected") == 0 ? STYLE_BAD : STYLE_GOOD);
    grid_add_lit(grid, is_repeat ? "yes" : "no");
    grid_add_lit(grid, catalog_text(reason, "collection"));
    grid_add_lit(grid, catalog_text(reason, "reason"));
}

static int print_outcomes(struct client *client, const json_t *answer, bool is_repeat,
                          struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    const json_t *seqs = json_object_get(answer, "seqs"), *seq;
    const json_t *outcomes = json_object_get(answer, "outcomes");
    const json_t *rejected = json_object_get(answer, "rejected");
    size_t i;
    grid_add_column(&grid, reel_text("seq"), 0, true);
    grid_add_column(&grid, reel_text("outcome"), 0, false);
    grid_add_column(&grid, reel_text("repeated"), 2, false);
    grid_add_column(&grid, reel_text("collection"), 1, false);
    grid_add_column(&grid, reel_text("reason"), 1, false);
    json_array_foreach((json_t *)seqs, i, seq) {
        add_outcome(&grid, seq, json_array_get(outcomes, i), is_repeat, rejected);
    }
    if (!seqs)
        add_outcome(&grid, json_object_get(answer, "seq"), json_object_get(answer, "outcome"),
                    is_repeat, rejected);
    return client_print_grid(client, &grid, failure);
}

static int take_answer(struct client *client, const struct http_answer *answer, enum form form,
                       struct failure *failure) {
    json_t *json;
    int code = fetch_read_object(text_str(&answer->body), "an outcome", &json, failure);
    if (code != 0) return code;
    code = form == FORM_JSON ? client_print_json(client, json, failure)
                             : print_outcomes(client, json, answer->status == 200, failure);
    size_t rejected = json_array_size(json_object_get(json, "rejected"));
    json_decref(json);
    if (code == 0 && rejected > 0) {
        failure_set(failure, "an event was rejected");
        failure_advise(failure, 0, "It is in the log; reel rejected lists all that were rejected.");
        code = EXIT_FAILED;
    }
    return code;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int send_text(struct client *client, struct reel_str text, enum form form,
                     struct failure *failure) {
    CLEANUP(text_finish) struct text batch = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    size_t count = 1;
    int code = 0;
    text = without_space(text);
    if (text.len == 0) return failure_usage(failure, "there is nothing to send");
    bool is_array = text.data[0] == '[';
    if (!is_array) code = make_batch(text, &batch, &count, failure);
    if (code != 0) return code;
    bool is_batch = is_array || count > 1;
    const struct http_request request = {.method = "POST",
                                         .path = "/v1/events",
                                         .content_type = is_batch
                                                             ? "application/cloudevents-batch+json"
                                                             : "application/cloudevents+json",
                                         .body = is_batch && !is_array ? text_str(&batch) : text};
    code = http_ask(client->http, &request, &answer, failure);
    if (code != 0) return code;
    if (answer.status != 200 && answer.status != 201) return problem_failure(&answer, failure);
    return take_answer(client, &answer, form, failure);
}

static int run(struct client *client, struct failure *failure) {
    CLEANUP(text_finish) struct text text = {0};
    enum form form;
    int code = client_operands(client, 1, 1, "FILE or -", failure);
    if (code == 0)
        code = client_form(client, FORM_BIT(FORM_TABLE) | FORM_BIT(FORM_JSON), &form, failure);
    if (code == 0) code = input_read(client->args.operands[0], SEND_BYTES_MAX, &text, failure);
    return code ? code : send_text(client, text_str(&text), form, failure);
}

static const struct option_spec options[] = {
    {"output", 'o', "FORM", "table or json"},
    {NULL, 0, NULL, NULL},
};

const struct command command_send = {
    .name = "send",
    .usage = "FILE | -",
    .summary = "append a few events",
    .help =
        "FILE has one CloudEvent, an array of them, or several after each other, in JSON; - is\n"
        "standard input. All of them are appended, or none. Events whose source and id are in\n"
        "the log are not appended again. Fails if an event is rejected; it is in the log, then.\n"
        "For many events: reel import.\n",
    .options = options,
    .run = run,
};
