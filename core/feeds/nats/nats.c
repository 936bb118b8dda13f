/* nats.c: see nats.h. In this order: begin and end of a session; requesting messages, handling
 * them, looking at the stream; the loop of a session; publishing.
 *
 * Everything that the broker sends (messages of the stream, status messages about requests, and
 * answers to publications) arrives in one inbox, and is read by the feed's thread in the order of
 * arrival. One function, `handle`, decides which of these a message is, by something that only the
 * broker can give: its position in the stream, or the subject to which it was sent. Refused
 * permissions do not arrive in the inbox (nats_refusals). */
#include "feeds/nats/nats.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/text.h"
#include "event/subject.h"
#include "feeds/nats/nats_connection.h"
#include "feeds/nats/nats_inbox.h"
#include "feeds/nats/nats_message.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Most requests that are open at one time, and most messages of one request. */
#define REQUESTS_MAX  4
#define REQUEST_BYTES (8 << 20)

/* A request ends by itself after this time. While it is open and there is no message, heartbeats
 * arrive. */
#define EXPIRES_MS   30000
#define HEARTBEAT_MS 2000
#define SILENCE_MS   (3 * HEARTBEAT_MS + 1000)

/* Longest wait for a message; and a shorter one, to gather some more while the writer is busy. */
#define WAIT_MS      250
#define WAIT_MORE_MS 2

/* How often the stream's first and last message are asked for. */
#define LOOK_MS 2000

#define NS_PER_MS UINT64_C(1000000)

struct nats {
    struct nats_options options;
    struct nats_refusals refusals;
    pthread_mutex_t lock;       /* protects the members below, which publishing uses */
    natsConnection *connection; /* NULL: not connected */
    const char *inbox;
};

struct request {
    uint64_t number; /* 0: the request is not open */
    uint64_t left;   /* messages that may still arrive for it */
};

struct session {
    struct nats *nats;
    struct feed *feed;
    natsConnection *connection;
    jsCtx *js;
    struct nats_inbox *inbox;
    char *consumer;
    bool whole; /* the consumer gives every message of the stream, so a missing number is a gap */
    struct nats_decoder decoder;
    uint64_t created_ns; /* of the stream */
    uint64_t last_seq;   /* when the stream was last looked at */
    uint64_t taken_seq;  /* no message up to this seq will arrive any more */
    uint64_t pending;    /* messages of the stream after it, when this was last known */
    uint64_t
        consumer_seq; /* number of the last message, among all that the consumer has delivered */
    struct request requests[REQUESTS_MAX];
    uint64_t request_count; /* requests made so far */
    bool one_large;         /* the next message is larger than the byte limit of a request */
    bool gathered;          /* messages were taken that the writer does not have yet */
    uint64_t silent_ms;     /* time without a word from the broker */
    uint64_t looked_ms;
};

/* ---- Begin and end of a session -------------------------------------------------------------- */

static void say(void *context, const char *sentence) {
    feed_say_message(((struct session *)context)->feed, sentence);
}

static int connect(struct session *session, struct reel_error *error) {
    struct nats *nats = session->nats;
    int rc = nats_connect(&nats->options, &nats->refusals, &session->connection, error);
    if (rc < 0) return rc;
    natsStatus status = natsConnection_JetStream(&session->js, session->connection, NULL);
    return status == NATS_OK ? nats_inbox_open(session->connection, &session->inbox, error)
                             : nats_fail(status, "cannot use JetStream", error);
}

static int fetch(void *context, uint64_t seq, struct feed_message *ret, struct reel_error *error) {
    struct session *session = context;
    natsMsg *msg = NULL;
    int rc = nats_fetch(session->js, &session->nats->options, seq, &msg, error);
    if (rc <= 0) return rc;
    ret->seq = seq;
    ret->time_ns = (uint64_t)natsMsg_GetTime(msg);
    rc = nats_message_take(&session->decoder, msg, ret, error);
    return rc < 0 ? rc : 1;
}

static int begin_with(struct session *session, const jsStreamInfo *info, struct reel_error *error) {
    const struct nats_options *options = &session->nats->options;
    struct feed_stream stream = {
        .name = options->stream,
        .filter = options->filter,
        .created_ns = (uint64_t)info->Created,
        .first_seq = info->State.FirstSeq,
        .last_seq = info->State.LastSeq,
        .fetch = fetch,
        .session = session,
    };
    uint64_t from;
    session->created_ns = stream.created_ns;
    session->last_seq = stream.last_seq;
    int rc = feed_begin(session->feed, &stream, &from, error);
    if (rc < 0) return rc;
    session->taken_seq = from - 1;
    session->whole = nats_takes_all(info, options);
    return nats_make_consumer(session->js, options, from, session->whole, &session->consumer,
                              error);
}

static int begin(struct session *session, struct reel_error *error) {
    jsStreamInfo *info = NULL;
    int rc = connect(session, error);
    if (rc == 0) rc = nats_find_stream(session->js, &session->nats->options, &info, error);
    if (rc == 0) rc = begin_with(session, info, error);
    jsStreamInfo_Destroy(info);
    return rc;
}

/* Says whether events can be published from now on. */
static void offer_connection(struct session *session, bool offered) {
    struct nats *nats = session->nats;
    HOLD_LOCK(&nats->lock);
    INVARIANT(!offered || (session->connection && !nats->connection)); /* one session at a time */
    nats->connection = offered ? session->connection : NULL;
    nats->inbox = offered ? nats_inbox_name(session->inbox) : NULL;
}

/* Closes the connection first. This waits for the library's thread that reads from it, which could
 * otherwise use the subscription while it is freed (libnats 3.4.1). */
static void session_finish(struct session *session) {
    offer_connection(session, false);
    if (session->consumer && feed_is_stopping(session->feed))
        nats_drop_consumer(session->js, &session->nats->options, session->consumer);
    natsConnection_Close(session->connection);
    nats_inbox_close(session->inbox);
    jsCtx_Destroy(session->js);
    natsConnection_Destroy(session->connection);
    free(session->consumer);
    json_parser_destroy(session->decoder.parser);
    arena_finish(&session->decoder.arena);
}

/* ---- Requests for messages ------------------------------------------------------------------- */

static uint64_t asked_for(const struct session *session) {
    uint64_t left = 0;
    for (size_t i = 0; i < REQUESTS_MAX; i++) left += session->requests[i].left;
    return left;
}

static int ask(struct session *session, struct request *request, uint64_t count,
               struct reel_error *error) {
    char subject[600], reply[128], text[200], bytes[40] = "";
    INVARIANT(count > 0 && request->number == 0);
    uint64_t number = ++session->request_count;
    if (!session->one_large) snprintf(bytes, sizeof bytes, "\"max_bytes\":%d,", REQUEST_BYTES);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s",
             session->nats->options.stream, session->consumer);
    snprintf(reply, sizeof reply, "%s.%" PRIu64, nats_inbox_name(session->inbox), number);
    int len =
        snprintf(text, sizeof text,
                 "{\"batch\":%" PRIu64 ",%s\"expires\":%" PRIu64 ",\"idle_heartbeat\":%" PRIu64 "}",
                 count, bytes, EXPIRES_MS * NS_PER_MS, HEARTBEAT_MS * NS_PER_MS);
    natsStatus status =
        natsConnection_PublishRequest(session->connection, subject, reply, text, len);
    if (status != NATS_OK) return nats_fail(status, "cannot ask for messages", error);
    *request = (struct request){number, count};
    return 0;
}

/* Keeps requests open for as many messages as fit, but does not request only a few at a time. */
static int ask_for_more(struct session *session, struct reel_error *error) {
    uint64_t asked = asked_for(session), most = session->nats->options.batch_events;
    if (asked > 0 && session->one_large)
        return 0; /* a large message is requested first, and alone */
    uint64_t room = feed_room(session->feed);
    INVARIANT(asked <= REQUESTS_MAX * most);
    room = room > asked ? room - asked : 0;
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &session->requests[i];
        uint64_t count = session->one_large ? 1 : room < most ? room : most;
        if (request->number != 0) continue;
        if (count == 0 || (asked > 0 && count < most / 2)) return 0;
        int rc = ask(session, request, count, error);
        if (rc < 0 || session->one_large) return rc;
        asked += count;
        room -= count;
    }
    return 0;
}

/* Called for each message: requests are served in their order. */
static void count_message(struct session *session) {
    struct request *oldest = NULL;
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &session->requests[i];
        if (request->number != 0 && (!oldest || request->number < oldest->number)) oldest = request;
    }
    session->one_large = false;
    if (!oldest) return;
    INVARIANT(oldest->left > 0); /* else it would not be open */
    if (--oldest->left == 0) oldest->number = 0;
}

/* ---- Messages that arrive -------------------------------------------------------------------- */

/* If the consumer gives every message (`whole`), some have subjects that are not mirrored: old
 * subjects of the stream, or subjects that it takes from other streams. Takes ownership of the
 * message. */
static int take_event(struct session *session, natsMsg *msg, const struct nats_place *place,
                      struct reel_error *error) {
    struct feed_message message = {.seq = place->seq, .time_ns = place->time_ns};
    const char *filter = session->nats->options.filter;
    if (session->whole && !subject_matches(reel_text(filter), reel_text(natsMsg_GetSubject(msg)))) {
        natsMsg_Destroy(msg);
        return 0;
    }
    int rc = nats_message_take(&session->decoder, msg, &message, error);
    return rc < 0 ? rc : feed_take(session->feed, &message, error);
}

/* Notes that messages of the stream up to `seq` that did not arrive will not arrive any more. */
static int pass(struct session *session, uint64_t seq, uint64_t time_ns, struct reel_error *error) {
    uint64_t missing = seq > session->taken_seq ? seq - session->taken_seq : 0;
    if (missing == 0) return 0;
    session->taken_seq = seq;
    return session->whole ? feed_gap(session->feed, seq, missing, time_ns, error) : 0;
}

/* Takes ownership of the message. */
static int handle_message(struct session *session, natsMsg *msg, const struct nats_place *place,
                          struct reel_error *error) {
    if (place->consumer_seq != session->consumer_seq + 1) {
        natsMsg_Destroy(msg);
        return fail(error, -EAGAIN,
                    "a message is missing: the consumer's %" PRIu64 " came after its %" PRIu64,
                    place->consumer_seq, session->consumer_seq);
    }
    session->consumer_seq = place->consumer_seq;
    session->gathered = true;
    count_message(session);
    int rc = pass(session, place->seq - 1, place->time_ns, error);
    if (rc < 0)
        natsMsg_Destroy(msg);
    else
        rc = take_event(session, msg, place, error);
    if (session->taken_seq < place->seq) session->taken_seq = place->seq;
    session->pending = place->pending;
    if (place->pending % 64 == 0) feed_note(session->feed, place->seq, place->pending);
    bool in_sync = place->pending == 0 && place->seq >= session->last_seq;
    return rc == 0 && in_sync ? feed_in_sync(session->feed, place->seq, error) : rc;
}

static void handle_answer(struct session *session, natsMsg *msg, const uint8_t id_hash[16]) {
    const char *words, *status = nats_status(msg, &words);
    json_t *answer = NULL, *failure;
    if (status)
        session->looked_ms = 0; /* the stream's subjects may have changed */
    else
        answer = json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL);
    failure = json_object_get(answer, "error");
    const char *why = json_string_value(json_object_get(failure, "description"));
    json_int_t seq = json_integer_value(json_object_get(answer, "seq"));
    if (seq > 0 && !failure)
        feed_published(session->feed, id_hash, 0, (uint64_t)seq,
                       json_is_true(json_object_get(answer, "duplicate")), NULL);
    else
        feed_published(session->feed, id_hash, -EAGAIN, 0, false,
                       status ? "no stream of the broker has the subject of this event"
                       : why  ? why
                              : "the broker's answer cannot be read");
    json_decref(answer);
}

/* Handles a status message about a request: the request has ended, unless this is a heartbeat. */
static int handle_word(struct session *session, natsMsg *msg, uint64_t number,
                       struct reel_error *error) {
    const char *words = NULL, *status = nats_status(msg, &words);
    struct request *request = NULL;
    if (!status) return 0; /* from a stranger who knows the name of the inbox */
    if (strcmp(status, "100") == 0) return 0;
    for (size_t i = 0; i < REQUESTS_MAX; i++)
        if (session->requests[i].number == number) request = &session->requests[i];
    bool too_large = words && strstr(words, "MaxBytes");
    if (strcmp(status, "408") != 0 && strcmp(status, "404") != 0 && !too_large)
        return fail(error, -EAGAIN, "the consumer is gone: %s %s", status, words ? words : "");
    if (!request) return 0;
    if (too_large) session->one_large = true;
    *request = (struct request){0};
    return 0;
}

/* Decides what a message is. Only the broker can give a position in the stream, or send to the
 * subject of a request or of a publication. Takes ownership of the message. */
static int handle(struct session *session, natsMsg *msg, struct reel_error *error) {
    struct nats_place place;
    uint8_t id_hash[16];
    if (nats_place_read(natsMsg_GetReply(msg), &place))
        return handle_message(session, msg, &place, error);
    const char *token = natsMsg_GetSubject(msg);
    size_t len = strlen(nats_inbox_name(session->inbox));
    token = strlen(token) > len ? token + len + 1 : "";
    uint64_t number = 0; /* of a request; 0: not of a request */
    int rc = 0;
    number_read(reel_text(token), &number);
    if (nats_id_read(token, id_hash))
        handle_answer(session, msg, id_hash);
    else
        rc = handle_word(session, msg, number, error);
    natsMsg_Destroy(msg);
    return rc;
}

/* ---- Refused permissions --------------------------------------------------------------------- */

/* True if the subject belongs to an event that was published, not to something that a session
 * needs. */
static bool is_of_event(struct reel_str subject) {
    return subject.data && strncmp(subject.data, "$JS.", 4) != 0;
}

/* Handles what the server does not permit. If it is the publication of an event, its sender is
 * told. A request that is not permitted gets no answer and fails by itself. But if messages cannot
 * be requested, nothing would ever arrive, so the session ends. */
static int heed_refusals(struct session *session, struct reel_error *error) {
    char refusal[NATS_REFUSAL_BYTES];
    struct nats_refusals *refusals = &session->nats->refusals;
    while (nats_refusals_next(refusals, refusal)) {
        bool is_whole = false;
        struct reel_str subject = nats_refused_subject(refusal, &is_whole);
        if (is_of_event(subject))
            feed_refused(session->feed, subject, is_whole, refusal);
        else if (!subject.data || strstr(refusal, ".MSG.NEXT."))
            return fail(error, -EAGAIN, "the broker does not permit a request that is needed: %s",
                        refusal);
    }
    return 0;
}

/* Adds the server's reason to the error of a request that got no answer because it is not
 * permitted. */
static int fail_with_refusal(struct session *session, int rc, struct reel_error *error) {
    char refusal[NATS_REFUSAL_BYTES], sentence[sizeof error->text];
    bool is_whole;
    if (!nats_refusals_newest(&session->nats->refusals, refusal)) return rc;
    if (is_of_event(nats_refused_subject(refusal, &is_whole))) return rc;
    if (strstr(error->text, refusal)) return rc;
    memcpy(sentence, error->text, sizeof sentence);
    return fail(error, rc, "%s; the broker says: %s", sentence, refusal);
}

/* ---- Looking at the stream ------------------------------------------------------------------- */

/* Returns 1 if no message of the stream after our newest one is for us: such messages were deleted,
 * or have subjects that are not mirrored. The consumer is asked first. Its answer counts only if
 * the stream's leader confirms it for the last messages, because the consumer may be on a server
 * that is behind. (That a message was delivered with none pending after it proves nothing either:
 * the message may have waited here.) */
static int has_all(struct session *session, struct reel_error *error) {
    enum { FETCHES_MAX = 16 };
    const struct nats_options *options = &session->nats->options;
    struct nats_progress progress;
    uint64_t seq = session->last_seq;
    int rc = nats_look_at_consumer(session->js, options, session->consumer, &progress, error);
    if (rc < 0) return rc;
    session->pending = progress.pending;
    if (progress.pending > 0 || progress.delivered != session->consumer_seq) return 0;
    for (int i = 0; i < FETCHES_MAX && seq > session->taken_seq; i++, seq--) {
        natsMsg *msg = NULL;
        rc = nats_fetch(session->js, options, seq, &msg, error);
        if (rc < 0) return rc;
        bool ours = rc > 0 &&
                    subject_matches(reel_text(options->filter), reel_text(natsMsg_GetSubject(msg)));
        natsMsg_Destroy(msg);
        if (ours) return 0;
    }
    return 1;
}

static int look(struct session *session, struct reel_error *error) {
    jsStreamInfo *info = NULL;
    int rc = nats_look_at_stream(session->js, &session->nats->options, &info, error);
    if (rc < 0) return rc;
    uint64_t created = (uint64_t)info->Created, first = info->State.FirstSeq;
    uint64_t last = info->State.LastSeq;
    rc = nats_check_stream(info, &session->nats->options, error);
    jsStreamInfo_Destroy(info);
    session->looked_ms = clock_ms();
    if (rc < 0) return rc;
    if (created != session->created_ns) return fail(error, -EAGAIN, "the stream was created again");
    if (last < session->last_seq)
        return fail(error, -EAGAIN, "the stream was reset: it ends at %" PRIu64 ", not %" PRIu64,
                    last, session->last_seq);
    session->last_seq = last;
    rc = last > session->taken_seq ? has_all(session, error) : 1;
    if (rc < 0) return rc;
    bool all = rc > 0;
    if (all) session->pending = 0; /* the others may have been deleted */
    feed_note(session->feed, last, session->pending);
    rc = all ? pass(session, last, 0, error) : 0;
    if (rc == 0) rc = feed_trim(session->feed, first, error);
    nats_refusals_await(&session->nats->refusals, session->connection);
    if (rc == 0) rc = heed_refusals(session, error); /* refusals of earlier requests */
    return rc == 0 && all ? feed_in_sync(session->feed, last, error) : rc;
}

/* ---- The loop -------------------------------------------------------------------------------- */

/* Called when no message is there. */
static int rest(struct session *session, uint64_t waited_ms, struct reel_error *error) {
    int rc = heed_refusals(session, error);
    if (rc < 0) return rc;
    rc = feed_flush(session->feed, error);
    session->gathered = rc > 0;
    if (rc != 0) return rc < 0 ? rc : 0;
    if (asked_for(session) > 0) session->silent_ms += waited_ms;
    if (session->silent_ms >= SILENCE_MS)
        return fail(error, -EAGAIN, "the broker has sent nothing for %d ms", SILENCE_MS);
    return clock_ms() - session->looked_ms >= LOOK_MS ? look(session, error) : 0;
}

static int follow(struct session *session, struct reel_error *error) {
    natsMsg *msg = NULL;
    bool at_once = false; /* more messages may be there already */
    int rc = ask_for_more(session, error);
    if (rc == 0) rc = look(session, error);
    while (rc == 0 && !feed_is_stopping(session->feed)) {
        bool busy = session->gathered || asked_for(session) == 0; /* the writer is busy */
        uint32_t wait_ms = at_once ? 0 : busy ? WAIT_MORE_MS : WAIT_MS;
        rc = nats_inbox_next(session->inbox, wait_ms, &msg, error);
        at_once = rc > 0;
        if (rc > 0) session->silent_ms = 0;
        if (rc > 0)
            rc = handle(session, msg, error);
        else if (rc == 0)
            rc = rest(session, wait_ms, error);
        if (rc == 0) rc = ask_for_more(session, error);
    }
    return rc;
}

static int run_session(struct feed *feed, void *state, struct reel_error *error) {
    struct session session = {.nats = state, .feed = feed};
    session.decoder = (struct nats_decoder){
        .parser = json_parser_create(NULL),
        .event_bytes_max = session.nats->options.event_bytes_max,
        .say = say,
        .context = &session,
    };
    int rc = session.decoder.parser ? begin(&session, error) : fail_memory(error);
    if (rc == 0) {
        offer_connection(&session, true);
        rc = follow(&session, error);
    }
    if (rc < 0) rc = fail_with_refusal(&session, rc, error);
    session_finish(&session);
    return rc;
}

/* ---- Publishing ------------------------------------------------------------------------------ */

static natsStatus set_text(natsMsg *msg, const char *name, const struct text *value) {
    CLEANUP(text_finish) struct text encoded = {0};
    text_append_percent(&encoded, text_str(value), "-._~");
    text_append(&encoded, "", 1);
    return encoded.failed ? NATS_NO_MEMORY : natsMsgHeader_Set(msg, name, encoded.data);
}

static natsStatus set_id(natsMsg *msg, const char *name, const uint8_t hash[16]) {
    char id[NATS_ID_TEXT];
    nats_id_write(hash, id);
    return natsMsgHeader_Set(msg, name, id);
}

static natsStatus set_answer(natsMsg *msg, const struct outgoing *event) {
    static const uint8_t unknown[16];
    const struct log_answer *answer = &event->answer;
    natsStatus status = set_id(msg, NATS_BODY_HEADER, answer->body_hash);
    if (status == NATS_OK && memcmp(answer->caller_hash, unknown, sizeof unknown) != 0)
        status = set_id(msg, NATS_CALLER_HEADER, answer->caller_hash);
    if (status == NATS_OK) status = set_text(msg, NATS_KEY_HEADER, &event->key);
    if (status == NATS_OK && event->principal.len > 0)
        status = set_text(msg, NATS_PRINCIPAL_HEADER, &event->principal);
    return status;
}

static natsStatus make_message(const struct nats *nats, const struct outgoing *event,
                               natsMsg **ret) {
    char id[NATS_ID_TEXT], reply[128];
    struct reel_str subject = text_str(&event->subject);
    AUTO_FREE char *copy = strndup(subject.data, subject.len);
    nats_id_write(event->id_hash, id);
    snprintf(reply, sizeof reply, "%s.%s", nats->inbox, id);
    if (!copy) return NATS_NO_MEMORY;
    natsStatus status = natsMsg_Create(ret, copy, reply, event->bytes.data, (int)event->bytes.len);
    if (status == NATS_OK) status = natsMsgHeader_Set(*ret, NATS_ID_HEADER, id);
    return status == NATS_OK && event->answer.has_body ? set_answer(*ret, event) : status;
}

static int publish(void *state, const struct outgoing *event, struct reel_error *error) {
    struct nats *nats = state;
    natsMsg *msg = NULL;
    HOLD_LOCK(&nats->lock);
    if (!nats->connection) return fail(error, -EAGAIN, "there is no connection to the broker");
    natsStatus status = make_message(nats, event, &msg);
    if (status == NATS_OK) status = natsConnection_PublishMsg(nats->connection, msg);
    natsMsg_Destroy(msg);
    if (status == NATS_MAX_PAYLOAD)
        return fail(error, -E2BIG, "the event has %zu bytes, the broker accepts at most %" PRId64,
                    event->bytes.len, natsConnection_GetMaxPayload(nats->connection));
    return status == NATS_OK ? 0 : nats_fail(status, "cannot publish", error);
}

/* ---- Creating and destroying ----------------------------------------------------------------- */

int nats_create(const struct nats_options *options, struct nats **ret, struct reel_error *error) {
    struct nats *nats = calloc(1, sizeof *nats);
    if (!nats) return fail_memory(error);
    nats->options = *options;
    pthread_mutex_init(&nats->lock, NULL);
    nats_refusals_init(&nats->refusals);
    *ret = nats;
    return 0;
}

void nats_destroy(struct nats *nats) {
    if (!nats) return;
    INVARIANT(!nats->connection);
    nats_CloseAndWait(0); /* the library's own threads, which may look at what is refused */
    nats_refusals_finish(&nats->refusals);
    pthread_mutex_destroy(&nats->lock);
    free(nats);
}

const struct feed_broker nats_broker = {
    .name = "jetstream", .session = run_session, .publish = publish};
