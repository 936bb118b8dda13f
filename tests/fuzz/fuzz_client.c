/* fuzz_client.c: what a server, or the file of contexts, says to `reel`: server-sent events and
 * lines (client/lines.h) are the same however they are cut; a record becomes a row without a
 * character that a terminal would act on (client/columns.h, client/grid.h, client/shown.h); an
 * answer that says no becomes a sentence (client/problem.h); the contexts are parts of their text
 * (client/contexts.h).
 */
#include "fuzz.h"

#include "client/columns.h"
#include "client/contexts.h"
#include "client/lines.h"
#include "client/problem.h"
#include "client/shown.h"

/* No control character but a line feed, and only UTF-8. */
static void check_harmless(struct reel_str text) {
    check(utf8_valid(text), "not UTF-8");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        check((c >= 0x20 && c != 0x7F) || c == '\n', "a control character");
        if (c == 0xC2 && i + 1 < text.len)
            check((unsigned char)text.data[i + 1] >= 0xA0, "a control character of C1");
    }
}

/* ---- Streams --------------------------------------------------------------------------------- */

static int append_data(void *context, struct reel_str data) {
    text_append_str(context, data);
    text_append_lit(context, "\n\n");
    return data.len > 4096;
}

static void read_stream(struct reel_str bytes, size_t piece, struct text *ret) {
    struct sse sse = {.take = append_data, .context = ret};
    int rc = 0;
    while (bytes.len > 0 && rc == 0) {
        struct reel_str part = {bytes.data, bytes.len < piece ? bytes.len : piece};
        rc = sse_feed(&sse, part);
        bytes.data += part.len;
        bytes.len -= part.len;
    }
    for (const char *at = sse.id; *at; at++)
        check(strchr("0123456789.", *at) != NULL, "an id that is no position");
    text_append_lit(ret, sse.id);
    text_append_number(ret, (uint64_t)rc);
    sse_finish(&sse);
}

static void check_stream(struct reel_str bytes) {
    struct text whole = {0}, pieces = {0};
    read_stream(bytes, SIZE_MAX, &whole);
    read_stream(bytes, 3, &pieces);
    check(reel_str_eq(text_str(&whole), text_str(&pieces)), "another stream in pieces");
    text_finish(&whole);
    text_finish(&pieces);
}

/* ---- Records --------------------------------------------------------------------------------- */

/* The input is the collection, and a record of it, whose key is known or not. */
static void check_table(struct reel_str bytes) {
    json_t *json = exact_json_read(bytes);
    json_t *fields = json_pack("{s:[{s:s, s:s},{s:s, s:s}]}", "fields", "name", "id", "kind",
                               "string", "name", "type", "kind", "json");
    char *printed = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&printed, &len);
    const struct client client = {.out = {.to = to}, .now_ns = 0};
    const json_t *const collections[] = {json, fields};
    for (size_t i = 0; i < 2; i++) {
        struct table table;
        json_t *frame = json_pack("{s:o*}", "record", json_incref(json));
        json_t *other = json_pack("{s:s, s:o*}", "key", "k", "record", json_incref(json));
        table_init(&table, collections[i], true);
        if (frame) table_add(&table, frame, &client);
        if (other && i == 1) table_add(&table, other, &client);
        table_print(&table, &client);
        if (other) table_add(&table, other, &client);
        table_print(&table, &client);
        table_finish(&table);
        json_decref(frame);
        json_decref(other);
    }
    fclose(to);
    check_harmless((struct reel_str){printed, len});
    free(printed);
    json_decref(json);
    json_decref(fields);
}

static void check_problem(struct reel_str bytes) {
    struct http_answer answer = {.status = 503, .content_type = "application/problem+json"};
    struct failure failure = {0};
    struct text clean = {0};
    text_append_str(&answer.body, bytes);
    check(problem_failure(&answer, &failure) == EXIT_FAILED, "another code");
    check(failure.error.text[0] && failure.advice[0], "no sentence");
    shown_append(&clean, reel_text(failure.error.text));
    check_harmless(text_str(&clean));
    text_finish(&clean);
    text_finish(&answer.body);
}

static void check_json(struct reel_str bytes) {
    json_t *json = exact_json_read(bytes), *again;
    struct text clean = {0};
    if (!json) return;
    shown_append_json(&clean, bytes);
    again = exact_json_read(text_str(&clean));
    check(again != NULL, "what is shown of JSON is not JSON");
    check(!utf8_valid(bytes) || json_equal(json, again), "what is shown of JSON is something else");
    json_decref(again);
    clean.len = 0;
    exact_json_append(&clean, json);
    again = exact_json_read(text_str(&clean));
    check(again && json_equal(json, again), "what is sent on of JSON is something else");
    json_decref(json);
    json_decref(again);
    text_finish(&clean);
}

/* ---- Contexts -------------------------------------------------------------------------------- */

static void check_part(const struct contexts *contexts, struct reel_str part) {
    if (!part.data) return;
    check(part.len > 0 && part.data >= contexts->text.data &&
              part.data + part.len <= contexts->text.data + contexts->text.len,
          "a part from elsewhere");
    check(!memchr(part.data, '\n', part.len), "a part of several lines");
}

static void check_contexts(struct reel_str bytes) {
    struct contexts contexts = {0};
    struct failure failure = {0};
    text_append_str(&contexts.text, bytes);
    int code = contexts_parse(&contexts, &failure);
    check(code == 0 || (code == EXIT_USAGE && failure.error.text[0]), "no sentence");
    check_part(&contexts, contexts.current);
    for (size_t i = 0; i < contexts.count; i++) {
        const struct context *context = &contexts.list[i];
        check_part(&contexts, context->name);
        check_part(&contexts, context->url);
        check_part(&contexts, context->token);
        check_part(&contexts, context->token_file);
        check_part(&contexts, context->ca_file);
        check(contexts_find(&contexts, context->name) == context, "two contexts of one name");
    }
    contexts_finish(&contexts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size ? size : 1); /* of exactly this size, for the sanitizer */
    check(copy != NULL, "out of memory");
    if (size) memcpy(copy, data, size);
    struct reel_str bytes = {copy, size};
    struct text clean = {0};
    shown_append(&clean, bytes);
    check_harmless(text_str(&clean));
    text_finish(&clean);
    check_stream(bytes);
    check_table(bytes);
    check_problem(bytes);
    check_json(bytes);
    check_contexts(bytes);
    free(copy);
    return 0;
}
