/* intake.c: see intake.h. */
#include "feeds/intake/intake.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Time between two checks of retention, and of a store that could not be written. */
#define TICK_MS 1000

/* After a group, the writer waits for further jobs for at most this part of the time that the group
 * took. */
#define PATIENCE_PART 4

/* A part of a stream may be larger than other work by this factor. Parts are large only while the
 * log is far behind, and then no client waits for them. */
#define MIRROR_FACTOR 16

/* Events of a rebuild that are folded between two groups: so many for each event of the group and
 * some more, so that the rebuild reaches the cursor however many events come. While there are no
 * jobs, the slices are larger. */
#define BUILD_FACTOR     4
#define BUILD_EVENTS_MIN 64
#define BUILD_EVENTS     4096

/* Time between two looks whether a rebuild that waits for the disk can go on. */
#define BUILD_WAIT_MS 20

/* Most jobs in one transaction, however small they are. */
#define GROUP_MAX 4096

/* Most bytes of several jobs in one transaction: a frame of the log is read and written at once.
 * One job may have more. */
#define GROUP_BYTES_MAX ((uint64_t)16 << 20)

struct intake {
    struct intake_options options;
    pthread_t thread;

    pthread_mutex_t lock; /* protects the members below */
    pthread_cond_t work;  /* something was pushed, or `stopping` was set */
    pthread_cond_t idle;  /* the queue is empty and nothing is being done */
    struct job *first, **last;
    uint64_t queue_events, queue_bytes;
    uint64_t queue_jobs, wanted_jobs; /* the writer begins when this number of jobs waits */
    bool busy, draining, stopping, broken, disk_full;
    bool caught_up;
    uint64_t commits, trimmed;

    struct histogram commit_times;
    struct work *group[GROUP_MAX]; /* used by the writer only: the last group */
    uint64_t group_senders, group_events, group_ns;
    bool builds; /* used by the writer only: something is being rebuilt */
};

/* ---- The queue ------------------------------------------------------------------------------- */

static uint64_t job_events(const struct job *job) {
    return job->work.kind == WORK_COMMAND ? 1 : job->work.count;
}

/* The memory of a waiting job: its payload, and its own needs. */
static uint64_t job_memory(const struct job *job) {
    enum { BESIDES_BYTES = 2048 };
    return job->bytes + BESIDES_BYTES;
}

static int check_job(const struct intake *intake, const struct job *job, struct reel_error *error) {
    const struct intake_options *options = &intake->options;
    uint64_t events = job_events(job), bytes = job->bytes;
    if (intake->broken) return fail(error, -EIO, "the store failed earlier");
    if (intake->draining) return fail(error, -ESHUTDOWN, "the daemon is about to end");
    if (events > options->batch_events_max || bytes > options->batch_bytes_max)
        return fail(
            error, -E2BIG,
            "%llu events of %llu bytes; a transaction has at most %llu events of %llu bytes",
            (unsigned long long)events, (unsigned long long)bytes,
            (unsigned long long)options->batch_events_max,
            (unsigned long long)options->batch_bytes_max);
    if (intake->queue_events > 0 &&
        (intake->queue_events + events > options->queue_events_max ||
         intake->queue_bytes + job_memory(job) > options->queue_bytes_max))
        return fail(error, -EAGAIN, "the queue is full: %llu events of %llu bytes are waiting",
                    (unsigned long long)intake->queue_events,
                    (unsigned long long)intake->queue_bytes);
    return 0;
}

int intake_push(struct intake *intake, struct job *job, struct reel_error *error) {
    HOLD_LOCK(&intake->lock);
    INVARIANT(job->done);
    int rc = check_job(intake, job, error);
    if (rc < 0) return rc;
    job->next = NULL;
    *intake->last = job;
    intake->last = &job->next;
    intake->queue_jobs++;
    intake->queue_events += job_events(job);
    intake->queue_bytes += job_memory(job);
    if (intake->queue_jobs >= intake->wanted_jobs) pthread_cond_signal(&intake->work);
    return 0;
}

/* Clients whose requests were answered together usually send their next requests together. Without
 * this wait, the first of these requests would have a transaction, with its syncs, for itself,
 * while all others wait. So after a group of several jobs, the writer waits for as many jobs, for a
 * part of the time that the group took. Call it with the lock held. */
static void await_others(struct intake *intake) {
    INVARIANT(lock_is_held(&intake->lock));
    uint64_t until_ns = clock_ns() + intake->group_ns / PATIENCE_PART;
    struct timespec until = clock_at(until_ns);
    intake->wanted_jobs = intake->group_senders;
    while (intake->queue_jobs < intake->wanted_jobs && !intake->draining)
        if (pthread_cond_timedwait(&intake->work, &intake->lock, &until) == ETIMEDOUT) break;
    intake->wanted_jobs = 0;
}

/* Takes what fits into one transaction from the queue. The jobs count as queued until they are
 * done, because this is what limits memory. */
static struct job *next_group(struct intake *intake, size_t *ret_count) {
    HOLD_LOCK(&intake->lock);
    if (intake->first && intake->group_senders > 1) await_others(intake);
    struct job *first = intake->first, *last = NULL;
    uint64_t events = 0, bytes = 0;
    size_t count = 0;
    for (struct job *job = first; job && count < GROUP_MAX; job = job->next) {
        uint64_t factor = job->work.kind == WORK_MIRROR ? MIRROR_FACTOR : 1;
        events += job_events(job);
        bytes += job->bytes;
        if (count > 0 && (events > intake->options.batch_events_max * factor ||
                          bytes > intake->options.batch_bytes_max || bytes > GROUP_BYTES_MAX))
            break;
        intake->group[count++] = &job->work;
        last = job;
    }
    if (!last) return NULL;
    INVARIANT(count <= intake->queue_jobs);
    intake->first = last->next;
    if (!intake->first) intake->last = &intake->first;
    last->next = NULL;
    *ret_count = count;
    return first;
}

static void answer_group(struct intake *intake, struct job *first) {
    uint64_t jobs = 0, senders = 0, events = 0, bytes = 0;
    while (first) {
        struct job *job = first;
        first = job->next;
        jobs++;
        INVARIANT(jobs <= GROUP_MAX);
        if (job->work.kind != WORK_MIRROR) senders++;
        events += job_events(job);
        bytes += job_memory(job);
        job->done(job);
    }
    intake->group_senders = senders;
    intake->group_events = events;
    HOLD_LOCK(&intake->lock);
    INVARIANT(intake->queue_jobs >= jobs && intake->queue_events >= events &&
              intake->queue_bytes >= bytes);
    intake->queue_jobs -= jobs;
    intake->queue_events -= events;
    intake->queue_bytes -= bytes;
    INVARIANT(intake->queue_jobs > 0 || (intake->queue_events == 0 && intake->queue_bytes == 0));
}

/* ---- The writer ------------------------------------------------------------------------------ */

static void trouble(struct intake *intake, int rc, const struct reel_error *error) {
    bool fatal = rc == -EIO, was_full;
    {
        HOLD_LOCK(&intake->lock);
        was_full = intake->disk_full;
        if (fatal) intake->broken = true;
        if (fatal) pthread_cond_broadcast(&intake->idle);
        if (rc == -ENOSPC) intake->disk_full = true;
    }
    if (rc == -ENOSPC && was_full) return; /* reported once, not for each group */
    intake->options.trouble(intake->options.context, fatal, error->text);
}

/* Called after a successful write. */
static void has_room(struct intake *intake) {
    bool was_full;
    {
        HOLD_LOCK(&intake->lock);
        was_full = intake->disk_full;
        intake->disk_full = false;
    }
    if (was_full)
        intake->options.trouble(intake->options.context, false, "the disk has room again");
}

static void wrote(struct intake *intake, size_t commits) {
    has_room(intake);
    HOLD_LOCK(&intake->lock);
    intake->commits += commits;
}

/* Reports an error, unless it is the fault of a single job. An error that concerns all further
 * jobs, such as a full disk or a broken store, is the error of the last job. */
static void look_for_trouble(struct intake *intake, size_t count) {
    const struct work *worst = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct work *work = intake->group[i];
        int rc = work->rc;
        if (rc == -EIO || rc == -ENOSPC || rc == -ENOMEM || rc == -EPROTO) worst = work;
    }
    if (worst) trouble(intake, worst->rc, &worst->error);
}

/* Carries out one group. Returns false if no job was waiting. */
static bool run_group(struct intake *intake) {
    size_t count;
    struct reel *reel = intake->options.reel;
    struct job *first = next_group(intake, &count);
    if (!first) return false;
    uint64_t began = clock_ns();
    TRACE(TRACE_WRITER, "group begun: %zu jobs behind %" PRIu64, count, reel_cursor(reel));
    size_t commits = works_run(reel, intake->group, count);
    intake->group_ns = clock_ns() - began;
    TRACE(TRACE_WRITER, "group synced: %zu commits in %" PRIu64 " us", commits,
          intake->group_ns / 1000);
    histogram_observe(&intake->commit_times, intake->group_ns);
    if (commits > 0) wrote(intake, commits);
    look_for_trouble(intake, count);
    intake->options.committed(intake->options.context, reel_cursor(reel));
    TRACE(TRACE_WRITER, "visible up to %" PRIu64, reel_cursor(reel));
    answer_group(intake, first);
    return true;
}

/* Answers all queued jobs with this error. None of them is carried out. */
static void refuse_queued(struct intake *intake, int rc, const char *sentence) {
    struct job *first;
    size_t count;
    while ((first = next_group(intake, &count))) {
        for (size_t i = 0; i < count; i++)
            intake->group[i]->rc = fail(&intake->group[i]->error, rc, "%s", sentence);
        answer_group(intake, first);
    }
}

static bool is_draining(struct intake *intake) {
    HOLD_LOCK(&intake->lock);
    return intake->draining;
}

/* Returns 1 if it folded something, 0 if everything is folded, or an error. Queued jobs wait until
 * everything is folded, unless it cannot continue. */
static int catch_up_some(struct intake *intake) {
    struct reel_error error = {0};
    struct reel *reel = intake->options.reel;
    int rc = engine_catch_up_some(reel, &error);
    if (rc < 0) trouble(intake, rc, &error);
    if (rc > 0) has_room(intake);
    if (rc < 0) refuse_queued(intake, rc, error.text);
    if (rc == 0) {
        HOLD_LOCK(&intake->lock);
        intake->caught_up = true;
    }
    intake->options.committed(intake->options.context, reel_cursor(reel));
    return rc;
}

/* Returns true if there is more to trim. */
static bool trim_some(struct intake *intake) {
    struct reel_error error = {0};
    uint64_t trimmed;
    int rc = retention_step(intake->options.reel, &intake->options.retention, &trimmed, &error);
    if (rc < 0 && rc != -EAGAIN && rc != -ETIME) trouble(intake, rc, &error);
    if (rc < 0) return false;
    HOLD_LOCK(&intake->lock);
    intake->trimmed += trimmed;
    return trimmed > 0;
}

/* A slice of a rebuild, or of an index of fields, after a group or without one. Returns how long
 * the writer may wait for jobs now. */
static uint32_t build_some(struct intake *intake, bool after_group) {
    struct reel_error error = {0};
    uint64_t events =
        after_group ? BUILD_FACTOR * intake->group_events + BUILD_EVENTS_MIN : BUILD_EVENTS;
    struct reel *reel = intake->options.reel;
    int rc = engine_build_some(reel, events, &error);
    if (rc < 0) trouble(intake, rc, &error);
    if (rc == 0 && intake->builds) /* other records may be visible, at the same cursor */
        intake->options.committed(intake->options.context, reel_cursor(reel));
    intake->builds = rc > 0;
    return rc == 1 ? 0 : rc == 2 ? BUILD_WAIT_MS : TICK_MS;
}

static bool is_disk_full(struct intake *intake) {
    HOLD_LOCK(&intake->lock);
    return intake->disk_full;
}

/* Checks whether the disk has space again. Clients that see that the daemon is not ready may send
 * nothing, so the writer must try by itself. */
static void look_for_room(struct intake *intake) {
    struct reel_error error = {0};
    struct reel *reel = intake->options.reel;
    if (!is_disk_full(intake)) return;
    int rc = engine_try_room(reel, &error);
    if (rc < 0)
        trouble(intake, rc, &error);
    else
        has_room(intake);
    intake->options.committed(intake->options.context,
                              reel_cursor(reel)); /* here it means that readiness has changed */
}

/* Waits until a job is pushed, the thread must end, or the time is over. Returns false if it must
 * end. */
static bool wait_for_work(struct intake *intake, uint32_t most_ms) {
    HOLD_LOCK(&intake->lock);
    struct timespec until = clock_after(most_ms);
    INVARIANT(intake->busy); /* only the writer sets it, and only here */
    intake->busy = false;
    if (!intake->first) pthread_cond_broadcast(&intake->idle);
    while (most_ms > 0 && !intake->first && !intake->stopping)
        if (pthread_cond_timedwait(&intake->work, &intake->lock, &until) == ETIMEDOUT) break;
    intake->busy = true;
    return !intake->stopping && !intake->broken;
}

static void *run(void *context) {
    struct intake *intake = context;
    int behind = 1;
    uint32_t wait_ms = 0;
    uint64_t looked_ms = 0;
    while (wait_for_work(intake, wait_ms)) {
        if (behind != 0) {
            behind = catch_up_some(intake);
            bool at_once = behind > 0 && !is_draining(intake);
            if (behind > 0 && !at_once)
                refuse_queued(intake, -ESHUTDOWN, "the daemon is about to end");
            wait_ms = at_once ? 0 : TICK_MS;
            if (behind != 0) continue;
        }
        bool had_jobs = run_group(intake);
        bool may_build = !is_disk_full(intake) && !is_draining(intake);
        wait_ms = may_build ? build_some(intake, had_jobs) : TICK_MS;
        if (had_jobs) wait_ms = 0;
        if (wait_ms < TICK_MS && clock_ms() - looked_ms < TICK_MS) continue;
        if (trim_some(intake))
            wait_ms = 0;
        else
            looked_ms = clock_ms();
        look_for_room(intake);
        engine_tick(intake->options.reel);
    }
    if (intake->broken) refuse_queued(intake, -EIO, "the store failed earlier");
    return NULL;
}

/* ---- Creating and destroying ----------------------------------------------------------------- */

int intake_start(const struct intake_options *options, struct intake **ret,
                 struct reel_error *error) {
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake) return fail_memory(error);
    intake->options = *options;
    intake->last = &intake->first;
    intake->busy = true;
    clock_condition(&intake->work);
    clock_condition(&intake->idle);
    pthread_mutex_init(&intake->lock, NULL);
    int rc = thread_start(&intake->thread, "reel-intake", run, intake);
    if (rc < 0) {
        free(intake);
        return fail(error, rc, "cannot start the writer thread: %s", strerror(-rc));
    }
    *ret = intake;
    return 0;
}

void intake_drain(struct intake *intake, uint32_t timeout_ms) {
    HOLD_LOCK(&intake->lock);
    struct timespec until = clock_after(timeout_ms);
    intake->draining = true;
    while ((intake->first || intake->busy) && !intake->broken)
        if (pthread_cond_timedwait(&intake->idle, &intake->lock, &until) == ETIMEDOUT) return;
}

void intake_stop(struct intake *intake) {
    {
        HOLD_LOCK(&intake->lock);
        INVARIANT(!intake->stopping);
        intake->draining = intake->stopping = true;
        pthread_cond_signal(&intake->work);
    }
    pthread_join(intake->thread, NULL);
    refuse_queued(intake, -ESHUTDOWN, "the daemon has ended");
}

void intake_destroy(struct intake *intake) {
    if (!intake) return;
    INVARIANT(intake->stopping && !intake->first && intake->queue_jobs == 0);
    pthread_cond_destroy(&intake->work);
    pthread_cond_destroy(&intake->idle);
    pthread_mutex_destroy(&intake->lock);
    free(intake);
}

/* ---- Metrics --------------------------------------------------------------------------------- */

void intake_read(struct intake *intake, struct intake_metrics *ret) {
    HOLD_LOCK(&intake->lock);
    *ret = (struct intake_metrics){
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
