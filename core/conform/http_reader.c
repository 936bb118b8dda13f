/* http_reader.c: see http_reader.h. */
#include "conform/http_reader.h"

#include "base/chars.h"

#include <errno.h>

void http_reader_finish(struct http_reader *reader) {
    text_finish(&reader->head);
    text_finish(&reader->line);
    *reader = (struct http_reader){.part = HTTP_HEAD};
}

static int wrong(const char *why, const char **ret_why) {
    *ret_why = why;
    return -EPROTO;
}

/* ---- The head -------------------------------------------------------------------------------- */

/* Removes the next line, without CR LF, from the head. */
static struct reel_str next_line(struct reel_str *rest) {
    struct reel_str line = {rest->data, 0};
    const char *end = memchr(rest->data, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->data) : rest->len;
    line.len = len > 0 && rest->data[len - 1] == '\r' ? len - 1 : len;
    size_t removed = end ? len + 1 : len;
    rest->data += removed;
    rest->len -= removed;
    return line;
}

struct reel_str http_header(const struct http_reader *reader, const char *name) {
    struct reel_str rest = text_str(&reader->head), none = {NULL, 0};
    size_t len = strlen(name);
    for (next_line(&rest); rest.len > 0;) {
        struct reel_str line = next_line(&rest);
        if (line.len <= len || line.data[len] != ':') continue;
        if (!str_is_caseless((struct reel_str){line.data, len}, name)) continue;
        return str_trimmed((struct reel_str){line.data + len + 1, line.len - len - 1});
    }
    return none;
}

/* "HTTP/1.1 200 OK" */
static int read_status(struct http_reader *reader, const char **ret_why) {
    struct reel_str rest = text_str(&reader->head), line = next_line(&rest);
    static const char begin[] = "HTTP/1.";
    const char *at = line.data + sizeof begin; /* behind the digit of the version */
    if (line.len < sizeof begin + 4 || memcmp(line.data, begin, sizeof begin - 1) != 0 ||
        !char_is_digit(at[-1]) || at[0] != ' ')
        return wrong("the answer does not begin as one of HTTP/1.1", ret_why);
    if (!char_is_digit(at[1]) || !char_is_digit(at[2]) || !char_is_digit(at[3]) ||
        (line.len > sizeof begin + 4 && at[4] != ' '))
        return wrong("the answer has no status", ret_why);
    reader->status =
        (unsigned)(at[1] - '0') * 100 + (unsigned)(at[2] - '0') * 10 + (unsigned)(at[3] - '0');
    return reader->status < 100 ? wrong("the status is below 100", ret_why) : 0;
}

/* What follows the head (RFC 9112, section 6.3). */
static int begin_body(struct http_reader *reader, const char **ret_why) {
    struct reel_str coding = http_header(reader, "Transfer-Encoding");
    struct reel_str length = http_header(reader, "Content-Length");
    if (coding.data && !str_is_caseless(coding, "chunked"))
        return wrong("the transfer coding is not chunked", ret_why);
    if (coding.data && length.data)
        return wrong("the answer has a transfer coding and a length", ret_why);
    reader->left = 0;
    if (length.data && number_read(length, &reader->left) < 0)
        return wrong("the length of the answer is not a number", ret_why);
    if (reader->status == 204 || reader->status == 304)
        reader->part = HTTP_OVER;
    else if (coding.data)
        reader->part = HTTP_CHUNK_SIZE;
    else if (length.data)
        reader->part = reader->left > 0 ? HTTP_BODY : HTTP_OVER;
    else
        reader->part = HTTP_BODY_TO_END;
    return 0;
}

/* An answer 100 or 103 precedes the one that counts. */
static int end_head(struct http_reader *reader, const char **ret_why) {
    int rc = read_status(reader, ret_why);
    if (rc < 0) return rc;
    if (reader->status == 101) {
        reader->part = HTTP_BODY_TO_END;
        return 0;
    }
    if (reader->status >= 200) return begin_body(reader, ret_why);
    reader->status = 0;
    reader->head.len = 0;
    return 0;
}

static bool ends_with_empty_line(const struct text *head) {
    return head->len >= 4 && memcmp(head->data + head->len - 4, "\r\n\r\n", 4) == 0;
}

static int read_head(struct http_reader *reader, struct reel_str *bytes, const char **ret_why) {
    while (bytes->len > 0 && reader->part == HTTP_HEAD) {
        if (reader->head.len == HTTP_HEAD_MAX) return wrong("the head is too long", ret_why);
        text_append(&reader->head, bytes->data++, 1);
        bytes->len--;
        if (reader->head.failed) return -ENOMEM;
        int rc = ends_with_empty_line(&reader->head) ? end_head(reader, ret_why) : 0;
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- The body -------------------------------------------------------------------------------- */

static int take(struct http_reader *reader, struct reel_str *bytes, struct text *body,
                size_t body_max) {
    size_t len = bytes->len;
    if (reader->part != HTTP_BODY_TO_END && len > reader->left) len = (size_t)reader->left;
    if (len > body_max - body->len) return -EFBIG;
    text_append(body, bytes->data, len);
    bytes->data += len;
    bytes->len -= len;
    if (reader->part == HTTP_BODY_TO_END) return body->failed ? -ENOMEM : 0;
    reader->left -= len;
    if (reader->left == 0) reader->part = reader->part == HTTP_BODY ? HTTP_OVER : HTTP_CHUNK_END;
    return body->failed ? -ENOMEM : 0;
}

/* Hexadecimal digits, then nothing or extensions. */
static int read_size(struct http_reader *reader, struct reel_str line, const char **ret_why) {
    size_t at = 0;
    uint64_t size = 0;
    while (at < line.len && char_hex_value(line.data[at]) >= 0) {
        if (size >> 60) return wrong("the size of a chunk is too large", ret_why);
        size = size << 4 | (unsigned)char_hex_value(line.data[at++]);
    }
    if (at == 0 || (at < line.len && !strchr("; \t", line.data[at])))
        return wrong("a chunk does not begin with its size", ret_why);
    reader->left = size;
    reader->part = size > 0 ? HTTP_CHUNK : HTTP_TRAILER;
    return 0;
}

static int end_line(struct http_reader *reader, struct reel_str line, const char **ret_why) {
    if (reader->part == HTTP_CHUNK_SIZE) return read_size(reader, line, ret_why);
    if (reader->part == HTTP_CHUNK_END) {
        reader->part = HTTP_CHUNK_SIZE;
        return line.len == 0 ? 0 : wrong("a chunk is longer than its size", ret_why);
    }
    if (line.len == 0) reader->part = HTTP_OVER;
    return 0;
}

/* Reads up to the end of a line. */
static int read_line(struct http_reader *reader, struct reel_str *bytes, const char **ret_why) {
    struct text *line = &reader->line;
    while (bytes->len > 0) {
        if (line->len == HTTP_LINE_MAX) return wrong("a line between chunks is too long", ret_why);
        text_append(line, bytes->data++, 1);
        bytes->len--;
        if (line->failed) return -ENOMEM;
        if (line->data[line->len - 1] != '\n') continue;
        if (line->len < 2 || line->data[line->len - 2] != '\r')
            return wrong("a line between chunks does not end with CR LF", ret_why);
        struct reel_str text = {line->data, line->len - 2};
        line->len = 0;
        return end_line(reader, text, ret_why);
    }
    return 0;
}

int http_read(struct http_reader *reader, struct reel_str *bytes, struct text *body,
              size_t body_max, const char **ret_why) {
    int rc = 0;
    while (rc == 0 && bytes->len > 0 && reader->part != HTTP_OVER) {
        if (reader->part == HTTP_HEAD)
            rc = read_head(reader, bytes, ret_why);
        else if (reader->part == HTTP_BODY || reader->part == HTTP_BODY_TO_END ||
                 reader->part == HTTP_CHUNK)
            rc = take(reader, bytes, body, body_max);
        else
            rc = read_line(reader, bytes, ret_why);
    }
    return rc;
}

bool http_may_end(const struct http_reader *reader) {
    return reader->part == HTTP_OVER || reader->part == HTTP_BODY_TO_END;
}
