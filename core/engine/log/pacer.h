/* pacer.h: limits the rate of background writing.
 *
 * Background writing shares the disk with the writer's syncs. Without a limit, it makes each sync
 * many times slower. So it may write PACER_BYTES_PER_S and twice the bytes that the writer writes:
 * each byte of the log is first filled with zeros, and later sealed, which writes less. It also
 * pauses while a sync waits for the disk.
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
    atomic_bool ended;
    pthread_mutex_t lock; /* protects the members below */
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

/* For background writing: waits until this number of bytes may be written. False: the thread must
 * end. */
bool pacer_wait(struct pacer *pacer, size_t bytes);

/* Ends all waiting. */
void pacer_end(struct pacer *pacer);

#endif
