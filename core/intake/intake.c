/* intake.c: see intake.h. */
#include "intake/intake.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

/* Between two looks at the log's retention, and at a store that could not be written. */
#define TICK_MS 1000

/* What of a transaction's time may be spent on waiting for others to join the next. */
#define PATIENCE_PART 4

/* Most jobs in one transaction, however small they are. */
#define GROUP_MAX 4096

struct intake {
    struct intake_options options;
    pthread_t thread;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;  /* something was pushed, or `stopping` was set */
    pthread_cond_t idle;  /* the queue is empty and nothing is being done */
    struct job *first, **last;
    uint64_t queue_events, queue_bytes;
    uint64_t wanted_events; /* with so many waiting, the writer begins */
    bool busy, draining, stopping, broken, disk_full;
    bool caught_up;
    uint64_t commits, trimmed;

    struct histogram commit_times;
    struct work *group[GROUP_MAX]; /* the writer's, as are these: of the last group */
    uint64_t group_events, group_ns;
};

/* ---- The queue ------------------------------------------------------------------------------- */

static uint64_t job_events(const struct job *job) {
    return job->work.kind == WORK_EVENTS ? job->work.count : 1;
}

static int check_job(const struct intake *intake, uint64_t events, uint64_t bytes,
                     struct reel_error *error) {
    const struct intake_options *options = &intake->options;
    if (intake->broken) return fail(error, -EIO, "the store failed earlier");
    if (intake->draining) return fail(error, -ESHUTDOWN, "the daemon is about to end");
    if (events > options->batch_events_max || bytes > options->batch_bytes_max)
        return fail(error, -E2BIG,
                    "%llu events of %llu bytes, a transaction takes at most %llu of %llu",
                    (unsigned long long)events, (unsigned long long)bytes,
                    (unsigned long long)options->batch_events_max,
                    (unsigned long long)options->batch_bytes_max);
    if (intake->queue_events > 0 && (intake->queue_events + events > options->queue_events_max ||
                                     intake->queue_bytes + bytes > options->queue_bytes_max))
        return fail(error, -EAGAIN, "the queue is full: %llu events of %llu bytes are waiting",
                    (unsigned long long)intake->queue_events,
                    (unsigned long long)intake->queue_bytes);
    return 0;
}

int intake_push(struct intake *intake, struct job *job, struct reel_error *error) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    uint64_t events = job_events(job);
    int rc = check_job(intake, events, job->bytes, error);
    if (rc < 0) return rc;
    job->next = NULL;
    *intake->last = job;
    intake->last = &job->next;
    intake->queue_events += events;
    intake->queue_bytes += job->bytes;
    if (intake->queue_events >= intake->wanted_events) pthread_cond_signal(&intake->work);
    return 0;
}

/* Senders who were answered together come again together, and the first of them would have a
 * transaction, with its syncs, for himself, while all others wait. So after a group of several as
 * many are waited for, for a part of the time that it took. Call with the lock held. */
static void await_others(struct intake *intake) {
    uint64_t until_ns = clock_ns() + intake->group_ns / PATIENCE_PART;
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    intake->wanted_events = intake->group_events;
    while (intake->queue_events < intake->wanted_events && !intake->draining)
        if (pthread_cond_timedwait(&intake->work, &intake->lock, &until) == ETIMEDOUT) break;
    intake->wanted_events = 0;
}

/* What one transaction takes of the queue. They count as queued until they are done: that is what
 * bounds memory. */
static struct job *take_group(struct intake *intake, size_t *ret_count) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    if (intake->first && intake->group_events > 1) await_others(intake);
    struct job *first = intake->first, *last = NULL;
    uint64_t events = 0, bytes = 0;
    size_t count = 0;
    for (struct job *job = first; job && count < GROUP_MAX; job = job->next) {
        events += job_events(job);
        bytes += job->bytes;
        if (count > 0 &&
            (events > intake->options.batch_events_max || bytes > intake->options.batch_bytes_max))
            break;
        intake->group[count++] = &job->work;
        last = job;
    }
    if (!last) return NULL;
    intake->first = last->next;
    if (!intake->first) intake->last = &intake->first;
    last->next = NULL;
    *ret_count = count;
    return first;
}

static void answer_group(struct intake *intake, struct job *first) {
    uint64_t events = 0, bytes = 0;
    while (first) {
        struct job *job = first;
        first = job->next;
        events += job_events(job);
        bytes += job->bytes;
        job->done(job);
    }
    intake->group_events = events;
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    intake->queue_events -= events;
    intake->queue_bytes -= bytes;
}

/* ---- The writer ------------------------------------------------------------------------------ */

static void trouble(struct intake *intake, int rc, const struct reel_error *error) {
    bool fatal = rc == -EIO, was_full;
    pthread_mutex_lock(&intake->lock);
    was_full = intake->disk_full;
    if (fatal) intake->broken = true;
    intake->disk_full = rc == -ENOSPC;
    pthread_mutex_unlock(&intake->lock);
    if (rc == -ENOSPC && was_full) return; /* said once, not a thousand times */
    intake->options.trouble(intake->options.context, fatal, error->text);
}

static void wrote(struct intake *intake) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    if (intake->disk_full)
        intake->options.trouble(intake->options.context, false, "the disk has room again");
    intake->disk_full = false;
    intake->commits++;
}

/* A sentence for the log, unless the fault is the job's own. */
static void look_for_trouble(struct intake *intake, struct work *const *group, size_t count) {
    bool good = false;
    for (size_t i = 0; i < count; i++) {
        int rc = group[i]->rc;
        good = good || rc == 0;
        if (rc == -EIO || rc == -ENOSPC || rc == -ENOMEM || rc == -EPROTO) {
            trouble(intake, rc, &group[i]->error);
            return;
        }
    }
    if (good) wrote(intake);
}

/* Does one group. False: nothing was waiting. */
static bool run_group(struct intake *intake) {
    size_t count;
    struct reel *reel = intake->options.reel;
    struct job *first = take_group(intake, &count);
    if (!first) return false;
    uint64_t began = clock_ns();
    works_run(reel, intake->group, count);
    intake->group_ns = clock_ns() - began;
    histogram_observe(&intake->commit_times, intake->group_ns);
    look_for_trouble(intake, intake->group, count);
    intake->options.moved(intake->options.context, reel_cursor(reel));
    answer_group(intake, first);
    return true;
}

/* 1: did something; 0: nothing is left to do; or it failed. */
static int catch_up_some(struct intake *intake) {
    struct reel_error error = {0};
    struct reel *reel = intake->options.reel;
    pthread_mutex_lock(&reel->writer);
    int rc = engine_catch_up_some(reel, &error);
    pthread_mutex_unlock(&reel->writer);
    if (rc < 0) trouble(intake, rc, &error);
    if (rc == 0) {
        AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
        intake->caught_up = true;
    }
    intake->options.moved(intake->options.context, reel_cursor(reel));
    return rc;
}

/* True: there is more to trim. */
static bool trim_some(struct intake *intake) {
    struct reel_error error = {0};
    uint64_t trimmed;
    int rc = retention_step(intake->options.reel, &intake->options.retention, &trimmed, &error);
    if (rc < 0 && rc != -EAGAIN && rc != -ETIME) trouble(intake, rc, &error);
    if (rc < 0) return false;
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    intake->trimmed += trimmed;
    return trimmed > 0;
}

/* Waits until something is pushed, it is to end, or a tick is over. False: it is to end. */
static bool wait_for_work(struct intake *intake, bool at_once) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    intake->busy = false;
    if (!intake->first) pthread_cond_broadcast(&intake->idle);
    while (!at_once && !intake->first && !intake->stopping)
        if (pthread_cond_timedwait(&intake->work, &intake->lock, &until) == ETIMEDOUT) break;
    intake->busy = true;
    return !intake->stopping && !intake->broken;
}

static void *run(void *context) {
    struct intake *intake = context;
    int behind = 1;
    bool at_once = true;
    uint64_t looked_ms = 0;
    while (wait_for_work(intake, at_once)) {
        if (behind != 0) {
            behind = catch_up_some(intake);
            at_once = behind > 0;
            if (behind != 0) continue;
        }
        at_once = run_group(intake);
        if (at_once && clock_ms() - looked_ms < TICK_MS) continue;
        if (trim_some(intake))
            at_once = true;
        else
            looked_ms = clock_ms();
        store_check_readers(&intake->options.reel->dispatcher.store);
    }
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

int intake_start(const struct intake_options *options, struct intake **ret,
                 struct reel_error *error) {
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake) return fail_memory(error);
    intake->options = *options;
    intake->last = &intake->first;
    intake->busy = true;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&intake->work, &monotonic);
    pthread_cond_init(&intake->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&intake->lock, NULL);
    int rc = pthread_create(&intake->thread, NULL, run, intake);
    if (rc != 0) {
        free(intake);
        return fail(error, -rc, "cannot start the writer thread: %s", strerror(rc));
    }
    *ret = intake;
    return 0;
}

void intake_drain(struct intake *intake, uint32_t timeout_ms) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    intake->draining = true;
    while ((intake->first || intake->busy) && intake->caught_up && !intake->broken)
        if (pthread_cond_timedwait(&intake->idle, &intake->lock, &until) == ETIMEDOUT) return;
}

static void refuse_rest(struct intake *intake) {
    struct job *job = intake->first;
    while (job) {
        struct job *next = job->next;
        job->work.rc = fail(&job->work.error, -ESHUTDOWN, "the daemon has ended");
        job->done(job);
        job = next;
    }
}

void intake_stop(struct intake *intake) {
    pthread_mutex_lock(&intake->lock);
    intake->draining = intake->stopping = true;
    pthread_cond_signal(&intake->work);
    pthread_mutex_unlock(&intake->lock);
    pthread_join(intake->thread, NULL);
    refuse_rest(intake);
}

void intake_destroy(struct intake *intake) {
    if (!intake) return;
    pthread_cond_destroy(&intake->work);
    pthread_cond_destroy(&intake->idle);
    pthread_mutex_destroy(&intake->lock);
    free(intake);
}

/* ---- Figures --------------------------------------------------------------------------------- */

void intake_read(struct intake *intake, struct intake_figures *ret) {
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&intake->lock);
    *ret = (struct intake_figures){
        .caught_up = intake->caught_up,
        .queue_events = intake->queue_events,
        .queue_bytes = intake->queue_bytes,
        .commits = intake->commits,
        .trimmed = intake->trimmed,
        .disk_full = intake->disk_full,
    };
}

struct histogram *intake_commit_times(struct intake *intake) {
    return &intake->commit_times;
}
