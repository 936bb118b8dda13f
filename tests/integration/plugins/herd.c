/* herd.c: a fixture in which one event changes and deletes many records. Keys are numbers of four
 * digits; the bounds are `from`, and `to`, which is left out.
 *     test.herd.v1.set      gives them `group` and `value`
 *     test.herd.v1.clear    deletes them
 * A test that includes this file may let it leave out keys, and add to values.
 */
#include <reel/projector.h>

#ifndef HERD_LEAVES_OUT
#define HERD_LEAVES_OUT(number) false
#define HERD_ADDS(number)       0
#endif

static const struct reel_field group = {
    .struct_size = sizeof(struct reel_field), .name = "group", .kind = REEL_FIELD_STRING};
static const struct reel_field value = {
    .struct_size = sizeof(struct reel_field), .name = "value", .kind = REEL_FIELD_INTEGER};
static const struct reel_field *const fields[] = {&group, &value, NULL};

static const char *const type_prefixes[] = {"test.herd.v1.", NULL};

enum { KEYS = 10000 };

static void write_key(int64_t number, char ret[4]) {
    for (int i = 3; i >= 0; i--, number /= 10) ret[i] = (char)('0' + number % 10);
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    int64_t from = 0, to = 0, number = 0;
    bool is_set = reel_str_is(event->suffix, "set");
    if (!reel_get_int(reel_get(event->data, "from"), &from) ||
        !reel_get_int(reel_get(event->data, "to"), &to) || from < 0 || to > KEYS)
        return reel_reject(tx, "`from` and `to` are not within 0 and %d", KEYS);
    reel_get_int(reel_get(event->data, "value"), &number);
    for (int64_t i = from; i < to; i++) {
        char key[4];
        write_key(i, key);
        struct reel_str str = {key, sizeof key};
        if (!is_set) {
            reel_delete(tx, str);
            continue;
        }
        if (HERD_LEAVES_OUT(i)) continue;
        struct reel_record *record = reel_upsert(tx, str);
        reel_set_str(record, "group", reel_member_str(event->data, "group"));
        reel_set_int(record, "value", number + HERD_ADDS(i));
    }
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "herd",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("herd", "1.0.0", projectors, NULL);
