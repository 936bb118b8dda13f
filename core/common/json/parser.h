/* parser.h: JSON text to values, the C face of simdjson.
 *
 * simdjson validates the whole text (RFC 8259, UTF-8) and leaves a "tape": one or two 64-bit
 * words for each value, in the order of the text, described in simdjson's doc/tape.md. Walking
 * the tape (value.c) is plain C; only parsing is C++ (parser.cpp).
 *
 * On top of simdjson: integers beyond 64 bits are accepted as doubles (number.h), of equal names
 * in an object the last wins, and a value's own text can be had (value.h).
 */
#ifndef REEL_JSON_PARSER_H
#define REEL_JSON_PARSER_H

#include <reel/reel.h>

/* Deepest nesting, counted in open arrays and objects. */
#define JSON_DEPTH_MAX 127

/* simdjson reads so far behind a text. */
#define JSON_ROOM 64

/* Members remembered of the object that was last looked into. */
#define JSON_MEMO_MAX 32

/* One parsed text: what a `struct reel_value` points to. */
struct json {
    struct reel_json values; /* first: this is the plugin's view of it */
    const uint64_t *tape;    /* tape[1] is the root value */
    const uint8_t *strings;  /* unescaped, each behind its 32-bit length */
    struct reel_str text;    /* as it came */

    /* Where a walk over the text stood last: a tape index and the byte where that value begins. */
    uint64_t walked_at;
    size_t walked_byte;

    /* The members of the object at tape index memo_of, if it has at most JSON_MEMO_MAX. */
    uint64_t memo_of; /* 0: none */
    uint32_t memo_count;
    struct json_member {
        struct reel_str name;
        uint64_t tail; /* of the name: str_tail */
        uint64_t at;
    } memo[JSON_MEMO_MAX];
};

struct json_parser;

#ifdef __cplusplus
extern "C" {
#endif

/* NULL: out of memory. Destroying takes NULL. The host table is what the values lead to. */
struct json_parser *json_parser_create(const struct reel_host *host);
void json_parser_destroy(struct json_parser *parser);

/* Parses `text`, whose length the caller bounds. `room` is how many bytes behind it may be read:
 * with less than JSON_ROOM a copy is parsed. The result is the parser's own and good until its
 * next use, or until the text goes. -ENOMEM, or -EBADMSG: it is not exactly one JSON value, and
 * `ret_why` is a constant phrase. */
int json_parse(struct json_parser *parser, struct reel_str text, size_t room, struct json **ret,
               const char **ret_why);

#ifdef __cplusplus
}
#endif
#endif
