/* case_settings.c: does a projector work with every value that its settings may have? */
#include "base/text.h"
#include "check/bench.h"
#include "check/cases.h"
#include "check/guard.h"

#include <inttypes.h>
#include <stdio.h>

/* What to give a setting in this run; NULL: leave it. Which texts are allowed is not known. */
static const char *choose(const struct reel_setting *setting, uint64_t *random, char space[32]) {
    uint32_t count = 0;
    switch (setting->kind) {
    case REEL_SETTING_NUMBER:
        snprintf(space, 32, "%" PRIu64, chance_below(random, 2) ? setting->min : setting->max);
        return space;
    case REEL_SETTING_SWITCH:
        return chance_below(random, 2) ? "true" : "false";
    case REEL_SETTING_ONE_OF:
        while (setting->values[count]) count++;
        return setting->values[chance_below(random, count)];
    default:
        return NULL;
    }
}

/* If the plugin crashes, the finding has these lines, as the last output of the process. */
static void give(const struct reel_projector *projector, uint64_t *random) {
    struct reel_error error;
    for (size_t n = 0; projector->settings && projector->settings[n]; n++) {
        char space[32];
        const char *name = projector->settings[n]->name;
        const char *values[] = {choose(projector->settings[n], random, space), NULL};
        if (!values[0]) continue;
        guard_must(engine_change_setting(bench.reel, projector->collection, name, values, &error),
                   &error);
        fprintf(stderr, "%s=%s\n", name, values[0]);
    }
}

void case_settings(struct maker *maker) {
    uint64_t random = maker->random;
    for (uint32_t i = 0; i < bench.plugin->projector_count; i++)
        give(&bench.plugin->projectors[i].declared, &random);
    case_rules(maker);
}
