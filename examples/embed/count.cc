/* count.cc: the same headers from C++17: a program with a projector of its own linked in.
 *
 *     count <EVENTS
 *
 * Reads events from standard input, one a line, counts them by type, and prints the counts as JSON.
 * Objects that the caller owns are in std::unique_ptr. Callbacks are lambdas without captures, and
 * must not throw. If a struct has the same name as a function, write `struct` before it.
 */
#include <reel/reel.h>

#include <iostream>
#include <memory>
#include <string>

/* ---- The projector --------------------------------------------------------------------------- */

/* C++17 has neither designated initialisers nor compound literals: what begins with its size is
 * made by a function. */
static struct reel_field make_field(const char *name, reel_field_kind kind) {
    struct reel_field field {};
    field.struct_size = sizeof field;
    field.name = name;
    field.kind = kind;
    return field;
}

static const struct reel_field type_field = make_field("type", REEL_FIELD_STRING);
static const struct reel_field count_field = make_field("count", REEL_FIELD_INTEGER);
static const struct reel_field *const fields[] = {&type_field, &count_field, nullptr};
static const char *const every_type[] = {"", nullptr};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    std::int64_t count = 0;
    struct reel_record *record = reel_upsert(tx, event->type);
    reel_field_int(record, "count", &count);
    reel_set_str(record, "type", event->type);
    reel_set_int(record, "count", count + 1);
    return REEL_APPLIED;
}

static struct reel_projector make_projector() {
    struct reel_projector projector {};
    projector.struct_size = sizeof projector;
    projector.revision = 1;
    projector.collection = "types";
    projector.type_prefixes = every_type;
    projector.fields = fields;
    projector.evolve = evolve;
    return projector;
}

static const struct reel_projector types = make_projector();
static const struct reel_projector *const projectors[] = {&types, nullptr};

static struct reel_plugin make_plugin() {
    struct reel_plugin plugin {};
    plugin.header = REEL_PLUGIN_HEADER;
    plugin.name = "count";
    plugin.version = "1.0.0";
    plugin.projectors = projectors;
    return plugin;
}

/* ---- The program ----------------------------------------------------------------------------- */

struct reel_deleter {
    void operator()(reel *open) const {
        reel_close(open);
    }
    void operator()(struct reel_view *open) const {
        reel_view_close(open);
    }
};
using reel_ptr = std::unique_ptr<reel, reel_deleter>;
using view_ptr = std::unique_ptr<reel_view, reel_deleter>;

static int run(reel *engine, const struct reel_plugin *plugin, struct reel_error *error) {
    int rc = reel_add_plugin(engine, plugin, error);
    if (rc == 0) rc = reel_start(engine, error);
    for (std::string line; rc == 0 && std::getline(std::cin, line);)
        rc = reel_apply(engine, {line.data(), line.size()}, nullptr, error);
    struct reel_view *opened = nullptr;
    if (rc == 0) rc = reel_view_open(engine, &opened, error);
    if (rc != 0) return rc;
    view_ptr view(opened);
    auto print = [](void *, const struct reel_row *row) -> int {
        std::cout.write(row->json.data, static_cast<std::streamsize>(row->json.len)) << '\n';
        return 0;
    };
    return reel_view_list(view.get(), "types", reel_text(nullptr), false, print, nullptr);
}

int main() {
    static const struct reel_plugin plugin = make_plugin();
    struct reel_options options {};
    options.struct_size = sizeof options;
    struct reel_error error {};
    reel *opened = nullptr;
    int rc = reel_open(&options, &opened, &error);
    reel_ptr engine(opened);
    if (rc == 0) rc = run(engine.get(), &plugin, &error);
    if (rc != 0) std::cerr << "count: " << error.text << '\n';
    return rc == 0 ? 0 : 1;
}
