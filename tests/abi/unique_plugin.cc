/* unique_plugin.cc: a plugin in C++ with a symbol that is unique in the process (STB_GNU_UNIQUE),
 * as inline variables and static variables of templates are when they are visible. The loader never
 * removes such an object. */
#include <reel/projector.h>

struct __attribute__((visibility("default"))) counter {
    static inline int count = 0;
};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    counter::count++;
    reel_set_str(reel_upsert(tx, event->id), "id", event->id);
    return REEL_APPLIED;
}

static const char *const prefixes[] = {"test.unique.", nullptr};

static struct reel_field make_field() {
    struct reel_field field {};
    field.struct_size = sizeof field;
    field.name = "id";
    field.kind = REEL_FIELD_STRING;
    return field;
}
static const struct reel_field id = make_field();
static const struct reel_field *const fields[] = {&id, nullptr};

static struct reel_projector make_projector() {
    struct reel_projector projector {};
    projector.struct_size = sizeof projector;
    projector.revision = 1;
    projector.collection = "unique";
    projector.type_prefixes = prefixes;
    projector.fields = fields;
    projector.evolve = evolve;
    return projector;
}
static const struct reel_projector unique = make_projector();
static const struct reel_projector *const projectors[] = {&unique, nullptr};

REEL_PLUGIN("unique", "1.0.0", projectors, nullptr);
