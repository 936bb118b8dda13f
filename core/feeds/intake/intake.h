/* intake.h: the one writer thread, and the bounded queue in front of it.
 *
 * Whoever wants something written pushes a job; the writer takes all that is waiting, up to what
 * one transaction takes, and has it done as one (work.h). So a lone job is committed at once,
 * and under load many share a sync. A full queue refuses: whoever pushes is to be told "later".
 *
 * Before the first job, the writer folds what collections are behind; between jobs, and once a
 * second, it trims the log (retention.h), in small steps.
 *
 * Threads: intake_push, intake_read and intake_commit_times from any; the rest from the one that
 * started it. The callbacks run on the writer thread, or in intake_stop, and must not block.
 */
#ifndef REEL_FEEDS_INTAKE_INTAKE_H
#define REEL_FEEDS_INTAKE_INTAKE_H

#include "base/histogram.h"
#include "engine/engine.h"
#include "feeds/intake/retention.h"

struct job {
    struct work work;
    uint64_t bytes;                /* of its payload */
    void (*done)(struct job *job); /* the job is the caller's again */
    void *context;                 /* of `done` */
    struct job *next;              /* the queue's */
};

struct intake_options {
    struct reel *reel;
    uint64_t queue_events_max;
    uint64_t queue_bytes_max;
    uint64_t batch_events_max; /* of one transaction: as the Reel was opened with */
    uint64_t batch_bytes_max;
    struct retention retention;

    /* The cursor has moved, or it has caught up. */
    void (*committed)(void *context, uint64_t cursor);
    /* Something for the operator's log; `fatal`: the store is broken, and the process must end. */
    void (*trouble)(void *context, bool fatal, const char *sentence);
    void *context;
};

struct intake_metrics {
    bool caught_up;
    uint64_t queue_events, queue_bytes;
    uint64_t commits;
    uint64_t trimmed; /* events */
    bool disk_full;   /* the last attempt to write found it so */
};

struct intake;

int intake_start(const struct intake_options *options, struct intake **ret,
                 struct reel_error *error);

/* 0: `done` will be called. -EAGAIN: the queue is full; -E2BIG: it can never fit; -ESHUTDOWN: it
 * is draining; -EIO: the store is broken. */
int intake_push(struct intake *intake, struct job *job, struct reel_error *error);

/* Refuses new jobs, and returns when those that are queued are done, or after `timeout_ms`; those
 * behind a catch-up are refused, too. It can be called again. */
void intake_drain(struct intake *intake, uint32_t timeout_ms);

/* Ends the thread after what it is doing; jobs that are still queued are answered -ESHUTDOWN, and
 * so is whatever is pushed afterwards. */
void intake_stop(struct intake *intake);
void intake_destroy(struct intake *intake); /* takes NULL; stopped */

void intake_read(struct intake *intake, struct intake_metrics *ret);
struct histogram *intake_commit_times(struct intake *intake);

#endif
