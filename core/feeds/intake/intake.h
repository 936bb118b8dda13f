/* intake.h: the one writer thread, and the bounded queue in front of it.
 *
 * To write something, push a job. The writer takes all jobs that wait, as far as they fit into one
 * transaction, and carries them out together (work.h). So a single job is committed at once, and
 * under load many jobs share a sync. If the queue is full, a job is refused, and its sender must
 * try again later.
 *
 * Before the first job, the writer folds the events that collections have not folded yet. Between
 * jobs, and once a second, it trims the log in small steps (retention.h).
 *
 * Threads: intake_push, intake_read and intake_commit_times may be called from any thread, all
 * other functions only from the thread that started the intake. The callbacks run on the writer
 * thread, or in intake_stop, and must not block.
 */
#ifndef REEL_FEEDS_INTAKE_INTAKE_H
#define REEL_FEEDS_INTAKE_INTAKE_H

#include "base/histogram.h"
#include "engine/engine.h"
#include "feeds/intake/retention.h"

struct job {
    struct work work;
    uint64_t bytes;                /* size of its payload */
    void (*done)(struct job *job); /* gives the job back to the caller */
    void *context;                 /* for `done` */
    struct job *next;              /* for the queue */
};

struct intake_options {
    struct reel *reel;
    uint64_t queue_events_max;
    uint64_t queue_bytes_max;
    uint64_t batch_events_max; /* limits of one transaction; the same as in reel_options */
    uint64_t batch_bytes_max;
    struct retention retention;

    /* Called when the cursor has moved, or when all collections have caught up. */
    void (*committed)(void *context, uint64_t cursor);
    /* Called with a line for the operator's log. `fatal`: the store is broken, and the process must
     * end. */
    void (*trouble)(void *context, bool fatal, const char *sentence);
    void *context;
};

struct intake_metrics {
    bool caught_up;
    uint64_t queue_events, queue_bytes;
    uint64_t commits;
    uint64_t trimmed; /* number of events */
    bool disk_full;   /* the last attempt to write found that the disk is full */
};

struct intake;

int intake_start(const struct intake_options *options, struct intake **ret,
                 struct reel_error *error);

/* 0: `done` will be called. -EAGAIN: the queue is full; -E2BIG: the job is larger than the queue or
 * a transaction; -ESHUTDOWN: the intake is draining; -EIO: the store is broken. */
int intake_push(struct intake *intake, struct job *job, struct reel_error *error);

/* Refuses new jobs, and returns when the queued jobs are done, or after `timeout_ms`. Jobs that
 * wait for a catch-up are refused, too. It can be called again. */
void intake_drain(struct intake *intake, uint32_t timeout_ms);

/* Ends the thread after its current work. Queued jobs, and jobs that are pushed later, are answered
 * with -ESHUTDOWN. */
void intake_stop(struct intake *intake);
void intake_destroy(struct intake *intake); /* accepts NULL; must be stopped */

void intake_read(struct intake *intake, struct intake_metrics *ret);
struct histogram *intake_commit_times(struct intake *intake);

#endif
