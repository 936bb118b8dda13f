/* divides_by_setting.c: divides by a setting less one: the smallest value that it allows is 1. */
#define PROJECTOR_EVOLVE   divide
#define PROJECTOR_SETTINGS fixture_settings
#include "faulty.h"

static reel_outcome divide(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    volatile int64_t divisor = (int64_t)reel_tx_setting_number(tx, "show_max") - 1;
    volatile int64_t share = 1000 / divisor;
    (void)share;
    return fold_well(tx, event, &record);
}

#include "../plugins/fixture.h"
