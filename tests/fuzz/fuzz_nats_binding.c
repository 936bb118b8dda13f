/* fuzz_nats_binding.c: any bytes as a NATS message. What is written must be a valid event, or else
 * all of the message and no JSON; and the order of the headers must make no difference.
 *
 * The input is headers (`name: value`) on a line each, an empty line and the payload. Without an
 * empty line all of it is payload.
 */
#include "fuzz.h"

#include "event/event_rules.h"
#include "event/nats_binding.h"
#include "json/value.h"

enum { EVENT_BYTES_MAX = 8192, HEADERS_MAX = 256 };

struct header {
    struct reel_str name, value;
};

struct headers {
    struct header list[HEADERS_MAX];
    size_t count;
    bool are_none; /* as a library says that cannot make headers of them */
    bool backward; /* each header behind those of other names that came after it */
};

struct result {
    enum nats_content content;
    struct text text;
};

static struct json_parser *parser;
static struct arena arena;

/* ---- A message of the input ------------------------------------------------------------------ */

static void add_header(struct headers *headers, struct reel_str line) {
    const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
    if (headers->count == HEADERS_MAX) return;
    struct header *header = &headers->list[headers->count++];
    *header = (struct header){line, {"", 0}};
    if (!colon) return;
    header->name.len = (size_t)(colon - line.data);
    header->value = (struct reel_str){colon + 1, line.len - header->name.len - 1};
}

static struct reel_str split(struct reel_str input, struct headers *ret) {
    const char *blank = input.len ? memmem(input.data, input.len, "\n\n", 2) : NULL;
    if (!blank) return input;
    const char *end = blank + 1;
    for (const char *at = input.data; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        add_header(ret, (struct reel_str){at, (size_t)(newline - at)});
        at = newline + 1;
    }
    return (struct reel_str){end + 1, (size_t)(input.data + input.len - end - 1)};
}

static bool is_first_of_name(const struct headers *headers, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (reel_str_eq(headers->list[i].name, headers->list[index].name)) return false;
    return true;
}

/* All values of a header, in their order, as a library that keeps them by name. */
static int each_value(const struct headers *headers, size_t first, header_fn fn, void *context) {
    for (size_t i = first; i < headers->count; i++) {
        const struct header *header = &headers->list[i];
        if (!reel_str_eq(header->name, headers->list[first].name)) continue;
        int rc = fn(context, header->name, header->value);
        if (rc != 0) return rc;
    }
    return 0;
}

static int each_header(void *context, header_fn fn, void *fn_context) {
    const struct headers *headers = context;
    for (size_t i = 0; i < headers->count; i++) {
        size_t first = headers->backward ? headers->count - 1 - i : i;
        if (!is_first_of_name(headers, first)) continue;
        int rc = each_value(headers, first, fn, fn_context);
        if (rc != 0) return rc;
    }
    return headers->are_none ? -EBADMSG : 0;
}

/* ---- What came of it ------------------------------------------------------------------------- */

static bool parses(const struct text *text, struct json **ret) {
    const char *why;
    return json_parse(parser, text_str(text), 0, ret, &why) == 0;
}

static void check_event(const struct text *text) {
    struct json *json;
    struct reel_error error = {""};
    arena_reset(&arena);
    check(parses(text, &json), "the event is not JSON");
    check(event_rules_check(json_root(json), &arena, &error) == 0, "the event breaks a rule");
}

/* Every header and the payload can be found again. */
static void check_message(const struct headers *headers, struct reel_str payload,
                          const struct text *text) {
    struct json *json;
    static const char version[] = "NATS/1.0\r\n";
    size_t len = sizeof version - 1 + 2 + payload.len;
    for (size_t i = 0; i < headers->count; i++)
        len += headers->list[i].name.len + 2 + headers->list[i].value.len + 2;
    check(text->len == len, "a message of another length");
    check(memcmp(text->data, version, sizeof version - 1) == 0, "no version");
    struct reel_str end = {text->data + len - payload.len, payload.len};
    check(reel_str_eq(end, payload), "another payload");
    check(!parses(text, &json), "a malformed message is JSON");
}

static void read_message(const struct headers *headers, struct reel_str payload,
                         struct result *ret) {
    struct reel_error error = {""};
    struct nats_message message = {payload, each_header, (void *)headers};
    int rc = nats_binding_read(parser, &message, EVENT_BYTES_MAX, &arena, &ret->text, &ret->content,
                               &error);
    check(rc == 0, "an error");
    if (ret->content != NATS_MALFORMED) return;
    check(error.text[0] != '\0', "no sentence");
    check(utf8_valid(reel_text(error.text)), "a sentence that is not UTF-8");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct headers headers;
    static struct result result, other;
    headers = (struct headers){.are_none = size > 0 && data[0] == '!'};
    if (!parser) parser = json_parser_create(NULL);
    check(parser, "out of memory");
    struct reel_str payload = split((struct reel_str){(const char *)data, size}, &headers);
    read_message(&headers, payload, &result);
    headers.backward = true;
    read_message(&headers, payload, &other);
    check(result.content == other.content, "the order of headers decides");
    check(reel_str_eq(text_str(&result.text), text_str(&other.text)), "the order is to be seen");
    if (result.content == NATS_PAYLOAD) check(result.text.len == 0, "a payload was written");
    if (payload.len > EVENT_BYTES_MAX)
        check(result.content == NATS_PAYLOAD, "a payload above the bound");
    if (result.content == NATS_BINARY) check_event(&result.text);
    if (result.content == NATS_MALFORMED) check_message(&headers, payload, &result.text);
    return 0;
}
