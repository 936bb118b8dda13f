/* last_words.c: says why before it aborts, when data.id is a list. */
#include "faulty.h"

#include <unistd.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    static const char words[] = "first line\nthe table is upside down\n";
    struct reel_record *record;
    if (reel_kind_of(reel_get(event->data, "id")) == REEL_ARRAY) {
        if (write(STDERR_FILENO, words, sizeof words - 1) > 0) abort();
    }
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
