/* pacer.c: see pacer.h. A budget in bytes, which grows with time and with each write of the writer.
 * It may become negative, so that a piece that is larger than the budget can be written, too. */
#include "engine/log/pacer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"

#define BUDGET_MAX  ((int64_t)4 << 20)
#define WAIT_MS     20
#define SYNC_MS_MAX 200 /* a sync that takes longer is not waited for: both must go on */

void pacer_init(struct pacer *pacer) {
    *pacer = (struct pacer){.budget = BUDGET_MAX, .refilled_ns = clock_ns()};
    pthread_mutex_init(&pacer->lock, NULL);
    clock_condition(&pacer->changed);
}

void pacer_finish(struct pacer *pacer) {
    pthread_cond_destroy(&pacer->changed);
    pthread_mutex_destroy(&pacer->lock);
}

void pacer_took(struct pacer *pacer, size_t bytes) {
    atomic_fetch_add_explicit(&pacer->taken, bytes, memory_order_relaxed);
}

void pacer_sync_begins(struct pacer *pacer) {
    atomic_fetch_add(&pacer->syncing, 1);
}

void pacer_sync_ended(struct pacer *pacer) {
    unsigned syncing = atomic_fetch_sub(&pacer->syncing, 1);
    INVARIANT(syncing > 0);
}

static void refill(struct pacer *pacer, uint64_t now) {
    INVARIANT(lock_is_held(&pacer->lock));
    uint64_t taken = atomic_load_explicit(&pacer->taken, memory_order_relaxed);
    uint64_t since_ms = (now - pacer->refilled_ns) / 1000000;
    if (since_ms > 60000) since_ms = 60000;
    pacer->budget += (int64_t)(PACER_BYTES_PER_S / 1000 * since_ms);
    pacer->budget += (int64_t)(2 * (taken - pacer->refilled_taken));
    if (pacer->budget > BUDGET_MAX) pacer->budget = BUDGET_MAX;
    pacer->refilled_ns += (now - pacer->refilled_ns) / 1000000 * 1000000;
    pacer->refilled_taken = taken;
}

bool pacer_wait(struct pacer *pacer, size_t bytes, const atomic_bool *ended) {
    HOLD_LOCK(&pacer->lock);
    uint64_t began = clock_ns(), now = began;
    while (!ended || !atomic_load(ended)) {
        refill(pacer, now);
        bool sync_waits =
            atomic_load(&pacer->syncing) > 0 && now - began < (uint64_t)SYNC_MS_MAX * 1000000;
        if (pacer->budget > 0 && !sync_waits) break;
        struct timespec until = clock_after(pacer->budget > 0 ? 1 : WAIT_MS);
        pthread_cond_timedwait(&pacer->changed, &pacer->lock, &until);
        now = clock_ns();
    }
    pacer->budget -= (int64_t)bytes;
    atomic_fetch_add(&pacer->paced_ns, now - began);
    return !ended || !atomic_load(ended);
}

void pacer_wake(struct pacer *pacer) {
    HOLD_LOCK(&pacer->lock);
    pthread_cond_broadcast(&pacer->changed);
}
