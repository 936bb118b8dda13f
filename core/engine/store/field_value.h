/* field_value.h: values of fields as bytes. Their order is the order of the values, so that values
 * can be compared, and searched in an index (field_index.h), without knowing their kind.
 *
 * The bytes of a value:
 *     string, one of    its bytes; of a field that ignores case, with lower-case ASCII letters
 *     integer           8 bytes, big-endian, with the sign bit inverted
 *     number            8 bytes: the double, big-endian; of a negative number all bits inverted,
 *                       otherwise the sign bit. -0 is 0
 *     bool              0 or 1
 *     JSON              its text; of a string the string. Only for comparing: it has no order
 *
 * In an index, other bytes follow a value, so it is encoded with an end:
 *     0x01 bytes                      a kind whose values have a fixed length
 *     0x01 bytes 0x00 0x01            a string; a 0x00 in it becomes 0x00 0xFF
 *     0x01 bytes 0x00 0x02 hash       of a longer string the first FIELD_VALUE_MAX bytes, and the
 *                                     XXH3-64 of the whole, big-endian
 *     0x02                            null, which is behind all values
 * So an encoded value has a bounded length. Strings that are cut are in the order of what is left
 * of them, then of their hashes: who needs more must look at the record.
 */
#ifndef REEL_ENGINE_STORE_FIELD_VALUE_H
#define REEL_ENGINE_STORE_FIELD_VALUE_H

#include "base/arena.h"

#include <reel/projector.h>

#define FIELD_VALUE_MAX   200
#define FIELD_ENCODED_MAX (1 + 2 * FIELD_VALUE_MAX + 2 + 8)

#define FIELD_RANK_VALUE 0x01
#define FIELD_RANK_NULL  0x02

/* How a field's values are compared. */
struct field_form {
    uint8_t kind;   /* reel_field_kind */
    bool is_folded; /* ignores the case of ASCII letters */
};

static inline struct field_form field_form_of(const struct reel_field *field) {
    struct field_form form = {(uint8_t)field->kind, field->flags & REEL_FIELD_ANY_CASE};
    return form;
}

/* Are its values strings? (Of JSON they may be.) */
static inline bool field_form_is_text(struct field_form form) {
    return form.kind == REEL_FIELD_STRING || form.kind == REEL_FIELD_ONE_OF ||
           form.kind == REEL_FIELD_JSON;
}

/* The bytes of a value, from its JSON text in a record; data NULL: null. The result points into the
 * text or the arena. -ENOMEM; -EBADMSG: no field of this kind has that text. */
int field_value_of_json(struct field_form form, struct reel_str json, struct arena *arena,
                        struct reel_str *ret);

/* The same from a text that a person has written. -EINVAL: it is not a value of this kind. An
 * integer beyond 64 bits is one: `ret_beyond` is 1 above all values, -1 below them; else 0. */
int field_value_of_text(struct field_form form, struct reel_str text, struct arena *arena,
                        struct reel_str *ret, int *ret_beyond);

/* The text of a value: for people, and for field_value_of_text. -ENOMEM. */
int field_value_text(struct field_form form, struct reel_str value, struct arena *arena,
                     struct reel_str *ret);

/* ---- In an index ----------------------------------------------------------------------------- */

/* Encodes a value (data NULL: null). Returns the length. */
size_t field_value_encode(struct field_form form, struct reel_str value,
                          char ret[FIELD_ENCODED_MAX]);

/* An encoded value at the beginning of `bytes`. */
struct field_encoded {
    struct reel_str bytes; /* all of it; len 0: there is none */
    bool is_null, is_cut;
    size_t compared; /* the length without the hash of one that is cut */
};
struct field_encoded field_value_split(struct field_form form, struct reel_str bytes);

/* The value that was encoded, unless it is cut or null. -ENOMEM. */
int field_value_decode(struct field_form form, struct field_encoded encoded, struct arena *arena,
                       struct reel_str *ret);

#endif
