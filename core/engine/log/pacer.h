/* pacer.h: limits the rate of background writing.
 *
 * Background writing shares the disk with the writer's syncs, and unpaced it makes each of them
 * many times slower. So it is allowed PACER_BYTES_PER_S and twice what the intake takes (what is
 * taken is filled with zeros before, and sealed afterwards, which writes less), and it pauses while
 * a sync is waiting for the disk. All that a process writes in the background to one store goes
 * through one pacer: the log's files, and backups.
 *
 * `reeld backup` is another process. It does not know when the daemon syncs, or what it takes: it
 * writes at PACER_BYTES_PER_S, in small steps. A sync beside it waits at most for one of them.
 */
#ifndef REEL_ENGINE_LOG_PACER_H
#define REEL_ENGINE_LOG_PACER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACER_BYTES_PER_S ((uint64_t)10 << 20)

struct pacer {
    atomic_uint_fast64_t taken; /* bytes that the writer has written */
    atomic_uint syncing;        /* number of syncs that wait for the disk */
    atomic_uint_fast64_t paced_ns;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    int64_t budget; /* bytes; below zero: used in advance */
    uint64_t refilled_ns, refilled_taken;
};

void pacer_init(struct pacer *pacer);
void pacer_finish(struct pacer *pacer);

/* For the writer: it has written this number of bytes; it begins a sync; it ends a sync. */
void pacer_took(struct pacer *pacer, size_t bytes);
void pacer_sync_begins(struct pacer *pacer);
void pacer_sync_ended(struct pacer *pacer);

/* The background: waits until it may write so many bytes. False: it must end instead, since `ended`
 * (or NULL) says so, which pacer_wake makes it look at. */
bool pacer_wait(struct pacer *pacer, size_t bytes, const atomic_bool *ended);
void pacer_wake(struct pacer *pacer);

#endif
