/* fake_broker.c: see fake_broker.h. */
#include "fake_broker.h"
#include "engine/transaction.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAP_MS = 5 };

/* ---- A session ------------------------------------------------------------------------------- */

static void fill(const struct fake_message *message, struct fake_broker *broker,
                 struct feed_message *ret) {
    *ret = (struct feed_message){
        .seq = message->seq,
        .time_ns = message->seq * 1000,
        .bytes = {message->bytes, message->len},
        .subject = reel_text("cellos.events.some"),
        .has_id = message->has_id,
        .answer = message->answer,
        .owner = broker,
    };
    memcpy(ret->id_hash, message->id_hash, sizeof ret->id_hash);
    if (++broker->given - broker->released > broker->most_held)
        broker->most_held = broker->given - broker->released;
}

static void release(struct feed_message *message) {
    struct fake_broker *broker = message->owner;
    HOLD_LOCK(&broker->lock);
    broker->released++;
}

/* Under the lock. */
static const struct fake_message *next_message(const struct fake_broker *broker, uint64_t from) {
    for (size_t i = 0; i < broker->count; i++) {
        const struct fake_message *message = &broker->list[i];
        if (message->seq >= from && message->seq >= broker->first_seq && !message->deleted)
            return message;
    }
    return NULL;
}

static int fetch(void *session, uint64_t seq, struct feed_message *ret, struct reel_error *error) {
    struct fake_broker *broker = session;
    (void)error;
    HOLD_LOCK(&broker->lock);
    const struct fake_message *message = next_message(broker, seq);
    if (!message || message->seq != seq) return 0;
    fill(message, broker, ret);
    return 1;
}

static int begin(struct fake_broker *broker, struct feed *feed, uint64_t *ret_from,
                 struct reel_error *error) {
    pthread_mutex_lock(&broker->lock);
    struct feed_stream stream = {
        .name = "FAKE",
        .filter = broker->filter,
        .created_ns = broker->created_ns,
        .first_seq = broker->first_seq,
        .last_seq = broker->last_seq,
        .fetch = fetch,
        .session = broker,
    };
    bool down = broker->down;
    if (broker->tries < FAKE_SESSIONS_MAX) broker->tries_ns[broker->tries++] = clock_ns();
    pthread_mutex_unlock(&broker->lock);
    if (down) return fail(error, -EAGAIN, "the fake broker is down");
    int rc = feed_begin(feed, &stream, ret_from, error);
    if (rc < 0) return rc;
    HOLD_LOCK(&broker->lock);
    if (broker->sessions < FAKE_SESSIONS_MAX) broker->froms[broker->sessions++] = *ret_from;
    broker->feed = feed;
    return 0;
}

/* 1: there was one. */
static int give_one(struct fake_broker *broker, struct feed *feed, uint64_t *next,
                    struct reel_error *error) {
    struct feed_message message;
    if (feed_room(feed) == 0) return 0;
    pthread_mutex_lock(&broker->lock);
    const struct fake_message *found = next_message(broker, *next);
    if (found) fill(found, broker, &message);
    pthread_mutex_unlock(&broker->lock);
    if (!found) return 0;
    *next = message.seq + 1;
    if (reel_str_is(message.bytes, FAKE_ODD)) feed_say_message(feed, "an odd message");
    int rc = feed_take(feed, &message, error);
    return rc < 0 ? rc : 1;
}

/* Nothing is there just now. */
static int rest(struct fake_broker *broker, struct feed *feed, uint64_t next,
                struct reel_error *error) {
    pthread_mutex_lock(&broker->lock);
    uint64_t first = broker->first_seq, last = broker->last_seq;
    bool all = !next_message(broker, next);
    pthread_mutex_unlock(&broker->lock);
    int rc = feed_flush(feed, error);
    if (rc != 0) return rc < 0 ? rc : 0;
    feed_note(feed, last, all ? 0 : last - next + 1);
    rc = feed_trim(feed, first, error);
    if (rc == 0 && all) rc = feed_in_sync(feed, last, error);
    struct timespec until = clock_after(NAP_MS);
    pthread_mutex_lock(&broker->lock);
    if (rc == 0 && broker->last_seq == last && !broker->cut)
        pthread_cond_timedwait(&broker->changed, &broker->lock, &until);
    pthread_mutex_unlock(&broker->lock);
    return rc;
}

static bool is_cut(struct fake_broker *broker) {
    HOLD_LOCK(&broker->lock);
    bool cut = broker->cut || broker->cuts;
    broker->cut = false;
    return cut;
}

static int follow(struct fake_broker *broker, struct feed *feed, uint64_t from,
                  struct reel_error *error) {
    uint64_t next = from;
    while (!feed_is_stopping(feed)) {
        if (is_cut(broker)) return fail(error, -EAGAIN, "the fake broker cut the session");
        int rc = give_one(broker, feed, &next, error);
        if (rc == 0) rc = rest(broker, feed, next, error);
        if (rc < 0) return rc;
    }
    return 0;
}

static int session(struct feed *feed, void *state, struct reel_error *error) {
    struct fake_broker *broker = state;
    uint64_t from;
    int rc = begin(broker, feed, &from, error);
    if (rc == 0) rc = follow(broker, feed, from, error);
    HOLD_LOCK(&broker->lock);
    broker->feed = NULL;
    return rc;
}

/* ---- Its stream ------------------------------------------------------------------------------ */

/* Under the lock. */
static uint64_t add(struct fake_broker *broker, const char *bytes, size_t len,
                    const uint8_t *id_hash) {
    must(broker->count < FAKE_MESSAGES_MAX);
    struct fake_message *message = &broker->list[broker->count++];
    *message = (struct fake_message){.seq = ++broker->last_seq, .len = len, .has_id = id_hash};
    message->bytes = malloc(len + 1);
    must(message->bytes);
    memcpy(message->bytes, bytes, len);
    if (id_hash) memcpy(message->id_hash, id_hash, 16);
    pthread_cond_broadcast(&broker->changed);
    return message->seq;
}

/* As a message's headers do: they come back with it. */
static void keep_answer(const struct outgoing *event, struct log_answer *ret) {
    *ret = event->answer;
    ret->key = (struct reel_str){str_copy(text_str(&event->key)), event->key.len};
    must(ret->key.data);
}

uint64_t fake_add_bytes(struct rig *rig, const char *bytes, size_t len, const uint8_t *id_hash) {
    HOLD_LOCK(&rig->broker.lock);
    return add(&rig->broker, bytes, len, id_hash);
}

size_t fake_event(unsigned n, char space[FAKE_EVENT_ROOM]) {
    int len = snprintf(space, FAKE_EVENT_ROOM,
                       "{\"specversion\":\"1.0\",\"id\":\"e-%u\",\"source\":\"/t\","
                       "\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                       "\"data\":{\"cellId\":\"cell-%u\",\"specId\":\"s\"}}",
                       n, n);
    must(len > 0 && len < FAKE_EVENT_ROOM);
    return (size_t)len;
}

void fake_id(unsigned n, uint8_t ret[16]) {
    char id[16];
    snprintf(id, sizeof id, "e-%u", n);
    struct reel_str parts[] = {reel_text("/t"), reel_text(id)};
    ids_hash(parts, 2, ret);
}

uint64_t fake_add(struct rig *rig, unsigned n, bool with_id) {
    char space[FAKE_EVENT_ROOM];
    uint8_t id_hash[16];
    size_t len = fake_event(n, space);
    fake_id(n, id_hash);
    return fake_add_bytes(rig, space, len, with_id ? id_hash : NULL);
}

uint64_t fake_add_published(struct rig *rig, size_t n) {
    HOLD_LOCK(&rig->broker.lock);
    must(n < rig->broker.published_count);
    const struct fake_published *published = &rig->broker.published[n];
    uint64_t seq = add(&rig->broker, published->bytes, published->len, published->id_hash);
    struct log_answer *answer = &rig->broker.list[rig->broker.count - 1].answer;
    *answer = published->answer;
    if (answer->key.data) answer->key.data = str_copy(answer->key);
    return seq;
}

/* ---- Publishing ------------------------------------------------------------------------------ */

void fake_tell(struct rig *rig, size_t n, int rc, uint64_t seq, bool repeated,
               const char *sentence) {
    uint8_t id_hash[16];
    pthread_mutex_lock(&rig->broker.lock);
    must(n < rig->broker.published_count);
    memcpy(id_hash, rig->broker.published[n].id_hash, sizeof id_hash);
    pthread_mutex_unlock(&rig->broker.lock);
    feed_published(rig->feed, id_hash, rc, seq, repeated, sentence);
}

/* Under the lock. As a stream that leaves repeats out. */
static uint64_t take_into_stream(struct fake_broker *broker, const struct outgoing *event,
                                 bool *ret_repeated) {
    *ret_repeated = false;
    for (size_t i = 0; i < broker->count; i++) {
        const struct fake_message *message = &broker->list[i];
        if (!message->has_id || memcmp(message->id_hash, event->id_hash, 16) != 0) continue;
        *ret_repeated = true;
        return message->seq;
    }
    uint64_t seq = add(broker, event->bytes.data, event->bytes.len, event->id_hash);
    keep_answer(event, &broker->list[broker->count - 1].answer);
    return seq;
}

static void note_published(struct fake_broker *broker, const struct outgoing *event) {
    must(broker->published_count < FAKE_PUBLISHED_MAX);
    struct fake_published *published = &broker->published[broker->published_count++];
    published->len = event->bytes.len;
    published->bytes = strndup(event->bytes.data, event->bytes.len);
    published->subject = strndup(event->subject.data, event->subject.len);
    must(published->bytes && published->subject);
    memcpy(published->id_hash, event->id_hash, sizeof published->id_hash);
    keep_answer(event, &published->answer);
}

static int publish(void *state, const struct outgoing *event, struct reel_error *error) {
    struct fake_broker *broker = state;
    bool repeated = false;
    uint64_t seq = 0;
    pthread_mutex_lock(&broker->lock);
    struct feed *feed = broker->feed;
    int rc = broker->publish_rc;
    if (rc == 0 && !feed) rc = -EAGAIN;
    bool answers = rc == 0 && broker->answers;
    if (answers) seq = take_into_stream(broker, event, &repeated);
    if (rc == 0 && !answers) note_published(broker, event);
    pthread_mutex_unlock(&broker->lock);
    if (answers) feed_published(feed, event->id_hash, 0, seq, repeated, NULL);
    return rc < 0 ? fail(error, rc, "the fake broker takes nothing") : 0;
}

static const struct feed_broker fake_broker = {
    .name = "fake", .session = session, .publish = publish};

/* ---- The host ------------------------------------------------------------------------------- */

static void say(void *context, reel_level level, const char *sentence) {
    struct rig *rig = context;
    struct reel_error error;
    (void)level;
    error_set(&error, "%s", sentence);
    assert_sentence(&error, "");
    HOLD_LOCK(&rig->broker.lock);
    text_append_lit(&rig->said, sentence);
    text_append_lit(&rig->said, "\n");
}

static void changed(void *context) {
    struct rig *rig = context;
    struct feed_metrics metrics;
    pthread_mutex_lock(&rig->broker.lock);
    struct feed *feed = rig->broker.feed;
    pthread_mutex_unlock(&rig->broker.lock);
    if (feed) feed_read(feed, &metrics); /* as the daemon does */
}

static void committed(void *context, uint64_t cursor) {
    (void)context, (void)cursor;
}

static void trouble(void *context, bool fatal, const char *sentence) {
    (void)context, (void)sentence;
    must(!fatal);
}

static struct intake *intake_of(struct rig *rig, const struct rig_options *options) {
    struct intake_options given = {
        .reel = rig->reel,
        .queue_events_max = options->queue_events_max ? options->queue_events_max : 65536,
        .queue_bytes_max = 64 << 20,
        .batch_events_max = rig->reel->dispatcher.batch_events_max,
        .batch_bytes_max = rig->reel->dispatcher.batch_bytes_max,
        .committed = committed,
        .trouble = trouble,
    };
    struct intake *intake;
    struct reel_error error;
    must_ok(intake_start(&given, &intake, &error), error);
    return intake;
}

struct rig *rig_opened(const struct rig_options *options) {
    struct rig *rig = calloc(1, sizeof *rig);
    must(rig);
    struct fake_broker *broker = &rig->broker;
    struct reel_options given = {.map_bytes = options->map_bytes,
                                 .batch_bytes_max = options->batch_bytes_max,
                                 .batch_events_max = options->batch_events_max};
    pthread_mutex_init(&broker->lock, NULL);
    clock_condition(&broker->changed);
    broker->list = calloc(FAKE_MESSAGES_MAX, sizeof *broker->list);
    broker->froms = calloc(FAKE_SESSIONS_MAX, sizeof *broker->froms);
    broker->tries_ns = calloc(FAKE_SESSIONS_MAX, sizeof *broker->tries_ns);
    broker->published = calloc(FAKE_PUBLISHED_MAX, sizeof *broker->published);
    must(broker->list && broker->froms && broker->tries_ns && broker->published);
    broker->created_ns = 1;
    broker->first_seq = 1;
    broker->filter = options->filter ? options->filter : "cellos.events.>";
    broker->down = options->down;
    rig->reel = reel_opened(NULL, &given, CELL_SO, FORMATION_SO, NULL);
    rig->intake = intake_of(rig, options);
    return rig;
}

void rig_start(struct rig *rig, const struct rig_options *options) {
    struct reel_error error;
    struct feed_options given = {
        .broker = &fake_broker,
        .broker_state = &rig->broker,
        .release = release,
        .reel = rig->reel,
        .intake = rig->intake,
        .filter = rig->broker.filter,
        .begin_anew = options->begin_anew,
        .room_events = options->room_events ? options->room_events : 65536,
        .publish_ms_max = options->publish_ms_max ? options->publish_ms_max : PATIENCE_S * 1000,
        .say = say,
        .changed = changed,
        .context = rig,
    };
    must_ok(feed_start(&given, &rig->feed, &error), error);
}

struct rig *rig_started(const struct rig_options *options) {
    struct rig *rig = rig_opened(options);
    rig_start(rig, options);
    return rig;
}

void rig_stop_feed(struct rig *rig) {
    if (!rig->stopped) feed_stop(rig->feed);
    rig->stopped = true;
}

void rig_stop(struct rig *rig) {
    rig_stop_feed(rig);
    intake_stop(rig->intake);
    feed_destroy(rig->feed);
    intake_destroy(rig->intake);
    assert_int_equal(rig->broker.given, rig->broker.released);
}

void rig_closed(struct rig *rig) {
    rig_stop(rig);
    rig_free(rig);
}

void rig_free(struct rig *rig) {
    struct fake_broker *broker = &rig->broker;
    reel_close(rig->reel);
    text_finish(&rig->said);
    for (size_t i = 0; i < broker->count; i++) {
        free(broker->list[i].bytes);
        free((char *)broker->list[i].answer.key.data);
    }
    for (size_t i = 0; i < broker->published_count; i++) {
        free(broker->published[i].bytes);
        free((char *)broker->published[i].answer.key.data);
        free(broker->published[i].subject);
    }
    free(broker->list);
    free(broker->froms);
    free(broker->tries_ns);
    free(broker->published);
    pthread_cond_destroy(&broker->changed);
    pthread_mutex_destroy(&broker->lock);
    free(rig);
}

static void wait_at_gate(struct job *job) {
    struct rig *rig = job->context;
    HOLD_LOCK(&rig->broker.lock);
    rig->at_gate = true;
    while (rig->gate_closed) pthread_cond_wait(&rig->broker.changed, &rig->broker.lock);
    free(job);
}

void rig_hold(struct rig *rig) {
    struct job *job = calloc(1, sizeof *job);
    struct reel_error error;
    must(job);
    job->done = wait_at_gate; /* of no events at all */
    job->context = rig;
    fake_set(rig, &rig->gate_closed, true);
    fake_set(rig, &rig->at_gate, false);
    must_ok(intake_push(rig->intake, job, &error), error);
    WAIT_UNTIL(fake_is(rig, &rig->at_gate));
}

void rig_let_go(struct rig *rig) {
    fake_set(rig, &rig->gate_closed, false);
}

/* ---- What the test does ---------------------------------------------------------------------- */

void fake_set(struct rig *rig, bool *what, bool value) {
    HOLD_LOCK(&rig->broker.lock);
    *what = value;
    pthread_cond_broadcast(&rig->broker.changed);
}

bool fake_is(struct rig *rig, const bool *what) {
    HOLD_LOCK(&rig->broker.lock);
    return *what;
}

void fake_set_first(struct rig *rig, uint64_t first_seq) {
    HOLD_LOCK(&rig->broker.lock);
    rig->broker.first_seq = first_seq;
    pthread_cond_broadcast(&rig->broker.changed);
}

void fake_delete(struct rig *rig, uint64_t seq) {
    HOLD_LOCK(&rig->broker.lock);
    for (size_t i = 0; i < rig->broker.count; i++)
        if (rig->broker.list[i].seq == seq) rig->broker.list[i].deleted = true;
}

size_t fake_sessions(struct rig *rig) {
    HOLD_LOCK(&rig->broker.lock);
    return rig->broker.sessions;
}

size_t fake_published(struct rig *rig) {
    HOLD_LOCK(&rig->broker.lock);
    return rig->broker.published_count;
}

size_t rig_count_said(struct rig *rig, const char *part) {
    size_t count = 0;
    HOLD_LOCK(&rig->broker.lock);
    struct reel_str left = text_str(&rig->said);
    const char *at;
    for (; (at = memmem(left.data, left.len, part, strlen(part))); count++) {
        left.len -= (size_t)(at + 1 - left.data);
        left.data = at + 1;
    }
    return count;
}

bool rig_has_said(struct rig *rig, const char *part) {
    return rig_count_said(rig, part) > 0;
}

struct feed_metrics metrics_of(struct rig *rig) {
    struct feed_metrics metrics;
    feed_read(rig->feed, &metrics);
    return metrics;
}

void rig_pause(void) {
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}
