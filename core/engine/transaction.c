/* transaction.c: see transaction.h. */
#include "engine/transaction.h"

#include "base/cleanup.h"
#include "base/invariant.h"

void transaction_publish(struct reel *reel) {
    INVARIANT(lock_is_held(&reel->writer));
    INVARIANT(!store_is_writing(&reel->dispatcher.store)); /* only what is committed is published */
    HOLD_LOCK(&reel->moved_lock);
    if (reel->cursor == reel->dispatcher.committed.cursor) return;
    reel->cursor = reel->dispatcher.committed.cursor;
    pthread_cond_broadcast(&reel->moved);
}

int transaction_end(struct reel *reel, int rc, struct reel_error *error) {
    rc = dispatcher_end(&reel->dispatcher, rc, error);
    if (rc == 0) transaction_publish(reel);
    return rc;
}

int transaction_catch_up_some(struct reel *reel, struct reel_error *error) {
    INVARIANT(lock_is_held(&reel->writer));
    views_expire(&reel->views);
    int rc = dispatcher_catch_up(&reel->dispatcher, error);
    transaction_publish(reel);
    report_progress(&reel->reporter, &reel->dispatcher);
    return rc;
}

bool transaction_builds(const struct reel *reel) {
    const struct registry *registry = &reel->dispatcher.registry;
    uint64_t behind;
    return registry_unbuilt(registry) || registry_beside(registry, 0, &behind);
}

int transaction_build_some(struct reel *reel, uint64_t events_max, struct reel_error *error) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    INVARIANT(lock_is_held(&reel->writer));
    if (!transaction_builds(reel)) return 0;
    views_expire(&reel->views);
    int rc = checkpoint_last_failure(&dispatcher->store, error);
    if (rc == 0) rc = dispatcher_build_some(dispatcher, events_max, error);
    report_progress(&reel->reporter, dispatcher);
    return rc;
}

int transaction_catch_up(struct reel *reel, struct reel_error *error) {
    int rc;
    do rc = transaction_catch_up_some(reel, error);
    while (rc > 0);
    return rc;
}
