/* fuzz_record.c: any bytes as a stored record.
 *
 * The first byte is the number of fields; the rest is the record. Whatever is read from it must
 * lie within it. If its lengths add up, writing what was read and reading that must give the
 * same again.
 */
#include "fuzz.h"

#include "engine/store/record.h"

enum { FIELDS_MAX = 8 };

static const char *const names[FIELDS_MAX] = {"id", "b", "name", "d", "", "f", "gg", "h"};

static void check_within(struct reel_str part, struct reel_str whole) {
    check(part.data >= whole.data, "it begins before the record");
    size_t at = (size_t)(part.data - whole.data);
    check(at <= whole.len && part.len <= whole.len - at, "it ends behind the record");
}

static void check_round_trip(const struct record_shape *shape, const struct reel_str *values,
                             uint64_t changed, size_t stored_size) {
    struct reel_str again[FIELDS_MAX], unnamed[FIELDS_MAX], json;
    uint64_t changed_again, changed_json;
    size_t len = record_size(shape, values, stored_size);
    char *copy = malloc(len);
    check(copy, "out of memory");
    record_write(shape, values, changed, copy, len);
    struct reel_str stored = {copy, len};
    check(record_read(shape, stored, &changed_again, again) == 0, "what was written is damaged");
    check(record_json(shape->count, stored, &changed_json, &json) == 0,
          "what was written has no JSON");
    check(changed == changed_again && changed == changed_json, "changed differs");
    check(record_values(shape->count, stored, unnamed) == 0 &&
              memcmp(again, unnamed, shape->count * sizeof *again) == 0,
          "without names, the values differ");
    for (uint32_t i = 0; i < shape->count; i++)
        check(reel_str_eq(values[i], again[i]), "a value differs");
    check(json.data[0] == '{' && json.data[json.len - 1] == '}', "the JSON is another part");
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct record_shape shape;
    struct reel_str values[FIELDS_MAX], unnamed[FIELDS_MAX], json;
    uint64_t changed, changed_json;
    if (size == 0) return 0;
    check(record_shape_init(&shape, names, 1 + data[0] % FIELDS_MAX) == 0, "out of memory");
    struct reel_str stored = {(const char *)data + 1, size - 1};
    int read = record_read(&shape, stored, &changed, values);
    int rc = record_json(shape.count, stored, &changed_json, &json);
    check(read == 0 || read == -EBADMSG, "record_read");
    check(rc == 0 || rc == -EBADMSG, "record_json");
    if (rc == 0) check_within(json, stored);
    int other = record_values(shape.count, stored, unnamed); /* does not know the names */
    check(other == 0 || other == -EBADMSG, "record_values");
    for (uint32_t i = 0; other == 0 && i < shape.count; i++) check_within(unnamed[i], stored);
    if (read == 0) {
        check(rc == 0 && changed == changed_json, "the two readings differ");
        for (uint32_t i = 0; i < shape.count; i++) check_within(values[i], stored);
        check_round_trip(&shape, values, changed, stored.len);
        check_round_trip(&shape, values, changed, 0);
    }
    record_shape_finish(&shape);
    return 0;
}
