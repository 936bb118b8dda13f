/* record.h: a record as it is stored.
 *
 *     8 bytes    seq of the event that last changed it, native byte order
 *     n varints  length of each field's JSON text, in the declared order
 *     the record's JSON text, as it is served
 *     zeros
 *
 * The names between the values are known, so the lengths say where each value lies: reading a
 * record is a copy, and editing one needs no parse.
 *
 * The zeros are room to grow: fields that are null will mostly be set one day. A record that
 * keeps its size is overwritten where it lies; one that grows in a full page splits it, and
 * leaves two that are half empty.
 */
#ifndef REEL_ENGINE_STORE_RECORD_H
#define REEL_ENGINE_STORE_RECORD_H

#include <reel/abi.h>

#define RECORD_FIELDS_MAX 256

/* What all records of one collection have in common: the bytes before each value. */
struct record_shape {
    uint32_t count;
    struct reel_str *before; /* `{"id":`, `,"name":`, …; owned, in one block */
};

/* From the fields' names. -ENOMEM. */
int record_shape_init(struct record_shape *shape, const char *const *names, uint32_t count);
void record_shape_finish(struct record_shape *shape);

/* Writing: `values` are the fields' JSON texts. record_size is what they take with room to grow;
 * or `stored_size`, that of the same record as it is stored (0: it is not), if that still fits. */
size_t record_size(const struct record_shape *shape, const struct reel_str *values,
                   size_t stored_size);
void record_write(const struct record_shape *shape, const struct reel_str *values, uint64_t changed,
                  char *to, size_t size);

/* Length of its JSON text. */
size_t record_json_len(const struct record_shape *shape, const struct reel_str *values);

/* Reading; the results point into `stored`. -EBADMSG: it is damaged. */
int record_read(const struct record_shape *shape, struct reel_str stored, uint64_t *ret_changed,
                struct reel_str *ret_values);
int record_json(const struct record_shape *shape, struct reel_str stored, uint64_t *ret_changed,
                struct reel_str *ret_json);

#endif
