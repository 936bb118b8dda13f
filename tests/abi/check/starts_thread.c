/* starts_thread.c: evolve lets a thread do it, and waits for that. */
#include "faulty.h"

#include <pthread.h>

static void *think(void *context) {
    return context;
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    pthread_t thread;
    if (pthread_create(&thread, NULL, think, NULL) == 0) pthread_join(thread, NULL);
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
