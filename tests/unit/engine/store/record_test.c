/* record_test.c: records as they are stored: round trips, and bytes that are damaged. */
#include "unit.h"

#include "engine/store/record.h"
#include "faults.h"

#include <stdlib.h>

enum { FIELDS = 5 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct fixture {
    struct record_shape shape;
    uint64_t random;
};

static int begin(void **state) {
    static const char *const names[FIELDS] = {"id", "n", "a_longer_name", "d", "e"};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture && record_shape_init(&fixture->shape, names, FIELDS) == 0);
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    record_shape_finish(&fixture->shape);
    free(fixture);
    return 0;
}

/* A record of exactly its size. */
static char *written(const struct record_shape *shape, const struct reel_str *values,
                     uint64_t changed, size_t *ret_len) {
    *ret_len = record_size(shape, values, 0);
    char *stored = malloc(*ret_len);
    must(stored);
    record_write(shape, values, changed, stored, *ret_len);
    return stored;
}

static const struct reel_str small_values[FIELDS] = {
    {"\"k\"", 3}, {"1", 1}, {"null", 4}, {"{\"x\":[1]}", 9}, {"\"\"", 2}};
#define SMALL_JSON "{\"id\":\"k\",\"n\":1,\"a_longer_name\":null,\"d\":{\"x\":[1]},\"e\":\"\"}"

/* ---- Assertions ------------------------------------------------------------------------------ */

static bool lies_within(struct reel_str part, const char *stored, size_t len) {
    uintptr_t from = (uintptr_t)part.data, start = (uintptr_t)stored;
    return from >= start && from <= start + len && part.len <= start + len - from;
}

/* Whatever these bytes are: no read outside of them, and no result either. True if they were
 * taken for a record. */
static bool survives(const struct record_shape *shape, struct reel_str bytes) {
    struct reel_str values[FIELDS], json;
    uint64_t changed;
    char *stored = exact_copy(bytes);
    int read = record_read(shape, (struct reel_str){stored, bytes.len}, &changed, values);
    assert_true(read == 0 || read == -EBADMSG);
    for (size_t at = 0; read == 0 && at < shape->count; at++)
        assert_true(lies_within(values[at], stored, bytes.len));
    int rc = record_json(shape->count, (struct reel_str){stored, bytes.len}, &changed, &json);
    assert_true(rc == 0 || rc == -EBADMSG);
    if (rc == 0) assert_true(lies_within(json, stored, bytes.len));
    if (read == 0) assert_int_equal(rc, 0);
    free(stored);
    return read == 0;
}

static void assert_round_trip(const struct record_shape *shape, const struct reel_str *values,
                              uint64_t changed) {
    size_t len;
    char *stored = written(shape, values, changed, &len);
    struct reel_str found[FIELDS], json;
    uint64_t found_changed = ~changed;
    struct reel_str bytes = {stored, len};
    assert_int_equal(record_read(shape, bytes, &found_changed, found), 0);
    assert_int_equal(found_changed, changed);
    for (size_t at = 0; at < FIELDS; at++) assert_bytes(found[at], values[at]);
    found_changed = ~changed;
    assert_int_equal(record_json(shape->count, bytes, &found_changed, &json), 0);
    assert_int_equal(found_changed, changed);
    assert_int_equal(json.data[json.len - 1], '}');
    for (const char *at = json.data + json.len; at < stored + len; at++) assert_int_equal(*at, 0);
    assert_memory_equal(json.data, "{\"id\":", 6);
    assert_ptr_equal(json.data + 6, found[0].data);
    free(stored);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_record_is_served_as_one_object(void **state) {
    struct fixture *fixture = *state;
    struct reel_str json;
    uint64_t changed;
    size_t len;
    char *stored = written(&fixture->shape, small_values, 42, &len);
    assert_int_equal(
        record_json(fixture->shape.count, (struct reel_str){stored, len}, &changed, &json), 0);
    assert_bytes(json, STR(SMALL_JSON));
    free(stored);
}

static void values_of_every_length_round_trip(void **state) {
    static const size_t borders[] = {1, 2, 126, 127, 128, 129, 16383, 16384, 2097151, 2097152};
    struct fixture *fixture = *state;
    char *bytes = malloc(2097152);
    must(bytes);
    memset(bytes, '7', 2097152);
    for (size_t round = 0; round < 60; round++) {
        struct reel_str values[FIELDS];
        for (size_t at = 0; at < FIELDS; at++) {
            size_t most = round < 2 ? LENGTH(borders) : LENGTH(borders) - 2;
            values[at] = (struct reel_str){bytes, borders[random_below(&fixture->random, most)]};
        }
        values[round % FIELDS].len = borders[round % (LENGTH(borders) - 2)];
        assert_round_trip(&fixture->shape, values, random_next(&fixture->random));
    }
    for (size_t at = 0; at < FIELDS; at++) {
        struct reel_str values[FIELDS];
        memcpy(values, small_values, sizeof values);
        values[at] = (struct reel_str){bytes, 2097152};
        assert_round_trip(&fixture->shape, values, 0);
        values[at].len--;
        assert_round_trip(&fixture->shape, values, UINT64_MAX);
    }
    free(bytes);
}

static void every_truncation_is_damage(void **state) {
    struct fixture *fixture = *state;
    size_t len;
    char *stored = written(&fixture->shape, small_values, 7, &len);
    while (stored[len - 1] == 0) /* room to grow, which any amount of is as good */
        assert_true(survives(&fixture->shape, (struct reel_str){stored, len--}));
    assert_true(survives(&fixture->shape, (struct reel_str){stored, len}));
    for (size_t cut = 0; cut < len; cut++)
        assert_false(survives(&fixture->shape, (struct reel_str){stored, cut}));
    free(stored);
}

static void bytes_other_than_zeros_behind_the_end_are_damage(void **state) {
    struct fixture *fixture = *state;
    size_t len;
    char *stored = written(&fixture->shape, small_values, 7, &len), longer[256];
    memcpy(longer, stored, len);
    memcpy(longer + len, "}}", 2);
    assert_false(survives(&fixture->shape, (struct reel_str){longer, len + 1}));
    assert_false(survives(&fixture->shape, (struct reel_str){longer, len + 2}));
    free(stored);
}

static void a_length_changed_alone_is_damage(void **state) {
    struct fixture *fixture = *state;
    size_t len;
    char *stored = written(&fixture->shape, small_values, 7, &len);
    for (size_t at = 8; at < 8 + FIELDS; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            char before = stored[at];
            bool same = (unsigned char)before == byte;
            stored[at] = (char)byte;
            assert_int_equal(survives(&fixture->shape, (struct reel_str){stored, len}), same);
            stored[at] = before;
        }
    free(stored);
}

static void lengths_that_never_end_are_damage(void **state) {
    struct fixture *fixture = *state;
    char stored[64];
    memset(stored, 0xFF, sizeof stored);
    for (size_t len = 0; len <= sizeof stored; len++)
        assert_false(survives(&fixture->shape, (struct reel_str){stored, len}));
    static const unsigned char largest[] = {0xFF, 0xFF, 0xFF, 0xFF, 0x7F};
    for (size_t at = 0; at < FIELDS; at++) memcpy(stored + 8 + 5 * at, largest, 5);
    for (size_t len = 8; len <= sizeof stored; len++)
        assert_false(survives(&fixture->shape, (struct reel_str){stored, len}));
}

static void random_damage_never_leads_outside(void **state) {
    struct fixture *fixture = *state;
    size_t len, taken = 0;
    char *stored = written(&fixture->shape, small_values, 7, &len), damaged[256];
    for (size_t round = 0; round < 20000; round++) {
        memcpy(damaged, stored, len);
        for (size_t flips = 1 + random_below(&fixture->random, 4); flips > 0; flips--)
            damaged[random_below(&fixture->random, len)] ^=
                (char)(1 << random_below(&fixture->random, 8));
        size_t kept = random_below(&fixture->random, 4) ? len : random_below(&fixture->random, len);
        taken += survives(&fixture->shape, (struct reel_str){damaged, kept});
    }
    assert_in_range(taken, 1, 19999); /* damage within a value's text is none to this layer */
    free(stored);
}

/* ---- Room to grow ---------------------------------------------------------------------------- */

static const struct reel_str grown_values[FIELDS] = {
    {"\"k\"", 3}, {"1", 1}, {"\"2026-01-01T00:00\"", 18}, {"{\"x\":[1]}", 9}, {"\"\"", 2}};

static void a_null_that_is_set_leaves_the_size(void **state) {
    struct fixture *fixture = *state;
    size_t size = record_size(&fixture->shape, small_values, 0);
    assert_int_equal(record_size(&fixture->shape, grown_values, size), size);
    assert_int_equal(record_size(&fixture->shape, small_values, size), size);
    assert_true(record_size(&fixture->shape, grown_values, 0) < size);
}

static void a_record_that_outgrows_its_room_gets_more(void **state) {
    struct fixture *fixture = *state;
    struct reel_str values[FIELDS];
    size_t size = record_size(&fixture->shape, small_values, 0);
    memcpy(values, small_values, sizeof values);
    values[4] = (struct reel_str){"\"012345678901234567890123456789\"", 32};
    assert_true(record_size(&fixture->shape, values, size) > size);
}

static void a_record_with_far_too_much_room_gets_less(void **state) {
    struct fixture *fixture = *state;
    size_t size = record_size(&fixture->shape, small_values, 0);
    assert_int_equal(record_size(&fixture->shape, small_values, 100 * size), size);
}

static void a_record_reads_the_same_in_any_room(void **state) {
    struct fixture *fixture = *state;
    size_t least = record_size(&fixture->shape, grown_values, 0);
    for (size_t size = least; size < least + 100; size++) {
        struct reel_str found[FIELDS];
        uint64_t changed = 0;
        char *stored = malloc(size);
        must(stored);
        memset(stored, 0xFF, size);
        record_write(&fixture->shape, grown_values, 9, stored, size);
        struct reel_str bytes = {stored, size};
        assert_int_equal(record_read(&fixture->shape, bytes, &changed, found), 0);
        assert_int_equal(changed, 9);
        for (size_t at = 0; at < FIELDS; at++) assert_bytes(found[at], grown_values[at]);
        free(stored);
    }
}

static void a_shape_of_one_field_is_an_object_too(void **state) {
    (void)state;
    static const char *const names[] = {"only"};
    struct record_shape shape;
    struct reel_str values[] = {{"true", 4}}, json;
    uint64_t changed;
    size_t len;
    assert_int_equal(record_shape_init(&shape, names, 1), 0);
    char *stored = written(&shape, values, 1, &len);
    assert_int_equal(record_json(shape.count, (struct reel_str){stored, len}, &changed, &json), 0);
    assert_bytes(json, STR("{\"only\":true}"));
    free(stored);
    record_shape_finish(&shape);
}

static int make_shape(void *context) {
    static const char *const names[FIELDS] = {"id", "n", "a_longer_name", "d", "e"};
    return record_shape_init(context, names, FIELDS);
}

static void finish_shape(void *context) {
    record_shape_finish(context);
}

static void a_shape_survives_each_failed_allocation(void **state) {
    (void)state;
    struct record_shape shape = {0};
    assert_true(faults_each(make_shape, finish_shape, &shape, false) > 0);
    size_t len;
    char *stored = written(&shape, small_values, 7, &len);
    assert_true(survives(&shape, (struct reel_str){stored, len}));
    free(stored);
    record_shape_finish(&shape);
}

UNIT_TESTS(record_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_record_is_served_as_one_object),
        CASE(values_of_every_length_round_trip),
        CASE(every_truncation_is_damage),
        CASE(bytes_other_than_zeros_behind_the_end_are_damage),
        CASE(a_length_changed_alone_is_damage),
        CASE(lengths_that_never_end_are_damage),
        CASE(random_damage_never_leads_outside),
        CASE(a_null_that_is_set_leaves_the_size),
        CASE(a_record_that_outgrows_its_room_gets_more),
        CASE(a_record_with_far_too_much_room_gets_less),
        CASE(a_record_reads_the_same_in_any_room),
        CASE(a_shape_of_one_field_is_an_object_too),
        cmocka_unit_test(a_shape_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
