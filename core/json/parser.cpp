/* parser.cpp: the one C++ file: simdjson behind parser.h. Nothing may throw across it; simdjson
 * is used through its error codes, and allocation through nothrow. */
#include "json/parser.h"

#include "json/number.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

/* simdjson's max_depth is the number of open containers that it refuses. */
static constexpr size_t depth_refused = JSON_DEPTH_MAX + 1;
static constexpr size_t first_size = 64 << 10;

struct json_parser {
    simdjson::dom::parser parser;
    size_t size = 0;                 /* the longest text that there is room for */
    std::unique_ptr<char[]> copy;    /* the text, padded as simdjson wants it */
    std::unique_ptr<char[]> patched; /* the same with big integers rewritten; made when needed */
    struct json json {};
};

static char *padded(size_t size) {
    return new (std::nothrow) char[size + simdjson::SIMDJSON_PADDING];
}

/* Makes room for a text of `len` bytes, doubling, so that most parsers stay small. */
static bool make_room(struct json_parser *parser, size_t len) {
    if (len <= parser->size) return true;
    size_t size = first_size;
    while (size < len) size *= 2;
    parser->patched.reset();
    parser->copy.reset(padded(size));
    if (!parser->copy || parser->parser.allocate(size, depth_refused)) {
        parser->size = 0;
        return false;
    }
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

static simdjson::error_code parse_padded(struct json_parser *parser, const char *text, size_t len) {
    simdjson::dom::element root;
    return parser->parser.parse(text, len, false).get(root);
}

/* simdjson knows 64-bit integers only: the second look at a text whose numbers it refused. */
static simdjson::error_code parse_big_numbers(struct json_parser *parser, size_t len) {
    if (!parser->patched) parser->patched.reset(padded(parser->size));
    if (!parser->patched) return simdjson::MEMALLOC;
    memcpy(parser->patched.get(), parser->copy.get(), len + simdjson::SIMDJSON_PADDING);
    if (json_rewrite_big_integers(parser->patched.get(), len) <= 0) return simdjson::NUMBER_ERROR;
    return parse_padded(parser, parser->patched.get(), len);
}

static const char *why(simdjson::error_code error) {
    switch (error) {
    case simdjson::EMPTY: return "it is empty";
    case simdjson::UTF8_ERROR: return "invalid UTF-8";
    case simdjson::NUMBER_ERROR: return "a number that is malformed or beyond a double's range";
    case simdjson::DEPTH_ERROR: return "nested deeper than 127 levels";
    case simdjson::STRING_ERROR: return "a malformed string";
    case simdjson::UNESCAPED_CHARS: return "an unescaped control character in a string";
    case simdjson::UNCLOSED_STRING: return "a string without its end";
    default: return "malformed, or more than one value";
    }
}

int json_parse(struct json_parser *parser, struct reel_str text, struct json **ret,
               const char **ret_why) {
    if (!make_room(parser, text.len)) return -ENOMEM;
    char *copy = parser->copy.get();
    if (text.len) memcpy(copy, text.data, text.len);
    memset(copy + text.len, 0, simdjson::SIMDJSON_PADDING);
    simdjson::error_code error = parse_padded(parser, copy, text.len);
    if (error == simdjson::NUMBER_ERROR) error = parse_big_numbers(parser, text.len);
    if (error == simdjson::MEMALLOC) return -ENOMEM;
    if (error) {
        *ret_why = why(error);
        return -EBADMSG;
    }
    struct json *json = &parser->json;
    json->tape = parser->parser.doc.tape.get();
    json->strings = parser->parser.doc.string_buf.get();
    json->text = {copy, text.len};
    json->walked_at = 0;
    json->memo_of = 0;
    *ret = json;
    return 0;
}
