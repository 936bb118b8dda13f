/* parser.h: parses JSON text into values; the C interface to simdjson.
 *
 * simdjson validates the whole text (RFC 8259, UTF-8) and leaves a "tape": one or two 64-bit
 * words for each value, in the order of the text, described in simdjson's doc/tape.md. Walking
 * the tape (value.c) is plain C; only parsing is C++ (parser.cpp).
 *
 * In addition to simdjson: integers that do not fit 64 bits are accepted as doubles (number.h); of
 * several members with the same name, the last one is used; and the text of a value can be read
 * (value.h).
 */
#ifndef REEL_JSON_PARSER_H
#define REEL_JSON_PARSER_H

#include <reel/reel.h>

/* Deepest nesting, counted in open arrays and objects. */
#define JSON_DEPTH_MAX 127

/* simdjson reads this number of bytes after a text. */
#define JSON_ROOM 64

/* Most members that are listed for the last object. */
#define JSON_MEMO_MAX 32

/* A parsed text, which a `struct reel_value` points to. */
struct json {
    struct reel_json values; /* first: this is the plugin's view of it */
    const uint64_t *tape;    /* tape[1] is the root value */
    const uint8_t *strings;  /* unescaped strings; each follows its 32-bit length */
    struct reel_str text;    /* as it was given */

    /* Where the last walk over the text stopped: an index of the tape, and the position of this
     * value in the text. */
    uint64_t walked_at;
    size_t walked_byte;

    /* The members of the object at this index of the tape, if it has at most JSON_MEMO_MAX
     * members. */
    uint64_t memo_of; /* 0: none */
    uint32_t memo_count;
    struct json_member {
        struct reel_str name;
        uint64_t tail; /* str_tail of the name */
        uint64_t at;
    } memo[JSON_MEMO_MAX];
};

struct json_parser;

#ifdef __cplusplus
extern "C" {
#endif

/* NULL: out of memory. json_parser_destroy accepts NULL. `host` is the table that values point
 * to. */
struct json_parser *json_parser_create(const struct reel_host *host);
void json_parser_destroy(struct json_parser *parser);

/* Parses `text`; the caller limits its length. `room` is the number of bytes after the text that
 * may be read. If it is less than JSON_ROOM, a copy is parsed. The result belongs to the parser. It
 * is valid until the parser's next use, or until the text is freed. -ENOMEM; -EBADMSG: the text is
 * not exactly one JSON value, and `ret_why` is a constant phrase. */
int json_parse(struct json_parser *parser, struct reel_str text, size_t room, struct json **ret,
               const char **ret_why);

#ifdef __cplusplus
}
#endif
#endif
