/* value.h: reads the values of a parsed text (parser.h). The value functions of the host's table
 * use it. */
#ifndef REEL_JSON_VALUE_H
#define REEL_JSON_VALUE_H

#include "base/arena.h"
#include "json/parser.h"

/* The complete value of a parsed text. */
static inline struct reel_value json_root(const struct json *json) {
    struct reel_value root = {&json->values, 1};
    return root;
}

/* Lists the members of an object, as the first json_get would. False: it is not an object, or has
 * too many members.
 */
bool json_prepare(struct reel_value object);

/* The values must not be REEL_MISSING; the wrappers in reel/value.h check this. */
reel_kind json_kind(struct reel_value value);
struct reel_value json_get(struct reel_value object, struct reel_str name);
struct reel_value json_next(struct reel_value container, struct reel_value previous,
                            struct reel_str *ret_name);
struct reel_str json_str(struct reel_value value);
bool json_int(struct reel_value value, int64_t *ret);
bool json_number(struct reel_value value, double *ret);
bool json_bool(struct reel_value value, bool *ret);
struct reel_str json_text(struct reel_value value);

/* How many arrays and objects are open at most in a valid text. */
size_t json_text_depth(struct reel_str text);

/* Copies a parsed text to the arena, so that the parser may be used again. `text` is the same text,
 * and lives as long as the arena. NULL: out of memory. */
struct json *json_keep(const struct json *json, struct reel_str text, struct arena *arena);

#endif
