// cxx_plugin.cc: a plugin in C++17, which has no designated initialisers.
//
// Structs that may grow are filled by constexpr functions, member by member: it stays right, and
// free of warnings, when a later header adds members. The host reads them without running any
// code of the plugin, so they must be constants, which constexpr makes sure of.
//
// It folds `test.prints.*` into `prints`, whose keys are UUIDs.
#include <reel/projector.h>
#include <reel/uuid.h>

extern "C" {

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_key key;
    if (!reel_uuid_canonical(reel_get_str(reel_get(event->data, "id")), key.scratch))
        return reel_reject(tx, "event missing id");
    if (!reel_str_is(event->suffix, "made") && !reel_str_is(event->suffix, "shown"))
        return REEL_IGNORED;
    struct reel_record *record = reel_upsert(tx, reel_text(key.scratch));
    int64_t copies = 0;
    reel_field_int(record, "copies", &copies);
    reel_set_int(record, "copies", copies + 1);
    reel_set_str(record, "state", event->suffix);
    return REEL_APPLIED;
}

static bool canonical_key(struct reel_str given, struct reel_key *ret) {
    if (!reel_uuid_canonical(given, ret->scratch)) return false;
    ret->str = reel_text(ret->scratch);
    return true;
}
}

namespace {

constexpr const char *states[] = {"made", "shown", nullptr};
constexpr const char *prefixes[] = {"test.prints.", nullptr};

constexpr struct reel_field make_field(const char *name, reel_field_kind kind,
                                       const char *const *values) {
    struct reel_field field {};
    field.struct_size = sizeof field;
    field.name = name;
    field.kind = kind;
    field.values = values;
    return field;
}

constexpr struct reel_field copies_field = make_field("copies", REEL_FIELD_INTEGER, nullptr);
constexpr struct reel_field state_field = make_field("state", REEL_FIELD_ONE_OF, states);
constexpr const struct reel_field *fields[] = {&copies_field, &state_field, nullptr};

constexpr struct reel_projector make_projector() {
    struct reel_projector projector {};
    projector.struct_size = sizeof projector;
    projector.revision = 1;
    projector.collection = "prints";
    projector.type_prefixes = prefixes;
    projector.fields = fields;
    projector.evolve = evolve;
    projector.canonical_key = canonical_key;
    return projector;
}

constexpr struct reel_projector prints = make_projector();
constexpr const struct reel_projector *projectors[] = {&prints, nullptr};

} // namespace

REEL_PLUGIN("cxx", "1.0.0", projectors, nullptr);
