/* reel/value.h: reading JSON values.
 *
 * Every function accepts REEL_MISSING, so that look-ups can be chained without a check:
 *
 *     reel_get_int(reel_get(reel_get(event->data, "size"), "width"), &width)
 */
#ifndef REEL_VALUE_H
#define REEL_VALUE_H

#include <reel/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kind of the value. [writer] */
static inline reel_kind reel_kind_of(struct reel_value value) {
    return value.json ? value.json->host->value_kind(value) : REEL_MISSING;
}

/* The member of an object. If several members have this name, returns the last one. Returns
 * REEL_MISSING if there is no such member, or if the value is not an object. [writer] */
static inline struct reel_value reel_get(struct reel_value object, const char *name) {
    return object.json ? object.json->host->value_get(object, reel_text(name)) : object;
}

/* Walks an array or an object in the order of its text. In the first call, `previous` is
 * REEL_MISSING (all zero); in each further call, it is the value that the last call returned.
 * Returns REEL_MISSING after the last value. `ret_name`, which may be NULL, gets the name of the
 * member, borrowed like the value. [writer] */
static inline struct reel_value reel_next(struct reel_value container, struct reel_value previous,
                                          struct reel_str *ret_name) {
    return container.json ? container.json->host->value_next(container, previous, ret_name)
                          : container;
}

/* The string, unescaped. Borrowed until the callback returns. Data is NULL if the value is not a
 * string. [writer] */
static inline struct reel_str reel_get_str(struct reel_value value) {
    struct reel_str none = {NULL, 0};
    return value.json ? value.json->host->value_str(value) : none;
}

/* The string in a member of an object, as reel_get and reel_get_str give it. [writer] */
static inline struct reel_str reel_member_str(struct reel_value object, const char *name) {
    return reel_get_str(reel_get(object, name));
}

/* The integer. Returns false, and does not write `ret`, if the value is not a REEL_INTEGER.
 * [writer] */
static inline bool reel_get_int(struct reel_value value, int64_t *ret) {
    return value.json && value.json->host->value_int(value, ret);
}

/* The number as a double. Returns false, and does not write `ret`, if the value is neither a
 * REEL_INTEGER nor a REEL_NUMBER. [writer] */
static inline bool reel_get_number(struct reel_value value, double *ret) {
    return value.json && value.json->host->value_number(value, ret);
}

/* The boolean. Returns false, and does not write `ret`, if the value is not a REEL_BOOL.
 * [writer] */
static inline bool reel_get_bool(struct reel_value value, bool *ret) {
    return value.json && value.json->host->value_bool(value, ret);
}

/* The JSON text of the value, exactly as the sender wrote it: numbers keep all their digits.
 * Borrowed until the callback returns. Data is NULL for REEL_MISSING. [writer] */
static inline struct reel_str reel_get_json(struct reel_value value) {
    struct reel_str none = {NULL, 0};
    return value.json ? value.json->host->value_json(value) : none;
}

#ifdef __cplusplus
}
#endif
#endif
