/* record.h: the format of a stored record.
 *
 *     8 bytes    seq of the event that last changed it, native byte order
 *     n varints  length of each field's JSON text, in the declared order
 *     the record's JSON text, as it is served
 *     zeros
 *
 * The names between the values are known, so the lengths give the position of each value. So
 * reading a record is a copy, and changing one needs no parser.
 *
 * The zeros are room to grow, because most fields that are null will be set later. A record that
 * keeps its size is overwritten in place. A record that grows in a full page splits the page into
 * two that are half empty.
 */
#ifndef REEL_ENGINE_STORE_RECORD_H
#define REEL_ENGINE_STORE_RECORD_H

#include <reel/abi.h>

#define RECORD_FIELDS_MAX 256

/* The texts before each value, which are the same for all records of a collection. */
struct record_shape {
    uint32_t count;
    struct reel_str *before; /* `{"id":`, `,"name":`, …; owned, in one block */
};

/* Makes the shape from the names of the fields. -ENOMEM. */
int record_shape_init(struct record_shape *shape, const char *const *names, uint32_t count);
void record_shape_finish(struct record_shape *shape);

/* For writing. `values` are the JSON texts of the fields. record_size: the size of the record, with
 * room to grow; or `stored_size`, the size of the same record in the store (0: it is not stored),
 * if the record still fits. */
size_t record_size(const struct record_shape *shape, const struct reel_str *values,
                   size_t stored_size);
void record_write(const struct record_shape *shape, const struct reel_str *values, uint64_t changed,
                  char *to, size_t size);

/* Length of the record's JSON text. */
size_t record_json_len(const struct record_shape *shape, const struct reel_str *values);

/* Reads a record. The results point into `stored`. -EBADMSG: it is damaged. */
int record_read(const struct record_shape *shape, struct reel_str stored, uint64_t *ret_changed,
                struct reel_str *ret_values);

/* The same of a record whose number of fields is known, and not their names. */
int record_json(uint32_t field_count, struct reel_str stored, uint64_t *ret_changed,
                struct reel_str *ret_json);
int record_values(uint32_t field_count, struct reel_str stored, struct reel_str *ret_values);

#endif
