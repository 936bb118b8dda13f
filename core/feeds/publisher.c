/* publisher.c: see publisher.h. In this order: the life of one publication; the thread; creating
 * and destroying a publisher. */
#include "feeds/publisher.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "event/subject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNCLEAR "the event may be in the stream, or not: sent again, it will be there once"

#define TICK_MS 100
#define BUCKETS 1024

struct publication;

/* One event that was published, or will be, and has not come back yet. */
struct awaited {
    struct publication *publication;
    const struct outgoing *outgoing;
    struct awaited *next; /* in its bucket; older events with the same id come first */
    uint64_t seq; /* the seq at which the event was appended, in a transaction that may still be
                     undone */
    reel_outcome outcome;
    uint64_t stream_seq; /* the seq that the broker reported; set with `acknowledged` */
    bool acknowledged, repeated;
    bool is_other; /* the event that came back belongs to a command with another body */
    bool folded;   /* the event is folded and committed */
};

struct publication {
    struct publisher *publisher;
    struct job *job;
    void (*done)(struct job *job); /* the job's own values, which are restored at the end */
    void *context;
    struct pending pending;
    struct awaited *awaited; /* one for each pending event */
    bool handed_over;
    int rc; /* an error: the broker refused an event, or it could not be published */
    struct reel_error why;
    uint64_t deadline_ms;
    bool tried_twice;
    struct publication *next;
};

struct publisher {
    struct publisher_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* protects the members below */
    pthread_cond_t work;  /* there is something to publish, or the thread must end */
    pthread_cond_t idle;  /* no job is left */
    bool open, draining, stopping;
    struct reel_error why; /* why it is not open */
    uint64_t jobs; /* jobs that were accepted and are not done, including those being tried */
    struct publication *queue, **queue_end; /* not yet given to the broker */
    struct publication *waiting;            /* given to the broker */
    struct awaited *buckets[BUCKETS];
    uint64_t published, publishing;
};

/* ---- The table of awaited events (with the lock held) ---------------------------------------- */

static struct awaited **bucket_of(struct publisher *publisher, const uint8_t id_hash[16]) {
    uint32_t number;
    memcpy(&number, id_hash, sizeof number);
    return &publisher->buckets[number % BUCKETS];
}

/* The next event with this id after `after`; or the first one, if `after` is NULL. */
static struct awaited *find(struct publisher *publisher, const uint8_t id_hash[16],
                            const struct awaited *after) {
    struct awaited *awaited = after ? after->next : *bucket_of(publisher, id_hash);
    while (awaited && memcmp(awaited->outgoing->id_hash, id_hash, 16) != 0) awaited = awaited->next;
    return awaited;
}

static void enlist(struct publisher *publisher, struct awaited *awaited) {
    INVARIANT(lock_is_held(&publisher->lock));
    struct awaited **at = bucket_of(publisher, awaited->outgoing->id_hash);
    while (*at) at = &(*at)->next;
    *at = awaited;
    publisher->publishing++;
}

static void delist(struct publisher *publisher, struct awaited *awaited) {
    INVARIANT(lock_is_held(&publisher->lock));
    struct awaited **at = bucket_of(publisher, awaited->outgoing->id_hash);
    while (*at && *at != awaited) at = &(*at)->next;
    if (!*at) return;
    INVARIANT(publisher->publishing > 0);
    *at = awaited->next;
    publisher->publishing--;
}

static void delist_all(struct publisher *publisher, struct publication *publication) {
    struct publication **at = &publisher->waiting;
    for (size_t i = 0; publication->awaited && i < publication->pending.count; i++)
        delist(publisher, &publication->awaited[i]);
    while (*at && *at != publication) at = &(*at)->next;
    if (*at) *at = publication->next;
}

/* ---- The end of a publication ---------------------------------------------------------------- */

static void publication_destroy(struct publication *publication) {
    pending_finish(&publication->pending);
    free(publication->awaited);
    free(publication);
}

static void job_ended(struct publisher *publisher) {
    HOLD_LOCK(&publisher->lock);
    INVARIANT(publisher->jobs > 0);
    if (--publisher->jobs == 0) pthread_cond_broadcast(&publisher->idle);
}

/* Gives the job back to its owner. Must not be called with the lock held, because the owner may
 * call any function. */
static void finish(struct publication *publication, int rc, const char *sentence) {
    struct publisher *publisher = publication->publisher;
    struct job *job = publication->job;
    INVARIANT(job->context == publication); /* it is ours until now */
    job->work.pending = NULL;
    job->context = publication->context;
    if (rc < 0) job->work.rc = fail(&job->work.error, rc, "%s", sentence);
    publication->done(job);
    publication_destroy(publication);
    job_ended(publisher);
}

/* Replaces the seq of the dry run by the seq of the stream. Stops after one match, because the
 * stream may have given the same number to another event. */
static void number_result(const struct publication *publication, struct reel_result *result) {
    for (size_t n = 0; n < publication->pending.count; n++) {
        const struct awaited *awaited = &publication->awaited[n];
        if (result->seq != awaited->outgoing->dry_run_seq) continue;
        result->seq = awaited->seq;
        result->outcome = awaited->outcome;
        rejection_list_tell(&publication->job->work.rejections, 0, result);
        if (awaited->repeated) result->repeated = true;
        return;
    }
}

static void number_results(struct publication *publication) {
    struct work *work = &publication->job->work;
    const struct awaited *last = &publication->awaited[publication->pending.count - 1];
    for (size_t i = 0; work->results && i < work->count; i++)
        number_result(publication, &work->results[i]);
    if (work->kind != WORK_COMMAND) return;
    if (last->is_other) {
        append_refuse_key(&work->answer);
        return;
    }
    work->answer.seq = work->answer.cursor = last->seq;
    work->answer.repeated = last->repeated;
}

/* ---- What to do next ------------------------------------------------------------------------- */

enum verdict { WAIT, DONE, REFUSED, TRY_AGAIN };

/* True if the stream holds the event already, and it was folded before this publication waited for
 * it. */
static bool was_before(const struct awaited *awaited) {
    return awaited->acknowledged && !awaited->folded && awaited->seq != awaited->stream_seq &&
           awaited->stream_seq <= reel_cursor(awaited->publication->publisher->options.reel);
}

/* The stream dropped the event because of a message with the same id, which is not this event:
 * after that message was folded, a second dry run did not find the event. */
static void refuse_left_out(struct publication *publication, const struct awaited *awaited) {
    publication->rc = -EAGAIN;
    error_set(&publication->why,
              "the stream did not store the event: its message %llu has the same Nats-Msg-Id, and "
              "is another event or no longer kept here; it can be sent again when the stream's "
              "duplicate window has passed",
              (unsigned long long)awaited->stream_seq);
}

/* `unclear`: no further answer of the broker will arrive. */
static enum verdict judge(struct publication *publication, bool unclear) {
    bool again = false;
    if (!publication->handed_over) return WAIT; /* the thread is publishing it */
    for (size_t i = 0; publication->rc == 0 && i < publication->pending.count; i++) {
        const struct awaited *awaited = &publication->awaited[i];
        if (awaited->folded && (awaited->acknowledged || unclear)) continue;
        if (!was_before(awaited)) return WAIT;
        if (publication->tried_twice) refuse_left_out(publication, awaited);
        again = true;
    }
    if (publication->rc < 0) return REFUSED;
    return again ? TRY_AGAIN
                 : DONE; /* all other events are back, and must not be published again */
}

/* Tries the job again: the writer now knows the events that were folded since. */
static void try_again(struct publication *publication) {
    struct reel_error error = {0};
    INVARIANT(!publication->tried_twice); /* or it would never end */
    publication->tried_twice = true;
    int rc = intake_push(publication->publisher->options.intake, publication->job, &error);
    if (rc < 0) finish(publication, rc, error.text);
}

/* Call this with the lock held after a publication has changed. Unless the verdict is WAIT, no
 * other thread finds the publication any more: call carry_out then, without the lock. */
static enum verdict settle(struct publisher *publisher, struct publication *publication,
                           bool unclear) {
    INVARIANT(lock_is_held(&publisher->lock));
    enum verdict verdict = judge(publication, unclear);
    if (verdict != WAIT) delist_all(publisher, publication);
    if (verdict == DONE) publisher->published += publication->pending.count;
    return verdict;
}

static void carry_out(struct publication *publication, enum verdict verdict) {
    switch (verdict) {
    case DONE:
        number_results(publication);
        finish(publication, 0, NULL);
        return;
    case REFUSED:
        finish(publication, publication->rc, publication->why.text);
        return;
    case TRY_AGAIN:
        try_again(publication);
        return;
    case WAIT:
        return;
    }
}

/* ---- The dry run ----------------------------------------------------------------------------- */

static int check_subjects(const struct publication *publication, struct reel_error *error) {
    const char *filter = publication->publisher->options.filter;
    for (size_t i = 0; i < publication->pending.count; i++) {
        struct reel_str subject = text_str(&publication->pending.list[i].subject);
        if (!subject_matches(reel_text(filter), subject))
            return fail(error, -EPROTO,
                        "it would be published to %.*s, which `%s` does not include: it would "
                        "never come back",
                        REEL_FMT(subject), filter);
    }
    return 0;
}

/* Queues the publication for the thread. If it returns an error, `error` has the reason. */
static int queue(struct publisher *publisher, struct publication *publication,
                 struct reel_error *error) {
    HOLD_LOCK(&publisher->lock);
    if (!publisher->open || publisher->stopping)
        return fail(error, -EAGAIN, "%s",
                    publisher->stopping ? "the daemon is about to end" : publisher->why.text);
    for (size_t i = 0; i < publication->pending.count; i++) {
        publication->awaited[i] =
            (struct awaited){.publication = publication, .outgoing = &publication->pending.list[i]};
        enlist(publisher, &publication->awaited[i]);
    }
    publication->next = NULL;
    *publisher->queue_end = publication;
    publisher->queue_end = &publication->next;
    pthread_cond_signal(&publisher->work);
    return 0;
}

/* Called when the dry run is done. [writer] */
static void tried(struct job *job) {
    struct publication *publication = job->context;
    struct publisher *publisher = publication->publisher;
    size_t count = publication->pending.count;
    struct reel_error error = {0};
    if (job->work.rc < 0 || count == 0) {
        finish(publication, 0, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) /* the reason for which this daemon would have rejected it */
        rejection_list_remove(&job->work.rejections, publication->pending.list[i].dry_run_seq);
    free(publication->awaited);
    publication->handed_over = false;
    publication->rc = 0;
    publication->awaited = calloc(count, sizeof *publication->awaited);
    int rc = publication->awaited ? check_subjects(publication, &error) : fail_memory(&error);
    if (rc == 0) rc = queue(publisher, publication, &error);
    if (rc < 0) finish(publication, rc, error.text);
}

static int job_begun(struct publisher *publisher, struct reel_error *error) {
    HOLD_LOCK(&publisher->lock);
    if (publisher->draining) return fail(error, -ESHUTDOWN, "the daemon is about to end");
    if (!publisher->open) return fail(error, -EAGAIN, "%s", publisher->why.text);
    publisher->jobs++;
    return 0;
}

int publisher_push(struct publisher *publisher, struct job *job, struct reel_error *error) {
    struct publication *publication = calloc(1, sizeof *publication);
    if (!publication) return fail_memory(error);
    *publication = (struct publication){
        .publisher = publisher,
        .job = job,
        .done = job->done,
        .context = job->context,
        .deadline_ms = clock_ms() + publisher->options.timeout_ms,
    };
    int rc = job_begun(publisher, error);
    if (rc < 0) {
        free(publication);
        return rc;
    }
    job->done = tried;
    job->context = publication;
    job->work.pending = &publication->pending;
    rc = intake_push(publisher->options.intake, job, error);
    if (rc == 0) return 0;
    job->done = publication->done;
    job->context = publication->context;
    job->work.pending = NULL;
    free(publication);
    job_ended(publisher);
    return rc;
}

/* ---- Events that come back ------------------------------------------------------------------- */

/* Stores the record of a command as its last event, this one, leaves it. */
static void show_record(struct reel *reel, struct publication *publication) {
    struct work *work = &publication->job->work;
    struct reel_str key = {work->answer.key, work->answer.key_len};
    char *record = NULL;
    size_t len = 0;
    if (engine_show_record(reel, work->request->collection, key, &record, &len, NULL) < 0) return;
    free(work->answer.record);
    work->answer.record = record;
    work->answer.record_len = len;
}

/* Who rejected it, now that it is folded. They are all that is known of it, so that without memory
 * for them the answer has less in it. */
static void take_reasons(struct reel *reel, struct publication *publication,
                         const struct appended *appended) {
    struct rejection_list *rejections = &publication->job->work.rejections;
    rejection_list_remove(rejections, appended->seq); /* of a transaction that was undone */
    if (appended->outcome == REEL_REJECTED)
        (void)engine_copy_rejections(reel, appended->seq, rejections);
}

void publisher_taken(void *context, struct reel *reel, const struct mirrored *event,
                     const struct appended *appended) {
    struct publisher *publisher = context;
    HOLD_LOCK(&publisher->lock);
    struct awaited *awaited = NULL;
    while ((awaited = find(publisher, event->id_hash, awaited))) {
        struct publication *publication = awaited->publication;
        const struct work *work = &publication->job->work;
        if (awaited->folded) continue;
        awaited->seq = appended->seq;
        awaited->outcome = appended->outcome;
        if (work->kind == WORK_EVENTS) take_reasons(reel, publication, appended);
        if (work->kind != WORK_COMMAND) continue;
        awaited->is_other =
            append_is_other_body(&event->answer, awaited->outgoing->answer.body_hash);
        if (awaited->is_other) continue; /* somebody else's, who used the same key */
        if (awaited == &publication->awaited[publication->pending.count - 1])
            show_record(reel, publication);
    }
}

/* Settles one publication that waits for this event. False: no further one waits for it. */
static bool commit_one(struct publisher *publisher, const struct mirrored *event) {
    struct publication *publication;
    enum verdict verdict;
    {
        HOLD_LOCK(&publisher->lock);
        struct awaited *awaited = find(publisher, event->id_hash, NULL);
        while (awaited && (awaited->seq != event->seq || awaited->folded))
            awaited = find(publisher, event->id_hash, awaited);
        if (!awaited) return false;
        awaited->folded = true;
        publication = awaited->publication;
        verdict = settle(publisher, publication, false);
    }
    carry_out(publication, verdict);
    return true;
}

void publisher_committed(struct publisher *publisher, const struct mirrored *event) {
    while (commit_one(publisher, event)) {
    }
}

void publisher_published(struct publisher *publisher, const uint8_t id_hash[16], int rc,
                         uint64_t seq, bool repeated, const char *sentence) {
    struct publication *publication;
    enum verdict verdict;
    {
        HOLD_LOCK(&publisher->lock);
        struct awaited *awaited = find(publisher, id_hash, NULL);
        while (awaited && awaited->acknowledged) awaited = find(publisher, id_hash, awaited);
        if (!awaited) return;
        publication = awaited->publication;
        awaited->acknowledged = true;
        awaited->repeated = repeated;
        awaited->stream_seq = seq;
        if (rc < 0) {
            publication->rc = rc;
            error_set(&publication->why, "%s", sentence);
        }
        verdict = settle(publisher, publication, false);
    }
    carry_out(publication, verdict);
}

/* Called with the lock held. Finds a publication that waits for an event under this subject and was
 * not refused yet. */
static struct awaited *find_by_subject(struct publisher *publisher, struct reel_str subject,
                                       bool is_whole) {
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct awaited *at = publisher->buckets[i]; at; at = at->next) {
            struct reel_str own = text_str(&at->outgoing->subject);
            if (!is_whole && own.len > subject.len) own.len = subject.len;
            bool is_it = reel_str_eq(own, subject);
            if (is_it && at->publication->rc == 0) return at;
        }
    return NULL;
}

/* Refuses one publication that waits for an event under this subject. False: there is none. */
static bool refuse_one(struct publisher *publisher, struct reel_str subject, bool is_whole,
                       const char *sentence) {
    struct publication *publication;
    enum verdict verdict;
    {
        HOLD_LOCK(&publisher->lock);
        struct awaited *awaited = find_by_subject(publisher, subject, is_whole);
        if (!awaited) return false;
        publication = awaited->publication;
        publication->rc = -EAGAIN;
        error_set(&publication->why, "the broker refused the event: %s", sentence);
        verdict = settle(publisher, publication, false);
    }
    carry_out(publication, verdict);
    return true;
}

void publisher_refused(struct publisher *publisher, struct reel_str subject, bool is_whole,
                       const char *sentence) {
    while (refuse_one(publisher, subject, is_whole, sentence)) {
    }
}

/* ---- Publishing ------------------------------------------------------------------------------ */

static struct publication *next_queued(struct publisher *publisher) {
    struct publication *first = publisher->queue;
    if (!first) return NULL;
    publisher->queue = first->next;
    if (!publisher->queue) publisher->queue_end = &publisher->queue;
    return first;
}

static int check_open(struct publisher *publisher, struct reel_error *error) {
    HOLD_LOCK(&publisher->lock);
    return publisher->open ? 0 : fail(error, -EAGAIN, "%s", publisher->why.text);
}

static void hand_over(struct publisher *publisher, struct publication *publication) {
    const struct publisher_options *options = &publisher->options;
    struct reel_error error = {0};
    int rc = check_open(publisher, &error);
    for (size_t i = 0; rc == 0 && i < publication->pending.count; i++)
        rc = options->broker->publish(options->broker_state, &publication->pending.list[i], &error);
    enum verdict verdict;
    {
        HOLD_LOCK(&publisher->lock);
        if (rc == 0 && !publisher->open) rc = fail(&error, -EAGAIN, UNCLEAR);
        if (rc < 0) {
            publication->rc = rc;
            publication->why = error;
        }
        INVARIANT(!publication->handed_over);
        publication->handed_over = true;
        publication->next = publisher->waiting;
        publisher->waiting = publication;
        verdict = settle(publisher, publication, false);
    }
    carry_out(publication, verdict);
}

/* Ends a publication whose time has passed, or any publication. False: there is none. */
static bool end_one(struct publisher *publisher, bool any, const char *why) {
    struct publication *late;
    enum verdict verdict;
    {
        HOLD_LOCK(&publisher->lock);
        uint64_t now = clock_ms();
        late = publisher->waiting;
        while (late && !any && late->deadline_ms > now) late = late->next;
        if (!late) return false;
        if (judge(late, true) != DONE && late->rc == 0) {
            late->rc = -EAGAIN;
            error_set(&late->why, "%s", why);
        }
        verdict = settle(publisher, late, true);
    }
    carry_out(late, verdict);
    return true;
}

/* Ends the publications whose time has passed, or all of them. */
static void end_late(struct publisher *publisher, bool all, const char *why) {
    while (end_one(publisher, all, why)) {
    }
}

/* Waits for the next publication to hand over: NULL after a tick. False: the thread must end. */
static bool await_queued(struct publisher *publisher, struct publication **ret) {
    HOLD_LOCK(&publisher->lock);
    if (publisher->stopping && !publisher->queue) return false;
    struct timespec until = clock_after(TICK_MS);
    if (!publisher->queue) pthread_cond_timedwait(&publisher->work, &publisher->lock, &until);
    *ret = next_queued(publisher);
    return true;
}

static void *run(void *context) {
    struct publisher *publisher = context;
    struct publication *next;
    while (await_queued(publisher, &next)) {
        if (next) hand_over(publisher, next);
        end_late(publisher, false, "it took longer than publish_ms_max: " UNCLEAR);
    }
    return NULL;
}

/* ---- The connection -------------------------------------------------------------------------- */

void publisher_open(struct publisher *publisher) {
    HOLD_LOCK(&publisher->lock);
    publisher->open = true;
}

void publisher_close(struct publisher *publisher, const char *why) {
    {
        HOLD_LOCK(&publisher->lock);
        publisher->open = false;
        error_set(&publisher->why, "%s", why);
    }
    end_late(publisher, true, "the connection to the broker was lost: " UNCLEAR);
}

/* ---- Creating and destroying ----------------------------------------------------------------- */

int publisher_start(const struct publisher_options *options, struct publisher **ret,
                    struct reel_error *error) {
    struct publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher) return fail_memory(error);
    publisher->options = *options;
    publisher->queue_end = &publisher->queue;
    error_set(&publisher->why, "there is no connection to the broker yet");
    pthread_mutex_init(&publisher->lock, NULL);
    clock_condition(&publisher->work);
    clock_condition(&publisher->idle);
    int rc = thread_start(&publisher->thread, "reel-publisher", run, publisher);
    if (rc < 0) {
        free(publisher);
        return fail(error, rc, "cannot start the publisher's thread: %s", strerror(-rc));
    }
    *ret = publisher;
    return 0;
}

void publisher_drain(struct publisher *publisher, uint32_t timeout_ms) {
    HOLD_LOCK(&publisher->lock);
    struct timespec until = clock_after(timeout_ms);
    publisher->draining = true;
    while (publisher->jobs > 0)
        if (pthread_cond_timedwait(&publisher->idle, &publisher->lock, &until) == ETIMEDOUT) return;
}

void publisher_stop(struct publisher *publisher) {
    {
        HOLD_LOCK(&publisher->lock);
        publisher->draining = publisher->stopping = true;
        pthread_cond_signal(&publisher->work);
    }
    pthread_join(publisher->thread, NULL);
    publisher_close(publisher, "the daemon has ended");
}

void publisher_destroy(struct publisher *publisher) {
    if (!publisher) return;
    INVARIANT(publisher->stopping && publisher->jobs == 0);
    INVARIANT(!publisher->queue && !publisher->waiting && publisher->publishing == 0);
    pthread_cond_destroy(&publisher->work);
    pthread_cond_destroy(&publisher->idle);
    pthread_mutex_destroy(&publisher->lock);
    free(publisher);
}

void publisher_read(struct publisher *publisher, uint64_t *ret_published,
                    uint64_t *ret_publishing) {
    HOLD_LOCK(&publisher->lock);
    *ret_published = publisher->published;
    *ret_publishing = publisher->publishing;
}
