/* fold_support.c: see fold_support.h. */
#include "unit.h"

#include "engine/fold/host.h"
#include "engine/fold/units.h"
#include "fold_support.h"

#include <stdlib.h>

reel_verdict (*folding_decide)(struct reel_decision *decision, const struct reel_command *command);

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    (void)tx;
    (void)event;
    return REEL_IGNORED;
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    return folding_decide(decision, command);
}

#define FIELD(field)                                                                               \
    &(const struct reel_field) {                                                                   \
        .struct_size = sizeof(struct reel_field), .name = (field), .kind = REEL_FIELD_STRING       \
    }
static const struct reel_field *const fields[] = {FIELD("a"), FIELD("b"), NULL};
static const char *const prefixes[] = {"t", NULL};
static const struct reel_command_info go = {.struct_size = sizeof go, .verb = "go"};
static const struct reel_command_info *const commands[] = {&go, NULL};
static const struct reel_projector things = {
    .struct_size = sizeof things,
    .revision = 1,
    .collection = "things",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
    .commands = commands,
    .decide = decide,
};
static const struct reel_projector others = {
    .struct_size = sizeof others,
    .revision = 1,
    .collection = "others",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&things, &others, NULL};
const struct reel_plugin folding_plugin = {
    .header = REEL_PLUGIN_HEADER, .name = "folding", .version = "1", .projectors = projectors};

void folding_open(struct folding *folding, const struct reel_plugin *plugin) {
    const struct store_state position = {.first_seq = 1};
    struct reel_error error;
    void *store;
    open_store(&store);
    folding->store = store;
    folding->fold.host = &host_table;
    folding->fold.key_bytes_max = 1000;
    must_ok(plugin_adopt(plugin, &folding->plugin, &error), error);
    must_ok(registry_add(&folding->registry, folding->plugin, store, &folding->fold, &error),
            error);
    store_abort(store);
    must_ok(units_link(folding->registry.collections, folding->registry.count, &error), error);
    must_ok(registry_open(&folding->registry, &error), error);
    must_ok(store_begin(store, &error), error);
    must_ok(registry_start(&folding->registry, &position, &error), error);
    commit_and_begin(store);
    folding->things = registry_find(&folding->registry, STR("things"));
    folding->others = registry_find(&folding->registry, STR("others"));
    must(folding->things);
}

void folding_close(struct folding *folding) {
    void *store = folding->store;
    registry_finish(&folding->registry);
    fold_finish(&folding->fold);
    plugin_unload(folding->plugin);
    close_store(&store);
}

int folding_begin(void **state) {
    struct folding *folding = calloc(1, sizeof *folding);
    must(folding);
    folding_open(folding, &folding_plugin);
    must(folding->others);
    *state = folding;
    return 0;
}

int folding_finish(void **state) {
    folding_close(*state);
    free(*state);
    return 0;
}
