/* nats_connection.c: see nats_connection.h. */
#include "feeds/nats/nats_connection.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "event/subject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 64

/* Longest time for one attempt to connect, and for one question to JetStream. */
#define CONNECT_MS 2000
#define ASK_MS     5000
#define DROP_MS    1000

/* Longest wait until the library's thread has delivered a refusal. */
#define REFUSAL_MS 2000

/* A server that does not answer two pings is given up. */
#define PING_MS 5000

/* A write that takes longer fails, and the session ends. Without this limit, a write could block
 * for ever with the connection's lock held, if the broker has stopped but its host has not. */
#define WRITE_MS 2000

/* Bytes of one read from the socket. */
#define BUFFER_BYTES (256 << 10)

#define STREAM_AGE_NS (INT64_C(90) * 24 * 3600 * 1000000000)
#define INACTIVE_NS   (INT64_C(60) * 1000000000)

int nats_fail(natsStatus status, const char *doing, struct reel_error *error) {
    return fail(error, status == NATS_NO_MEMORY ? -ENOMEM : -EAGAIN, "%s: %s", doing,
                natsStatus_GetText(status));
}

/* ---- Refused permissions --------------------------------------------------------------------- */

void nats_refusals_init(struct nats_refusals *refusals) {
    pthread_mutex_init(&refusals->lock, NULL);
    clock_condition(&refusals->arrived);
}

void nats_refusals_finish(struct nats_refusals *refusals) {
    pthread_cond_destroy(&refusals->arrived);
    pthread_mutex_destroy(&refusals->lock);
}

static void refusals_clear(struct nats_refusals *refusals) {
    HOLD_LOCK(&refusals->lock);
    refusals->first = refusals->count = 0;
    refusals->newest[0] = '\0';
}

void nats_refusals_await(struct nats_refusals *refusals, natsConnection *connection) {
    const char *words;
    if (natsConnection_GetLastError(connection, &words) != NATS_NOT_PERMITTED) return;
    struct timespec until = clock_after(REFUSAL_MS);
    HOLD_LOCK(&refusals->lock);
    while (!refusals->newest[0])
        if (pthread_cond_timedwait(&refusals->arrived, &refusals->lock, &until) == ETIMEDOUT)
            return;
}

bool nats_refusals_next(struct nats_refusals *refusals, char ret[NATS_REFUSAL_BYTES]) {
    HOLD_LOCK(&refusals->lock);
    INVARIANT(refusals->count <= NATS_REFUSALS_MAX && refusals->first < NATS_REFUSALS_MAX);
    if (refusals->count == 0) return false;
    memcpy(ret, refusals->texts[refusals->first], NATS_REFUSAL_BYTES);
    refusals->first = (refusals->first + 1) % NATS_REFUSALS_MAX;
    refusals->count--;
    return true;
}

bool nats_refusals_newest(struct nats_refusals *refusals, char ret[NATS_REFUSAL_BYTES]) {
    HOLD_LOCK(&refusals->lock);
    memcpy(ret, refusals->newest, NATS_REFUSAL_BYTES);
    return ret[0] != '\0';
}

struct reel_str nats_refused_subject(const char *refusal, bool *ret_is_whole) {
    static const char before[] = "Publish to \"";
    const char *at = strstr(refusal, before);
    if (!at) return (struct reel_str){NULL, 0};
    at += sizeof before - 1;
    size_t len = strcspn(at, "\"");
    *ret_is_whole = at[len] != '\0';
    return (struct reel_str){at, len};
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static natsStatus set_servers(natsOptions *to, const char *urls) {
    const char *servers[SERVERS_MAX];
    AUTO_FREE char *copy = strdup(urls);
    int count = 0;
    char *rest = NULL;
    if (!copy) return NATS_NO_MEMORY;
    for (char *url = strtok_r(copy, ", ", &rest); url; url = strtok_r(NULL, ", ", &rest)) {
        if (count == SERVERS_MAX) return NATS_INVALID_ARG;
        servers[count++] = url;
    }
    return natsOptions_SetServers(to, servers, count);
}

static natsStatus set_identity(natsOptions *to, const struct nats_options *options) {
    natsStatus status = NATS_OK;
    if (options->creds) status = natsOptions_SetUserCredentialsFromFiles(to, options->creds, NULL);
    if (status == NATS_OK && options->user)
        status =
            natsOptions_SetUserInfo(to, options->user, options->password ? options->password : "");
    if (status == NATS_OK && options->token) status = natsOptions_SetToken(to, options->token);
    return status;
}

static natsStatus set_tls(natsOptions *to, const struct nats_options *options) {
    natsStatus status = NATS_OK;
    if (options->tls || options->ca || options->cert) status = natsOptions_SetSecure(to, true);
    if (status == NATS_OK && options->ca)
        status = natsOptions_LoadCATrustedCertificates(to, options->ca);
    if (status == NATS_OK && options->cert)
        status = natsOptions_LoadCertificatesChain(to, options->cert,
                                                   options->key ? options->key : options->cert);
    return status;
}

/* Stores refusals. The loss of the connection is not handled here: requests fail then. (Without a
 * handler, the library writes to stderr.) */
static void note_error(natsConnection *connection, natsSubscription *subscription,
                       natsStatus status, void *closure) {
    struct nats_refusals *refusals = closure;
    const char *words = nats_GetLastError(NULL);
    (void)connection, (void)subscription;
    if (status != NATS_NOT_PERMITTED || !words) return;
    HOLD_LOCK(&refusals->lock);
    snprintf(refusals->newest, sizeof refusals->newest, "%s", words);
    pthread_cond_broadcast(&refusals->arrived);
    if (refusals->count == NATS_REFUSALS_MAX) return;
    size_t at = (refusals->first + refusals->count++) % NATS_REFUSALS_MAX;
    memcpy(refusals->texts[at], refusals->newest, sizeof refusals->newest);
}

static natsStatus set_manners(natsOptions *to, struct nats_refusals *refusals) {
    natsStatus status = natsOptions_SetName(to, "reeld");
    if (status == NATS_OK)
        status = natsOptions_SetAllowReconnect(to, false); /* the next session connects again */
    if (status == NATS_OK) status = natsOptions_SetTimeout(to, CONNECT_MS);
    if (status == NATS_OK) status = natsOptions_SetWriteDeadline(to, WRITE_MS);
    if (status == NATS_OK) status = natsOptions_SetPingInterval(to, PING_MS);
    if (status == NATS_OK) status = natsOptions_SetMaxPingsOut(to, 2);
    if (status == NATS_OK) status = natsOptions_SetIOBufSize(to, BUFFER_BYTES);
    if (status == NATS_OK) status = natsOptions_SetErrorHandler(to, note_error, refusals);
    return status;
}

int nats_connect(const struct nats_options *options, struct nats_refusals *refusals,
                 natsConnection **ret, struct reel_error *error) {
    natsOptions *to = NULL;
    refusals_clear(refusals);
    natsStatus status = natsOptions_Create(&to);
    if (status == NATS_OK) status = set_servers(to, options->urls);
    if (status == NATS_OK) status = set_manners(to, refusals);
    if (status == NATS_OK) status = set_identity(to, options);
    if (status == NATS_OK) status = set_tls(to, options);
    if (status == NATS_OK) status = natsConnection_Connect(ret, to);
    natsOptions_Destroy(to);
    return status == NATS_OK ? 0 : nats_fail(status, "cannot connect to the broker", error);
}

/* ---- The stream ------------------------------------------------------------------------------ */

static jsOptions asking(void) {
    jsOptions ask;
    jsOptions_Init(&ask);
    ask.Wait = ASK_MS;
    return ask;
}

/* Makes an error with the words of JetStream, if the client library gives only a number. */
static int fail_asked(natsStatus status, const char *doing, const char *what,
                      struct reel_error *error) {
    const char *detail = nats_GetLastError(NULL);
    char sentence[200];
    snprintf(sentence, sizeof sentence, "%s %s", doing, what);
    if (status == NATS_NOT_FOUND || !detail || !detail[0])
        return nats_fail(status, sentence, error);
    return fail(error, status == NATS_NO_MEMORY ? -ENOMEM : -EAGAIN, "%s: %s (%s)", sentence,
                natsStatus_GetText(status), detail);
}

int nats_look_at_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                        struct reel_error *error) {
    jsOptions ask = asking();
    natsStatus status = js_GetStreamInfo(ret, js, options->stream, &ask, NULL);
    return status == NATS_OK
               ? 0
               : fail_asked(status, "cannot get information about stream", options->stream, error);
}

static int make_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                       struct reel_error *error) {
    jsOptions ask = asking();
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = options->stream;
    config.Subjects = (const char **)&options->filter;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.MaxAge = STREAM_AGE_NS;
    natsStatus status = js_AddStream(ret, js, &config, &ask, NULL);
    return status == NATS_OK ? 0
                             : fail_asked(status, "cannot create stream", options->stream, error);
}

/* Checks that the stream's subjects include everything that the filter asks for. */
static int check_subjects(const jsStreamInfo *info, const struct nats_options *options,
                          struct reel_error *error) {
    for (int i = 0; i < info->Config->SubjectsLen; i++)
        if (subject_matches(reel_text(info->Config->Subjects[i]), reel_text(options->filter)))
            return 0;
    return fail(error, -ESTALE, "the subjects of stream %s, %s%s, do not cover `%s`",
                options->stream, info->Config->SubjectsLen > 0 ? info->Config->Subjects[0] : "none",
                info->Config->SubjectsLen > 1 ? " and more" : "", options->filter);
}

bool nats_takes_all(const jsStreamInfo *info, const struct nats_options *options) {
    for (int i = 0; i < info->Config->SubjectsLen; i++)
        if (!subject_matches(reel_text(options->filter), reel_text(info->Config->Subjects[i])))
            return false;
    return true;
}

/* With the two other kinds of retention, a stream removes messages that all of its consumers, or
 * one of them, have acknowledged. Such a stream is not a log. */
static int check_retention(const jsStreamInfo *info, const struct nats_options *options,
                           struct reel_error *error) {
    if (info->Config->Retention == js_LimitsPolicy) return 0;
    return fail(error, -ESTALE,
                "stream %s has %s retention: it removes messages that were delivered, so it is not "
                "a log; create it with retention by limits",
                options->stream,
                info->Config->Retention == js_InterestPolicy ? "interest" : "workqueue");
}

int nats_check_stream(const jsStreamInfo *info, const struct nats_options *options,
                      struct reel_error *error) {
    int rc = check_retention(info, options, error);
    return rc == 0 ? check_subjects(info, options, error) : rc;
}

int nats_find_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                     struct reel_error *error) {
    jsOptions ask = asking();
    jsStreamInfo *info = NULL;
    natsStatus status = js_GetStreamInfo(&info, js, options->stream, &ask, NULL);
    int rc = 0;
    if (status == NATS_NOT_FOUND)
        rc = make_stream(js, options, &info, error);
    else if (status != NATS_OK)
        rc = fail_asked(status, "cannot get information about stream", options->stream, error);
    if (rc == 0) rc = nats_check_stream(info, options, error);
    if (rc < 0)
        jsStreamInfo_Destroy(info);
    else
        *ret = info;
    return rc;
}

int nats_fetch(jsCtx *js, const struct nats_options *options, uint64_t seq, natsMsg **ret,
               struct reel_error *error) {
    jsOptions ask = asking();
    natsStatus status = js_GetMsg(ret, js, options->stream, seq, &ask, NULL);
    if (status == NATS_OK) return 1;
    if (status == NATS_NOT_FOUND) return 0;
    return fail_asked(status, "cannot fetch a message of stream", options->stream, error);
}

/* ---- The consumer ---------------------------------------------------------------------------- */

int nats_make_consumer(jsCtx *js, const struct nats_options *options, uint64_t from, bool whole,
                       char **ret_name, struct reel_error *error) {
    jsOptions ask = asking();
    jsConsumerConfig config;
    jsConsumerInfo *info = NULL;
    jsConsumerConfig_Init(&config);
    config.DeliverPolicy = js_DeliverByStartSequence;
    config.OptStartSeq = from;
    config.AckPolicy = js_AckNone;
    config.ReplayPolicy = js_ReplayInstant;
    config.FilterSubject = whole ? NULL : options->filter;
    config.InactiveThreshold = INACTIVE_NS;
    config.MemoryStorage = true;
    natsStatus status = js_AddConsumer(&info, js, options->stream, &config, &ask, NULL);
    if (status != NATS_OK)
        return fail_asked(status, "cannot create a consumer of stream", options->stream, error);
    char *name = strdup(info->Name);
    jsConsumerInfo_Destroy(info);
    if (!name) return fail_memory(error);
    *ret_name = name;
    return 0;
}

int nats_look_at_consumer(jsCtx *js, const struct nats_options *options, const char *consumer,
                          struct nats_progress *ret, struct reel_error *error) {
    jsOptions ask = asking();
    jsConsumerInfo *info = NULL;
    natsStatus status = js_GetConsumerInfo(&info, js, options->stream, consumer, &ask, NULL);
    if (status != NATS_OK)
        return fail_asked(status, "cannot get information about the consumer of stream",
                          options->stream, error);
    *ret = (struct nats_progress){info->NumPending, info->Delivered.Consumer};
    jsConsumerInfo_Destroy(info);
    return 0;
}

void nats_drop_consumer(jsCtx *js, const struct nats_options *options, const char *consumer) {
    jsOptions ask = asking();
    ask.Wait = DROP_MS;
    (void)js_DeleteConsumer(js, options->stream, consumer, &ask, NULL);
}
