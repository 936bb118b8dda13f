/* parser.cpp: the one C++ file: simdjson behind parser.h, and the conversions of numbers of the
 * standard library behind number.h. Nothing may throw across it; simdjson is used through its error
 * codes, and allocation through nothrow. */
#include "json/parser.h"

#include "json/number.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

static constexpr size_t first_size = 4 << 10;
static_assert(JSON_ROOM >= simdjson::SIMDJSON_PADDING, "a text needs more room");

struct json_parser {
    simdjson::dom::parser parser{};  /* its constructor is explicit: clang wants it so */
    size_t size = 0;                 /* the longest text that there is room for */
    std::unique_ptr<char[]> copy;    /* of a text with too little room; made when needed */
    std::unique_ptr<char[]> patched; /* of one with big integers, rewritten; made when needed */
    struct json json {};
};

static char *padded(size_t size) {
    return new (std::nothrow) char[size + JSON_ROOM];
}

/* Makes room for a text of `len` bytes, doubling, so that most parsers stay small. */
static bool make_room(struct json_parser *parser, size_t len) {
    if (len <= parser->size) return true;
    size_t size = first_size;
    while (size < len) size *= 2;
    parser->patched.reset();
    parser->copy.reset();
    parser->size = 0;
    if (parser->parser.allocate(size, JSON_DEPTH_MAX)) return false;
    parser->size = size;
    return true;
}

struct json_parser *json_parser_create(const struct reel_host *host) {
    auto *parser = new (std::nothrow) json_parser{};
    if (parser) parser->json.values.host = host;
    return parser;
}

void json_parser_destroy(struct json_parser *parser) {
    delete parser;
}

static simdjson::error_code parse_once(struct json_parser *parser, const char *text, size_t len) {
    simdjson::dom::element root;
    return parser->parser.parse(text, len, false).get(root);
}

/* How many containers are open at most; the text may be malformed. */
static size_t depth_of(const char *text, size_t len) {
    size_t depth = 0, deepest = 0;
    for (size_t at = 0; at < len; at++) {
        if (text[at] == '"') {
            for (at++; at < len && text[at] != '"'; at++)
                if (text[at] == '\\') at++;
        } else if (text[at] == '[' || text[at] == '{') {
            if (++depth > deepest) deepest = depth;
        } else if ((text[at] == ']' || text[at] == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

/* simdjson's bound is that of containers with something in them, less one; an empty one may be
 * opened beyond it. So its bound is set for empty ones, and what it refuses is counted here. */
static simdjson::error_code parse_deep(struct json_parser *parser, const char *text, size_t len) {
    if (depth_of(text, len) > JSON_DEPTH_MAX) return simdjson::DEPTH_ERROR;
    simdjson::error_code error = parser->parser.allocate(parser->size, JSON_DEPTH_MAX + 1);
    if (!error) error = parse_once(parser, text, len);
    /* This leaves the tape as it is. */
    if (!parser->parser.allocate(parser->size, JSON_DEPTH_MAX)) return error;
    parser->size = 0;
    return simdjson::MEMALLOC;
}

static simdjson::error_code parse_padded(struct json_parser *parser, const char *text, size_t len) {
    simdjson::error_code error = parse_once(parser, text, len);
    return error == simdjson::DEPTH_ERROR ? parse_deep(parser, text, len) : error;
}

/* The text itself, if enough behind it may be read, or a copy. */
static const char *with_room(struct json_parser *parser, struct reel_str text, size_t room) {
    if (room >= JSON_ROOM && text.data) return text.data;
    if (!parser->copy) parser->copy.reset(padded(parser->size));
    char *copy = parser->copy.get();
    if (!copy) return nullptr;
    if (text.len) memcpy(copy, text.data, text.len);
    memset(copy + text.len, 0, JSON_ROOM);
    return copy;
}

/* simdjson knows 64-bit integers only: the second look at a text whose numbers it refused. */
static simdjson::error_code parse_big_numbers(struct json_parser *parser, const char *text,
                                              size_t len) {
    if (!parser->patched) parser->patched.reset(padded(parser->size));
    char *patched = parser->patched.get();
    if (!patched) return simdjson::MEMALLOC;
    memcpy(patched, text, len);
    memset(patched + len, 0, JSON_ROOM);
    if (json_rewrite_big_integers(patched, len) <= 0) return simdjson::NUMBER_ERROR;
    return parse_padded(parser, patched, len);
}

static const char *why(simdjson::error_code error) {
    switch (error) {
    case simdjson::EMPTY:
        return "it is empty";
    case simdjson::UTF8_ERROR:
        return "invalid UTF-8";
    case simdjson::NUMBER_ERROR:
        return "a number that is malformed or beyond a double's range";
    case simdjson::DEPTH_ERROR:
        return "nested deeper than 127 levels";
    case simdjson::STRING_ERROR:
        return "a malformed string";
    case simdjson::UNESCAPED_CHARS:
        return "an unescaped control character in a string";
    case simdjson::UNCLOSED_STRING:
        return "a string without its end";
    default:
        return "malformed, or more than one value";
    }
}

int json_parse(struct json_parser *parser, struct reel_str text, size_t room, struct json **ret,
               const char **ret_why) {
    if (!make_room(parser, text.len)) return -ENOMEM;
    const char *padded_text = with_room(parser, text, room);
    if (!padded_text) return -ENOMEM;
    simdjson::error_code error = parse_padded(parser, padded_text, text.len);
    if (error == simdjson::NUMBER_ERROR) error = parse_big_numbers(parser, padded_text, text.len);
    if (error == simdjson::MEMALLOC) return -ENOMEM;
    if (error) {
        *ret_why = why(error);
        return -EBADMSG;
    }
    struct json *json = &parser->json;
    json->tape = parser->parser.doc.tape.get();
    json->strings = parser->parser.doc.string_buf.get();
    json->text = {padded_text, text.len};
    json->walked_at = 0;
    json->memo_of = 0;
    *ret = json;
    return 0;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

size_t json_number_digits(double number, char ret[JSON_DIGITS_MAX], int *ret_point) {
    char text[32];
    const char *end =
        std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr;
    size_t count = 0;
    const char *at = text;
    for (; at < end && *at != 'e'; at++)
        if (*at != '.') ret[count++] = *at;
    at += *at == 'e' && at[1] == '+' ? 2 : 1;
    int exponent = 0;
    std::from_chars(at, end, exponent);
    *ret_point = exponent + 1;
    return count;
}

bool json_number_of(struct reel_str text, double *ret) {
    return std::from_chars(text.data, text.data + text.len, *ret).ec == std::errc();
}
