/* value.h: walking a parsed text (parser.h); what the value functions of the host table do. */
#ifndef REEL_JSON_VALUE_H
#define REEL_JSON_VALUE_H

#include "json/parser.h"

/* The whole of a parsed text. */
static inline struct reel_value json_root(const struct json *json) {
    struct reel_value root = {&json->values, 1};
    return root;
}

/* Readies an object for json_get, as the first one would; false: it is no object, or a large one.
 */
bool json_prepare(struct reel_value object);

/* Each takes a value that is not REEL_MISSING; the wrappers of host.h see to that. */
reel_kind json_kind(struct reel_value value);
struct reel_value json_get(struct reel_value object, struct reel_str name);
struct reel_value json_next(struct reel_value container, struct reel_value previous,
                            struct reel_str *ret_name);
struct reel_str json_str(struct reel_value value);
bool json_int(struct reel_value value, int64_t *ret);
bool json_number(struct reel_value value, double *ret);
bool json_bool(struct reel_value value, bool *ret);
struct reel_str json_text(struct reel_value value);

#endif
