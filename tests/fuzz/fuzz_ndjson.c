/* fuzz_ndjson.c: any bytes as a body of lines (sinks/http/bulk/splitter.h), in pieces of any size,
 * against a plain splitter; and the same body in chunks (sinks/http/framing.h), of which only the
 * data must remain.
 *
 * The first byte is the bound of a line, the second the size of the pieces and of the chunks.
 */
#include "fuzz.h"
#include "http/bulk/splitter.h"
#include "http/framing.h"

static size_t line_max;

/* The next line, without its end. */
static struct reel_str split(struct reel_str *body, bool *ret_ended) {
    const char *newline = body->len ? memchr(body->data, '\n', body->len) : NULL;
    size_t len = newline ? (size_t)(newline - body->data) : body->len;
    struct reel_str line = {body->data, len};
    body->data += newline ? len + 1 : len;
    body->len -= newline ? len + 1 : len;
    *ret_ended = newline != NULL;
    return line;
}

static void compare(const struct splitter *lines, const struct text *text, struct reel_str wanted) {
    check(lines->is_long == (wanted.len > line_max), "a long line is not seen as one");
    struct reel_str line = splitter_line(lines, text);
    if (wanted.len > 0 && wanted.data[wanted.len - 1] == '\r') wanted.len--;
    if (lines->is_long)
        check(line.len == 0, "bytes of a long line were kept");
    else
        check(reel_str_eq(line, wanted), "a line has other bytes");
}

/* Every other line is dropped from the text, as a line that is not an event. */
static void check_lines(struct reel_str body, size_t piece) {
    struct splitter lines = {.line_max = line_max, .number = 1};
    struct text text = {0};
    struct reel_str rest = body, line;
    bool is_complete, was_complete;
    uint64_t number = 1;
    for (size_t at = 0; at < body.len;) {
        size_t len = body.len - at < piece ? body.len - at : piece;
        size_t used = splitter_take(&lines, &text, body.data + at, len, &is_complete);
        check(used > 0 && used <= len && !text.failed, "bytes were lost");
        check(text.len - lines.begin <= line_max, "more than a line was kept");
        at += used;
        if (!is_complete) continue;
        line = split(&rest, &was_complete);
        check(was_complete && lines.number == number++, "another number of lines");
        compare(&lines, &text, line);
        if (number % 2) text.len = lines.begin;
        splitter_next(&lines, &text);
    }
    line = split(&rest, &was_complete);
    check(!was_complete, "a line was left out");
    compare(&lines, &text, line);
    text_finish(&text);
}

/* The body as chunks of this size. The first ones have an extension, of which a body may not have
 * too many. */
static struct text chunked(struct reel_str body, size_t size) {
    struct text text = {0};
    char head[32];
    for (size_t at = 0; at < body.len; at += size) {
        size_t len = body.len - at < size ? body.len - at : size;
        snprintf(head, sizeof head, "%zX%s\r\n", len, at < 8 * size ? ";x=\"y\"" : "");
        text_append_lit(&text, head);
        text_append(&text, body.data + at, len);
        text_append_lit(&text, "\r\n");
    }
    text_append_lit(&text, "0\r\nTrailer: x\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    return text;
}

static void check_chunks(struct reel_str body, size_t size) {
    const struct framing_bulk bulk = {.is_found = true, .is_chunked = true};
    struct framing framing;
    struct text sent = chunked(body, size), data = {0};
    framing_begin_body(&framing, &bulk);
    for (size_t at = 0; at < sent.len; at += size) {
        char out[512 + FRAMING_EXTRA];
        size_t len = sent.len - at < size ? sent.len - at : size;
        text_append(&data, out, framing_pass(&framing, sent.data + at, len, out));
    }
    check(framing_body_ended(&framing) && !framing.fault, "the body has no end");
    check(reel_str_eq(text_str(&data), body), "the data is another one");
    text_finish(&sent);
    text_finish(&data);
}

/* Any bytes as chunks: at most as much comes out. */
static void check_any(struct reel_str body) {
    const struct framing_bulk bulk = {.is_found = true, .is_chunked = true};
    struct framing framing;
    framing_begin_body(&framing, &bulk);
    char *out = malloc(body.len + FRAMING_EXTRA);
    check(out != NULL, "out of memory");
    check(framing_pass(&framing, body.data, body.len, out) <= body.len, "more came out than in");
    check(!framing.fault || framing.why, "a fault without a reason");
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct reel_str body = {(const char *)data + 2, size - 2};
    size_t piece = 1 + (size_t)data[1];
    line_max = data[0];
    check_lines(body, piece);
    check_chunks(body, piece);
    check_any(body);
    return 0;
}
