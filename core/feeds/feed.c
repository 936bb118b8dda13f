/* feed.c: see feed.h. In this order: messages on their way to the writer; what a session reports;
 * the thread that runs sessions; creating and destroying a feed. */
#include "feeds/feed.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/line_limit.h"
#include "base/thread.h"
#include "base/trace.h"
#include "event/subject.h"
#include "feeds/origin.h"
#include "feeds/publisher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Limits of a batch, unless a transaction holds less. A single message may be larger. */
#define BATCH_EVENTS 256
#define BATCH_BYTES  ((uint64_t)4 << 20)

/* If so many batches are being folded, a batch is pushed only when it is full. */
#define BATCHES_MAX 32

/* The pause after a session that failed. It doubles each time. */
#define PAUSE_MS_MIN 100
#define PAUSE_MS_MAX 5000

/* Shortest time between two reports of gaps, and between two reports of the same failure. */
#define GAPS_SAID_MS    10000
#define FAILURE_SAID_MS 60000

/* At most so many lines about single messages are logged in this time. */
#define MESSAGES_SAID    5
#define MESSAGES_SAID_MS 10000

/* How often pushing to a full queue is tried again, if none of this feed's batches is in it. */
#define FULL_MS 20

struct batch {
    struct job job; /* first */
    struct feed *feed;
    struct batch *next; /* in the list of free batches */
    bool in_sync;       /* after this batch, the log is in sync with the stream */
    size_t count;
    struct mirrored events[BATCH_EVENTS];
    struct feed_message messages[BATCH_EVENTS];
};

/* A session that fails before feed_begin leaves the feed without one. */
enum session {
    SESSION_NONE,
    SESSION_BEGUN,
    SESSION_IN_SYNC, /* all that the stream had is folded */
    SESSIONS,
};
static const unsigned session_moves[SESSIONS] = {
    [SESSION_NONE] = STATE_BIT(SESSION_NONE) | STATE_BIT(SESSION_BEGUN),
    [SESSION_BEGUN] = STATE_BIT(SESSION_NONE) | STATE_BIT(SESSION_IN_SYNC),
    [SESSION_IN_SYNC] = STATE_BIT(SESSION_NONE),
};

struct feed {
    struct feed_options options;
    struct publisher *publisher;
    pthread_t thread;

    /* Used by the feed's thread only. */
    struct batch *batch; /* the batch being filled, or NULL */
    size_t batch_events; /* most events in a batch */
    struct engine_limits limits;
    uint64_t follows;           /* the highest seq that has been pushed */
    uint64_t first_seq;         /* the log was trimmed to this seq */
    bool begin_anew;            /* replacing the log was requested, and no session has begun yet */
    bool was_in_sync;           /* and this has been reported */
    struct reel_position began; /* the position at which the session began */
    bool failing;               /* the last session has made no progress */
    char following[300];        /* reported when the first message arrives; or empty */
    struct {
        uint64_t count, messages, from, to;
        uint64_t said_ms;       /* when gaps were last reported */
    } gaps;                     /* gaps that are not reported yet */
    struct line_limit messages; /* lines about single messages */

    pthread_mutex_t lock;   /* protects the members below */
    pthread_cond_t changed; /* a member below has changed */
    struct batch *free;
    uint64_t under_way; /* messages that were pushed and are not folded yet */
    uint64_t batches;   /* the same for batches */
    int failed;         /* the error of a batch that could not be folded */
    struct reel_error failure;
    bool stopping;
    enum session session;
    struct feed_metrics metrics;
};

/* Under the lock. */
static void set_session(struct feed *feed, enum session session) {
    INVARIANT(lock_is_held(&feed->lock));
    INVARIANT(session_moves[feed->session] & STATE_BIT(session));
    feed->session = session;
    feed->metrics.up = session != SESSION_NONE;
    feed->metrics.in_sync = session == SESSION_IN_SYNC;
}

/* ---- Batches --------------------------------------------------------------------------------- */

static struct batch *batch_acquire(struct feed *feed) {
    struct batch *batch;
    {
        HOLD_LOCK(&feed->lock);
        batch = feed->free;
        if (batch) feed->free = batch->next;
    }
    if (!batch) batch = malloc(sizeof *batch);
    if (!batch) return NULL;
    batch->job = (struct job){.work.kind = WORK_MIRROR};
    batch->feed = feed;
    batch->in_sync = false;
    batch->count = 0;
    return batch;
}

/* Releases the batch's messages, and keeps the batch for later messages. */
static void batch_release(struct batch *batch) {
    struct feed *feed = batch->feed;
    for (size_t i = 0; i < batch->count; i++)
        if (!(batch->events[i].flags & REEL_LOG_GAP)) feed->options.release(&batch->messages[i]);
    batch->count = 0;
    HOLD_LOCK(&feed->lock);
    batch->next = feed->free;
    feed->free = batch;
}

/* The bytes that the log stores of this message: none if it is too large. */
static uint64_t stored_bytes(const struct feed *feed, const struct feed_message *message) {
    size_t len = message->bytes.len;
    return len <= feed->limits.event_bytes_max ? len : 0;
}

static void batch_add(struct batch *batch, const struct feed_message *given) {
    struct feed *feed = batch->feed;
    INVARIANT(batch->count < BATCH_EVENTS);
    size_t n = batch->count++;
    struct feed_message *message = &batch->messages[n];
    *message = *given;
    batch->events[n] = (struct mirrored){
        .seq = message->seq,
        .time_ns = message->time_ns,
        .flags = message->flags,
        .bytes = message->bytes,
        .subject = message->subject,
        .id_hash = message->has_id ? message->id_hash : NULL,
        .answer = message->answer,
    };
    batch->job.bytes += stored_bytes(feed, message);
}

static void batch_add_gap(struct batch *batch, uint64_t seq, uint64_t missing, uint64_t time_ns) {
    INVARIANT(batch->count < BATCH_EVENTS && missing > 0 && missing <= seq);
    batch->events[batch->count++] = (struct mirrored){
        .seq = seq,
        .missing = missing,
        .time_ns = time_ns,
        .flags = REEL_LOG_GAP,
    };
}

/* ---- To the writer and back ------------------------------------------------------------------ */

/* Called with the lock held. Returns true if the feed was not in sync before. A session that has
 * ended since then is not in sync. */
static bool note_in_sync(struct feed *feed) {
    struct feed_metrics *metrics = &feed->metrics;
    if (feed->session != SESSION_BEGUN) return false;
    set_session(feed, SESSION_IN_SYNC);
    metrics->reason[0] = '\0';
    publisher_open(feed->publisher);
    return true;
}

/* Notes that the writer has done a batch. Returns true if the log is now in sync with the stream
 * and was not before. */
static bool note_folded(struct feed *feed, const struct batch *batch) {
    const struct work *work = &batch->job.work;
    HOLD_LOCK(&feed->lock);
    INVARIANT(feed->batches > 0 && feed->under_way >= batch->count);
    feed->under_way -= batch->count;
    feed->batches--;
    INVARIANT(feed->batches > 0 || feed->under_way == 0);
    if (work->rc < 0 && feed->failed == 0) {
        feed->failed = work->rc;
        feed->failure = work->error;
    }
    pthread_cond_broadcast(&feed->changed);
    return work->rc == 0 && batch->in_sync && note_in_sync(feed);
}

/* [writer] */
static void folded(struct job *job) {
    struct batch *batch = (struct batch *)job;
    struct feed *feed = batch->feed;
    const struct work *work = &job->work;
    for (size_t i = 0; work->rc == 0 && i < batch->count; i++)
        if (batch->events[i].id_hash) publisher_committed(feed->publisher, &batch->events[i]);
    bool now_in_sync = note_folded(feed, batch);
    TRACE(TRACE_FEED, "batch of %zu folded%s%s", batch->count, work->rc < 0 ? ": " : "",
          work->rc < 0 ? work->error.text : "");
    if (now_in_sync) TRACE(TRACE_FEED, "session in sync with the stream");
    if (now_in_sync) feed->options.changed(feed->options.context);
    batch_release(batch);
}

/* -EAGAIN: a batch has failed; -ESHUTDOWN: the feed is stopping. */
static int check_going_on(struct feed *feed, struct reel_error *error) {
    HOLD_LOCK(&feed->lock);
    if (feed->stopping) return fail(error, -ESHUTDOWN, "the daemon is about to end");
    if (feed->failed < 0) return fail(error, feed->failed, "%s", feed->failure.text);
    return 0;
}

/* Waits until a batch is folded, or for a short time. */
static void wait_a_moment(struct feed *feed) {
    HOLD_LOCK(&feed->lock);
    struct timespec until = clock_after(FULL_MS);
    if (!feed->stopping) pthread_cond_timedwait(&feed->changed, &feed->lock, &until);
}

/* Pushes the batch. Waits while the queue is full. */
static int push(struct feed *feed, struct batch *batch, struct reel_error *error) {
    struct work *work = &batch->job.work;
    INVARIANT(batch->count > 0 || batch->in_sync);
    INVARIANT(batch != feed->batch); /* nothing is added to it any more */
    work->mirrored = batch->events;
    work->count = batch->count;
    work->follows = feed->follows;
    work->taken = publisher_taken;
    work->context = feed->publisher;
    batch->job.done = folded;
    uint64_t last = batch->count > 0 ? batch->events[batch->count - 1].seq : feed->follows;
    if (work->reach > last) last = work->reach;
    {
        HOLD_LOCK(&feed->lock);
        feed->under_way += batch->count;
        feed->batches++;
    }
    int rc;
    while ((rc = check_going_on(feed, error)) == 0 &&
           (rc = intake_push(feed->options.intake, &batch->job, error)) == -EAGAIN)
        wait_a_moment(feed);
    if (rc == 0) {
        TRACE(TRACE_FEED, "batch of %zu pushed, up to %" PRIu64, work->count, last);
        feed->follows = last;
        return 0;
    }
    {
        HOLD_LOCK(&feed->lock);
        INVARIANT(feed->batches > 0 && feed->under_way >= batch->count);
        feed->under_way -= batch->count;
        feed->batches--;
    }
    batch_release(batch);
    return rc;
}

/* ---- What a session tells -------------------------------------------------------------------- */

static int read_position(struct feed *feed, struct reel_position *ret, struct reel_error *error) {
    struct reel_view *view;
    int rc = reel_view_open(feed->options.reel, &view, error);
    if (rc < 0) return rc;
    rc = reel_view_position(view, ret);
    reel_view_close(view);
    return rc < 0 ? fail(error, rc, "cannot find out how far the log reaches") : 0;
}

/* Reports once a session that the log is in sync. If no view can be opened, it tries again
 * later. */
static void say_in_sync(struct feed *feed) {
    char sentence[300];
    struct reel_position now;
    const struct reel_position *began = &feed->began;
    if (read_position(feed, &now, NULL) < 0) return;
    feed->was_in_sync = true;
    uint64_t applied = now.applied - began->applied, ignored = now.ignored - began->ignored,
             rejected = now.rejected - began->rejected;
    snprintf(sentence, sizeof sentence,
             "in sync with the stream at %" PRIu64 ": %" PRIu64 " seen, %" PRIu64
             " applied, %" PRIu64 " ignored, %" PRIu64 " rejected",
             now.cursor, applied + ignored + rejected, applied, ignored, rejected);
    feed_say(feed, REEL_LEVEL_INFO, sentence);
}

static int push_gathered(struct feed *feed, struct reel_error *error) {
    struct batch *batch = feed->batch;
    feed->batch = NULL;
    return batch ? push(feed, batch, error) : 0;
}

/* Reports once a session which stream is followed, but only when a message arrives. Sessions that
 * begin and fail again and again would otherwise fill the log. */
static void say_following(struct feed *feed) {
    if (!feed->following[0]) return;
    feed_say(feed, REEL_LEVEL_INFO, feed->following);
    feed->following[0] = '\0';
}

/* Gaps are reported together: a stream that keeps only the newest message of each subject has
 * many. */
static void say_gaps(struct feed *feed, bool at_once) {
    char sentence[400];
    uint64_t now = clock_ms();
    if (feed->gaps.count == 0) return;
    if (!at_once && feed->gaps.said_ms && now - feed->gaps.said_ms < GAPS_SAID_MS) return;
    snprintf(sentence, sizeof sentence,
             "%" PRIu64 " messages of the stream between %" PRIu64 " and %" PRIu64
             " were not received: they had been deleted, or a limit of the stream had removed "
             "them; their effects are missing in the records",
             feed->gaps.messages, feed->gaps.from, feed->gaps.to);
    feed_say(feed, REEL_LEVEL_WARNING, sentence);
    memset(&feed->gaps, 0, sizeof feed->gaps);
    feed->gaps.said_ms = now;
}

/* Reports how many lines were left out, if the time has passed, or `at_once`. */
static void say_left_out(struct feed *feed, bool at_once) {
    char sentence[100];
    if (!at_once && !line_limit_is_over(&feed->messages, MESSAGES_SAID_MS, clock_ms())) return;
    uint64_t left_out = line_limit_settle(&feed->messages);
    if (left_out == 0) return;
    snprintf(sentence, sizeof sentence, "%" PRIu64 " more warnings about messages were left out",
             left_out);
    feed_say(feed, REEL_LEVEL_WARNING, sentence);
}

void feed_say_message(struct feed *feed, const char *sentence) {
    say_left_out(feed, false);
    if (line_limit_allow(&feed->messages, MESSAGES_SAID, MESSAGES_SAID_MS, clock_ms()))
        feed_say(feed, REEL_LEVEL_WARNING, sentence);
    else
        feed->messages.left_out++;
}

int feed_flush(struct feed *feed, struct reel_error *error) {
    bool busy, in_sync;
    {
        HOLD_LOCK(&feed->lock);
        busy = feed->batches >= BATCHES_MAX;
        in_sync = feed->metrics.in_sync;
    }
    say_gaps(feed, false);
    if (feed->messages.left_out > 0) say_left_out(feed, false);
    if (in_sync && !feed->was_in_sync) say_in_sync(feed);
    int rc = check_going_on(feed, error); /* maybe no further feed_take would return this error */
    if (rc == 0 && !busy) rc = push_gathered(feed, error);
    return rc < 0 ? rc : feed->batch != NULL;
}

/* Makes sure that the current batch has room. */
static int make_room(struct feed *feed, uint64_t bytes, struct reel_error *error) {
    bool fits = !feed->batch || feed->batch->job.bytes + bytes <= BATCH_BYTES;
    int rc = fits ? 0 : push_gathered(feed, error);
    if (rc == 0 && !feed->batch) feed->batch = batch_acquire(feed);
    return rc == 0 && !feed->batch ? fail_memory(error) : rc;
}

static int push_if_full(struct feed *feed, struct reel_error *error) {
    const struct batch *batch = feed->batch;
    bool full = batch->count == feed->batch_events || batch->job.bytes >= BATCH_BYTES;
    say_following(feed);
    return full ? push_gathered(feed, error) : 0;
}

int feed_take(struct feed *feed, const struct feed_message *message, struct reel_error *error) {
    int rc = make_room(feed, stored_bytes(feed, message), error);
    if (rc < 0) {
        struct feed_message copy = *message;
        feed->options.release(&copy);
        return rc;
    }
    batch_add(feed->batch, message);
    return push_if_full(feed, error);
}

int feed_gap(struct feed *feed, uint64_t seq, uint64_t missing, uint64_t time_ns,
             struct reel_error *error) {
    int rc = make_room(feed, 0, error);
    if (rc < 0) return rc;
    batch_add_gap(feed->batch, seq, missing, time_ns);
    if (feed->gaps.count++ == 0) feed->gaps.from = seq - missing + 1;
    feed->gaps.messages += missing;
    feed->gaps.to = seq;
    return push_if_full(feed, error);
}

static bool is_in_sync(struct feed *feed) {
    HOLD_LOCK(&feed->lock);
    return feed->metrics.in_sync;
}

int feed_in_sync(struct feed *feed, uint64_t last_seq, struct reel_error *error) {
    uint64_t given = feed->batch ? feed->batch->events[feed->batch->count - 1].seq : feed->follows;
    if (last_seq <= given && is_in_sync(feed)) return 0;
    say_following(feed);
    int rc = push_gathered(feed, error);
    if (rc < 0) return rc;
    struct batch *batch = batch_acquire(feed);
    if (!batch) return fail_memory(error);
    batch->in_sync = true;
    batch->job.work.reach = last_seq;
    return push(feed, batch, error);
}

int feed_trim(struct feed *feed, uint64_t first_seq, struct reel_error *error) {
    struct reel_position position;
    if (first_seq <= feed->first_seq) return 0;
    int rc = read_position(feed, &position, error);
    if (rc == -EAGAIN || rc == -ETIME) return 0; /* try again later */
    if (rc < 0) return rc;
    uint64_t floor = first_seq <= position.head ? first_seq : position.head + 1;
    rc = engine_trim(feed->options.reel, floor, &floor, error);
    if (rc == 0 && floor == first_seq) feed->first_seq = first_seq;
    return rc;
}

void feed_note(struct feed *feed, uint64_t last_seq, uint64_t pending) {
    HOLD_LOCK(&feed->lock);
    struct feed_metrics *metrics = &feed->metrics;
    if (metrics->known_seq < last_seq) metrics->known_seq = last_seq;
    metrics->pending = pending;
    if (!metrics->in_sync)
        snprintf(metrics->reason, sizeof metrics->reason,
                 "behind the stream: %" PRIu64 " messages were not received yet", pending);
}

uint64_t feed_room(struct feed *feed) {
    HOLD_LOCK(&feed->lock);
    uint64_t taken = feed->under_way + (feed->batch ? feed->batch->count : 0);
    return taken < feed->options.room_events ? feed->options.room_events - taken : 0;
}

bool feed_is_stopping(struct feed *feed) {
    HOLD_LOCK(&feed->lock);
    return feed->stopping;
}

void feed_say(struct feed *feed, reel_level level, const char *sentence) {
    feed->options.say(feed->options.context, level, sentence);
}

void feed_published(struct feed *feed, const uint8_t id_hash[16], int rc, uint64_t seq,
                    bool repeated, const char *sentence) {
    publisher_published(feed->publisher, id_hash, rc, seq, repeated, sentence);
}

void feed_refused(struct feed *feed, struct reel_str subject, bool is_whole, const char *sentence) {
    publisher_refused(feed->publisher, subject, is_whole, sentence);
}

/* Waits until no batch of an earlier session is in the writer's queue. */
static void wait_for_batches(struct feed *feed) {
    HOLD_LOCK(&feed->lock);
    while (feed->batches > 0) pthread_cond_wait(&feed->changed, &feed->lock);
    INVARIANT(feed->under_way == 0);
    feed->failed = 0;
}

int feed_begin(struct feed *feed, const struct feed_stream *stream, uint64_t *ret_from,
               struct reel_error *error) {
    const struct feed_options *options = &feed->options;
    struct reel_error news = {0};
    uint64_t from;
    wait_for_batches(feed);
    INVARIANT(!feed->batch); /* the session before has pushed what it had */
    int rc = origin_check(options->reel, stream, feed->begin_anew, options->release, &from, &news);
    if (rc < 0) return fail(error, rc, "%s", news.text);
    feed->begin_anew = false; /* the request was for this session only */
    if (rc > 0) feed_say(feed, REEL_LEVEL_WARNING, news.text);
    if (!subject_matches(reel_text(stream->filter), reel_text(SUBJECT_ROOT ".>")))
        feed_say(feed, REEL_LEVEL_WARNING,
                 "events of clients are published under " SUBJECT_ROOT
                 ", which the setting `subjects` does not include: they are refused");
    rc = read_position(feed, &feed->began, error);
    if (rc < 0) return rc;
    feed->follows = from - 1;
    feed->first_seq = 0;
    feed->was_in_sync = false;
    {
        HOLD_LOCK(&feed->lock);
        set_session(feed, SESSION_BEGUN);
        feed->metrics.known_seq = stream->last_seq;
        feed->metrics.sessions++;
    }
    TRACE(TRACE_FEED, "session begun: stream %s from %" PRIu64 ", it reaches %" PRIu64,
          stream->name, from, stream->last_seq);
    snprintf(feed->following, sizeof feed->following,
             "following stream %s from %" PRIu64 ", it reaches %" PRIu64, stream->name, from,
             stream->last_seq);
    if (!feed->failing) say_following(feed);
    options->changed(options->context);
    *ret_from = from;
    return 0;
}

/* ---- Sessions -------------------------------------------------------------------------------- */

/* Messages that the session has gathered are good, however the session ended. */
static void session_ended(struct feed *feed, const struct reel_error *error) {
    (void)push_gathered(feed,
                        NULL); /* if this fails, the next session receives the messages again */
    say_gaps(feed, true);
    {
        HOLD_LOCK(&feed->lock);
        set_session(feed, SESSION_NONE);
        feed->metrics.pending = 0;
        snprintf(feed->metrics.reason, sizeof feed->metrics.reason, "%.*s",
                 (int)utf8_cut(error->text, sizeof feed->metrics.reason - 1), error->text);
    }
    TRACE(TRACE_FEED, "session ended: %s", error->text);
    publisher_close(feed->publisher, error->text);
    feed->options.changed(feed->options.context);
}

/* Waits, unless the feed is stopping. The time is random, so that daemons that lost the same broker
 * do not all return at the same moment. */
static void pause_for(struct feed *feed, uint64_t pause_ms) {
    HOLD_LOCK(&feed->lock);
    uint64_t with_jitter = pause_ms + clock_ns() % (pause_ms / 4 + 1);
    struct timespec until = clock_after((uint32_t)with_jitter);
    while (!feed->stopping)
        if (pthread_cond_timedwait(&feed->changed, &feed->lock, &until) == ETIMEDOUT) return;
}

static uint64_t sessions_begun(struct feed *feed) {
    HOLD_LOCK(&feed->lock);
    return feed->metrics.sessions;
}

/* True if a session was in sync or has received messages. A session that begins and then fails, for
 * example because the disk is full, is no progress. */
static bool got_on(struct feed *feed, uint64_t sessions_before) {
    return sessions_begun(feed) > sessions_before &&
           (feed->was_in_sync || reel_cursor(feed->options.reel) > feed->began.cursor);
}

static void *run(void *context) {
    struct feed *feed = context;
    const struct feed_options *options = &feed->options;
    struct reel_error error = {0}, before = {0};
    uint64_t pause_ms = PAUSE_MS_MIN, said_ms = 0;
    while (!feed_is_stopping(feed)) {
        uint64_t sessions = sessions_begun(feed);
        error.text[0] = '\0';
        int rc = options->broker->session(feed, options->broker_state, &error);
        if (rc == 0 || feed_is_stopping(feed)) error_set(&error, "the daemon is about to end");
        session_ended(feed, &error);
        if (feed_is_stopping(feed)) break;
        bool is_first = got_on(feed, sessions); /* the first failure after progress */
        feed->failing = !is_first;
        bool is_new = is_first || strcmp(error.text, before.text) != 0;
        if (is_new || clock_ms() - said_ms >= FAILURE_SAID_MS) { /* not at every failure */
            feed_say(feed, rc == -ESTALE ? REEL_LEVEL_ERROR : REEL_LEVEL_WARNING, error.text);
            said_ms = clock_ms();
        }
        before = error;
        if (is_first) pause_ms = PAUSE_MS_MIN;
        pause_for(feed, pause_ms);
        pause_ms = pause_ms * 2 < PAUSE_MS_MAX ? pause_ms * 2 : PAUSE_MS_MAX;
    }
    say_left_out(feed, true);
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int start_publisher(struct feed *feed, struct reel_error *error) {
    const struct feed_options *options = &feed->options;
    struct publisher_options publisher = {
        .broker = options->broker,
        .broker_state = options->broker_state,
        .reel = options->reel,
        .intake = options->intake,
        .filter = options->filter,
        .timeout_ms = options->publish_ms_max,
    };
    return publisher_start(&publisher, &feed->publisher, error);
}

int feed_start(const struct feed_options *options, struct feed **ret, struct reel_error *error) {
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed) return fail_memory(error);
    feed->options = *options;
    feed->begin_anew = options->begin_anew;
    feed->limits = engine_limits(options->reel);
    feed->batch_events = feed->limits.batch_events_max;
    if (feed->batch_events > BATCH_EVENTS) feed->batch_events = BATCH_EVENTS;
    snprintf(feed->metrics.reason, sizeof feed->metrics.reason,
             "there is no connection to the broker yet");
    pthread_mutex_init(&feed->lock, NULL);
    clock_condition(&feed->changed);
    int rc = start_publisher(feed, error);
    if (rc < 0) {
        free(feed);
        return rc;
    }
    rc = thread_start(&feed->thread, "reel-feed", run, feed);
    if (rc < 0) {
        publisher_stop(feed->publisher);
        publisher_destroy(feed->publisher);
        free(feed);
        return fail(error, rc, "cannot start the feed's thread: %s", strerror(-rc));
    }
    *ret = feed;
    return 0;
}

int feed_push(struct feed *feed, struct job *job, struct reel_error *error) {
    return publisher_push(feed->publisher, job, error);
}

void feed_drain(struct feed *feed, uint32_t timeout_ms) {
    publisher_drain(feed->publisher, timeout_ms);
}

void feed_stop(struct feed *feed) {
    {
        HOLD_LOCK(&feed->lock);
        feed->stopping = true;
        pthread_cond_broadcast(&feed->changed);
    }
    pthread_join(feed->thread, NULL);
    publisher_stop(feed->publisher);
}

void feed_destroy(struct feed *feed) {
    if (!feed) return;
    INVARIANT(feed->stopping && !feed->batch && feed->batches == 0);
    publisher_destroy(feed->publisher);
    while (feed->free) {
        struct batch *batch = feed->free;
        feed->free = batch->next;
        free(batch);
    }
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}

/* ---- Metrics --------------------------------------------------------------------------------- */

const char *feed_name(const struct feed *feed) {
    return feed->options.broker->name;
}

void feed_read(struct feed *feed, struct feed_metrics *ret) {
    {
        HOLD_LOCK(&feed->lock);
        *ret = feed->metrics;
    }
    publisher_read(feed->publisher, &ret->published, &ret->publishing);
}
