/* publisher.c: see publisher.h. Top down: one publication's life, then the thread. */
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

/* One event that is waited for. */
struct awaited {
    struct publication *publication;
    const struct outgoing *outgoing;
    struct awaited *next; /* in its bucket; older ones of the same id come first */
    uint64_t seq;         /* where it was taken in, in a transaction that may be undone */
    reel_outcome outcome;
    uint64_t stream_seq; /* as the broker told, when `acknowledged` */
    bool acknowledged, repeated;
    bool is_other; /* what came back is of a command with another body */
    bool folded;   /* and committed */
};

struct publication {
    struct publisher *publisher;
    struct job *job;
    void (*done)(struct job *job); /* the job's own, and what goes with it */
    void *context;
    struct pending pending;
    struct awaited *awaited; /* one for each of the pending */
    bool handed_over;
    int rc; /* the broker refused a part of it, or it could not be handed over */
    struct reel_error why;
    uint64_t deadline_ms;
    bool tried_twice;
    struct publication *next;
};

struct publisher {
    struct publisher_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;  /* there is something to publish, or it is to end */
    pthread_cond_t idle;  /* nothing is under way */
    bool open, draining, stopping;
    struct reel_error why;                  /* it is not open */
    uint64_t jobs;                          /* under way, the trying included */
    struct publication *queue, **queue_end; /* to be handed over */
    struct publication *waiting;            /* handed over */
    struct awaited *buckets[BUCKETS];
    uint64_t published, publishing;
};

/* ---- The table of what is waited for (under the lock) ---------------------------------------- */

static struct awaited **bucket_of(struct publisher *publisher, const uint8_t id_hash[16]) {
    uint32_t number;
    memcpy(&number, id_hash, sizeof number);
    return &publisher->buckets[number % BUCKETS];
}

/* The next one of that id, behind `after`, or the first. */
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
    struct awaited **at = bucket_of(publisher, awaited->outgoing->id_hash);
    while (*at && *at != awaited) at = &(*at)->next;
    if (!*at) return;
    INVARIANT(publisher->publishing > 0);
    *at = awaited->next;
    publisher->publishing--;
}

static void delist_all(struct publisher *publisher, struct publication *publication) {
    INVARIANT(lock_is_held(&publisher->lock));
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

/* The job is its owner's again. Not under the lock: he may do anything. */
static void finish(struct publication *publication, int rc, const char *sentence) {
    struct publisher *publisher = publication->publisher;
    struct job *job = publication->job;
    job->work.pending = NULL;
    job->context = publication->context;
    if (rc < 0) job->work.rc = fail(&job->work.error, rc, "%s", sentence);
    publication->done(job);
    publication_destroy(publication);
    job_ended(publisher);
}

/* Where the trying gave a number of its own, the stream's takes its place. Once for each result:
 * the stream may have given to one what the trying gave to another. */
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

/* ---- What is next ---------------------------------------------------------------------------- */

enum verdict { WAIT, DONE, REFUSED, TRY_AGAIN };

/* The stream has it, and we had folded it before it was waited for. */
static bool was_before(const struct awaited *awaited) {
    return awaited->acknowledged && !awaited->folded && awaited->seq != awaited->stream_seq &&
           awaited->stream_seq <= reel_cursor(awaited->publication->publisher->options.reel);
}

/* The stream left it out for a message that bears its id, and is not this event: when it was tried
 * a second time, with that folded, it was not found. */
static void refuse_left_out(struct publication *publication, const struct awaited *awaited) {
    publication->rc = -EAGAIN;
    error_set(&publication->why,
              "the stream did not store the event: its message %llu has the same Nats-Msg-Id, and "
              "is another event or no longer kept here; it can be sent again when the stream's "
              "duplicate window has passed",
              (unsigned long long)awaited->stream_seq);
}

/* `unclear`: the broker will tell no more. */
static enum verdict judge(struct publication *publication, bool unclear) {
    bool again = false;
    if (!publication->handed_over) return WAIT; /* it is in the thread's hands */
    for (size_t i = 0; publication->rc == 0 && i < publication->pending.count; i++) {
        const struct awaited *awaited = &publication->awaited[i];
        if (awaited->folded && (awaited->acknowledged || unclear)) continue;
        if (!was_before(awaited)) return WAIT;
        if (publication->tried_twice) refuse_left_out(publication, awaited);
        again = true;
    }
    if (publication->rc < 0) return REFUSED;
    return again ? TRY_AGAIN : DONE; /* all others are back: they are not to be sent twice */
}

/* What we have folded, the writer knows by now. */
static void try_again(struct publication *publication) {
    struct reel_error error = {0};
    publication->tried_twice = true;
    int rc = intake_push(publication->publisher->options.intake, publication->job, &error);
    if (rc < 0) finish(publication, rc, error.text);
}

/* Under the lock, after anything about it has changed. Unless it waits, nobody else finds it any
 * more: carry_out comes next, without the lock. */
static enum verdict settle(struct publisher *publisher, struct publication *publication,
                           bool unclear) {
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

/* ---- Trying ---------------------------------------------------------------------------------- */

static int check_subjects(const struct publication *publication, struct reel_error *error) {
    const char *filter = publication->publisher->options.filter;
    for (size_t i = 0; i < publication->pending.count; i++) {
        struct reel_str subject = text_str(&publication->pending.list[i].subject);
        if (!subject_matches(reel_text(filter), subject))
            return fail(error, -EPROTO,
                        "it would be published to %.*s, which `%s` does not cover: it would never "
                        "come back",
                        REEL_FMT(subject), filter);
    }
    return 0;
}

/* Queues what was tried for the thread. Else `error` says why not. */
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

/* [writer] */
static void tried(struct job *job) {
    struct publication *publication = job->context;
    struct publisher *publisher = publication->publisher;
    size_t count = publication->pending.count;
    struct reel_error error = {0};
    if (job->work.rc < 0 || count == 0) {
        finish(publication, 0, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) /* why it would have been rejected here */
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

/* ---- Coming back ----------------------------------------------------------------------------- */

/* The record of a command as this event, its last, leaves it. */
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

/* What a repeat of a command will be held against. */
static void describe_request(const struct awaited *awaited, struct ids_request *ret) {
    const struct work *work = &awaited->publication->job->work;
    ret->record = (struct reel_str){work->answer.key, work->answer.key_len};
    ret->has_record = true;
    ret->has_body = true;
    memcpy(ret->body_hash, awaited->outgoing->body_hash, sizeof ret->body_hash);
    if (work->request->caller.data) ids_hash(&work->request->caller, 1, ret->caller_hash);
}

/* Who rejected it, now that it is folded. They are all that is known of it, so that without memory
 * for them the answer has less in it. */
static void take_reasons(struct reel *reel, struct publication *publication,
                         const struct ids_known *known) {
    struct rejection_list *rejections = &publication->job->work.rejections;
    rejection_list_remove(rejections, known->seq); /* of a transaction that was undone */
    if (known->outcome == REEL_REJECTED) (void)engine_copy_rejections(reel, known->seq, rejections);
}

void publisher_taken(void *context, struct reel *reel, const struct mirrored *event,
                     struct ids_known *known) {
    struct publisher *publisher = context;
    HOLD_LOCK(&publisher->lock);
    struct awaited *awaited = NULL;
    while ((awaited = find(publisher, event->id_hash, awaited))) {
        struct publication *publication = awaited->publication;
        const struct work *work = &publication->job->work;
        if (awaited->folded) continue;
        awaited->seq = known->seq;
        awaited->outcome = known->outcome;
        if (work->kind == WORK_EVENTS) {
            known->request.has_record = true; /* there is none */
            take_reasons(reel, publication, known);
        }
        if (work->kind != WORK_COMMAND) continue;
        awaited->is_other = append_is_other_body(&known->request, awaited->outgoing->body_hash);
        if (awaited->is_other) continue; /* somebody else's, who used the same key */
        describe_request(awaited, &known->request);
        if (awaited == &publication->awaited[publication->pending.count - 1])
            show_record(reel, publication);
    }
}

/* False: nobody else waits for it. */
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

/* Under the lock. One that waits under such a subject, and is not refused yet. */
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

/* False: no other one waits under it. */
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
        error_set(&publication->why, "the broker does not take it: %s", sentence);
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

/* ---- Handing over ---------------------------------------------------------------------------- */

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
        publication->handed_over = true;
        publication->next = publisher->waiting;
        publisher->waiting = publication;
        verdict = settle(publisher, publication, false);
    }
    carry_out(publication, verdict);
}

/* Ends one whose time is up; or any. False: there is none. */
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

/* Ends those whose time is up; or all of them. */
static void end_late(struct publisher *publisher, bool all, const char *why) {
    while (end_one(publisher, all, why)) {
    }
}

/* The next one to hand over, or NULL after a tick. False: the thread must end. */
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

/* ---- Life ------------------------------------------------------------------------------------ */

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
