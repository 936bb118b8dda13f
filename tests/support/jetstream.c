/* jetstream.c: see jetstream.h. */
#include "jetstream.h"

#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, ANSWER_MS = 2000, PENDING_MAX = 4096 };

/* ---- Connections ----------------------------------------------------------------------------- */

/* The broker is away, or chooses a leader: asking again is what helps. */
static bool is_passing(natsStatus status, jsErrCode code) {
    switch (status) {
    case NATS_TIMEOUT:
    case NATS_NO_SERVER:
    case NATS_NOT_YET_CONNECTED:
    case NATS_CONNECTION_DISCONNECTED:
    case NATS_NO_RESPONDERS:
    case NATS_IO_ERROR:
    case NATS_CONNECTION_CLOSED:
        return true;
    case NATS_ERR:
        return code == JSClusterNotAvailErr || code == JSClusterNotLeaderErr ||
               code == JSInsufficientResourcesErr || code == JSClusterNoPeersErr;
    default:
        return false;
    }
}

struct jetstream jetstream_opened(const char *urls, natsOptions *options) {
    struct jetstream jetstream = {NULL, NULL};
    const char *servers[8];
    int count = 0;
    char *text = strdup(urls), *rest = NULL;
    must(text != NULL);
    for (char *at = strtok_r(text, ",", &rest); at && count < 8; at = strtok_r(NULL, ",", &rest))
        servers[count++] = at;
    if (!options) must(natsOptions_Create(&options) == NATS_OK);
    must(natsOptions_SetServers(options, servers, count) == NATS_OK);
    must(natsOptions_SetMaxReconnect(options, -1) == NATS_OK);
    must(natsOptions_SetReconnectWait(options, 50) == NATS_OK);
    must(natsOptions_SetFailRequestsOnDisconnect(options, true) == NATS_OK);
    uint64_t began = now_ms();
    natsStatus status;
    while ((status = natsConnection_Connect(&jetstream.connection, options)) != NATS_OK) {
        if (now_ms() - began > PATIENCE_MS)
            support_failed(__FILE__, __LINE__, "%s: %s", urls, natsStatus_GetText(status));
        usleep(20000);
    }
    natsOptions_Destroy(options);
    free(text);
    jsOptions js;
    must(jsOptions_Init(&js) == NATS_OK);
    js.Wait = ANSWER_MS;
    js.PublishAsync.MaxPending = PENDING_MAX;
    js.PublishAsync.StallWait = PATIENCE_MS;
    must(natsConnection_JetStream(&jetstream.context, jetstream.connection, &js) == NATS_OK);
    jsAccountInfo *account = NULL;
    jsErrCode code = 0;
    while ((status = js_GetAccountInfo(&account, jetstream.context, NULL, &code)) != NATS_OK) {
        if (now_ms() - began > PATIENCE_MS)
            support_failed(__FILE__, __LINE__, "%s: %s", urls, natsStatus_GetText(status));
        usleep(20000);
    }
    jsAccountInfo_Destroy(account);
    return jetstream;
}

void jetstream_close(struct jetstream *jetstream) {
    jsCtx_Destroy(jetstream->context);
    natsConnection_Destroy(jetstream->connection);
    *jetstream = (struct jetstream){NULL, NULL};
}

/* ---- The stream ------------------------------------------------------------------------------ */

/* Repeats a call while what hinders it will pass. `status` and `code` are the caller's. */
#define INSIST(call)                                                                               \
    for (uint64_t insist_began = now_ms();                                                         \
         status = (call), is_passing(status, code) && now_ms() - insist_began < PATIENCE_MS;)      \
    usleep(20000)

static void check(const char *what, natsStatus status, jsErrCode code) {
    if (status != NATS_OK)
        support_failed(__FILE__, __LINE__, "%s: %s (%d): %s", what, natsStatus_GetText(status),
                       (int)code, nats_GetLastError(NULL));
}

void stream_make(struct jetstream *jetstream, const struct stream_options *options) {
    static const struct stream_options usual;
    if (!options) options = &usual;
    const char *subjects[] = {options->subject ? options->subject : "cellos.events.>"};
    jsStreamConfig config;
    natsStatus status;
    jsErrCode code = 0;
    must(jsStreamConfig_Init(&config) == NATS_OK);
    config.Name = options->name ? options->name : STREAM;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Replicas = options->replicas ? options->replicas : 1;
    if (options->messages_max) config.MaxMsgs = options->messages_max;
    config.Retention = options->retention;
    INSIST(js_AddStream(NULL, jetstream->context, &config, NULL, &code));
    check("making a stream", status, code);
}

void stream_set_subject(struct jetstream *jetstream, const char *name, const char *subject) {
    jsStreamConfig config;
    natsStatus status;
    jsErrCode code = 0;
    must(jsStreamConfig_Init(&config) == NATS_OK);
    config.Name = name;
    config.Subjects = &subject;
    config.SubjectsLen = 1;
    INSIST(js_UpdateStream(NULL, jetstream->context, &config, NULL, &code));
    check("changing a stream", status, code);
}

void stream_delete(struct jetstream *jetstream, const char *name) {
    natsStatus status;
    jsErrCode code = 0;
    INSIST(js_DeleteStream(jetstream->context, name, NULL, &code));
    if (status != NATS_NOT_FOUND)
        check("deleting a stream", status, code); /* the answer was lost */
}

void stream_purge(struct jetstream *jetstream, const char *name) {
    natsStatus status;
    jsErrCode code = 0;
    INSIST(js_PurgeStream(jetstream->context, name, NULL, &code));
    check("purging", status, code);
}

void stream_delete_message(struct jetstream *jetstream, const char *name, uint64_t seq) {
    natsStatus status;
    jsErrCode code = 0;
    INSIST(js_DeleteMsg(jetstream->context, name, seq, NULL, &code));
    if (status != NATS_NOT_FOUND) check("deleting a message", status, code);
}

bool stream_state(struct jetstream *jetstream, const char *name, struct stream_state *ret) {
    jsStreamInfo *info = NULL;
    natsStatus status;
    jsErrCode code = 0;
    INSIST(js_GetStreamInfo(&info, jetstream->context, name, NULL, &code));
    if (status == NATS_NOT_FOUND) return false;
    check("asking about a stream", status, code);
    *ret = (struct stream_state){.messages = info->State.Msgs,
                                 .first = info->State.FirstSeq,
                                 .last = info->State.LastSeq,
                                 .created_ns = info->Created,
                                 .max_age_ns = info->Config->MaxAge,
                                 .in_files = info->Config->Storage == js_FileStorage};
    snprintf(ret->subject, sizeof ret->subject, "%s", info->Config->Subjects[0]);
    if (info->Cluster && info->Cluster->Leader)
        snprintf(ret->leader, sizeof ret->leader, "%s", info->Cluster->Leader);
    jsStreamInfo_Destroy(info);
    return true;
}

struct stream_state stream_led(struct jetstream *jetstream, const char *name, const char *not_by) {
    struct stream_state state;
    for (uint64_t began = now_ms();; usleep(20000)) {
        must(now_ms() - began < PATIENCE_MS);
        must(stream_state(jetstream, name, &state));
        if (state.leader[0] && !(not_by && strcmp(state.leader, not_by) == 0)) return state;
    }
}

bool stream_message(struct jetstream *jetstream, const char *name, uint64_t seq,
                    struct stored *ret) {
    natsMsg *message = NULL;
    natsStatus status;
    jsErrCode code = 0;
    const char *id = NULL;
    INSIST(js_GetMsg(&message, jetstream->context, name, seq, NULL, &code));
    if (status == NATS_NOT_FOUND) return false;
    check("reading a message", status, code);
    *ret = (struct stored){0};
    text_add(&ret->payload, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    snprintf(ret->subject, sizeof ret->subject, "%s", natsMsg_GetSubject(message));
    if (natsMsgHeader_Get(message, "Nats-Msg-Id", &id) == NATS_OK)
        snprintf(ret->id, sizeof ret->id, "%s", id);
    natsMsg_Destroy(message);
    return true;
}

/* ---- Publishing ------------------------------------------------------------------------------ */

static natsMsg *message_of(const char *subject, const char *const *headers, const void *bytes,
                           size_t len, bool *ret_has_id) {
    natsMsg *message = NULL;
    must(natsMsg_Create(&message, subject, NULL, bytes, (int)len) == NATS_OK);
    *ret_has_id = false;
    for (; headers && *headers; headers++) {
        char name[64];
        const char *colon = strstr(*headers, ": ");
        must(colon && (size_t)(colon - *headers) < sizeof name);
        snprintf(name, sizeof name, "%.*s", (int)(colon - *headers), *headers);
        must(natsMsgHeader_Add(message, name, colon + 2) == NATS_OK);
        if (strcmp(name, "Nats-Msg-Id") == 0) *ret_has_id = true;
    }
    return message;
}

struct published publish(struct jetstream *jetstream, const char *subject,
                         const char *const *headers, const void *bytes, size_t len) {
    bool has_id;
    natsMsg *message = message_of(subject, headers, bytes, len, &has_id);
    jsPubAck *ack = NULL;
    natsStatus status;
    jsErrCode code = 0;
    jsPubOptions options;
    must(jsPubOptions_Init(&options) == NATS_OK);
    options.MaxWait = has_id ? ANSWER_MS : PATIENCE_MS;
    if (has_id)
        INSIST(js_PublishMsg(&ack, jetstream->context, message, &options, &code));
    else
        status = js_PublishMsg(&ack, jetstream->context, message, &options, &code);
    check("publishing", status, code);
    struct published published = {.seq = ack->Sequence, .duplicate = ack->Duplicate};
    jsPubAck_Destroy(ack);
    natsMsg_Destroy(message);
    return published;
}

static const char *load_subject(uint64_t n, char ret[64]) {
    snprintf(ret, 64, "cellos.events.load.%u", (unsigned)(n % 10));
    return ret;
}

struct published publish_load(struct jetstream *jetstream, uint64_t n) {
    char event[SAMPLE_BYTES_MAX], subject[64], id[64];
    size_t len = load_event(n, event, sizeof event);
    const char *const headers[] = {id, NULL};
    snprintf(id, sizeof id, "Nats-Msg-Id: load-%" PRIu64, n);
    return publish(jetstream, load_subject(n, subject), headers, event, len);
}

void publish_many(struct jetstream *jetstream, uint64_t first, size_t count) {
    char event[SAMPLE_BYTES_MAX], subject[64];
    struct stream_state before, after;
    must(stream_state(jetstream, STREAM, &before));
    for (uint64_t n = first; n < first + count; n++) {
        size_t len = load_event(n, event, sizeof event);
        must(js_PublishAsync(jetstream->context, load_subject(n, subject), event, (int)len, NULL) ==
             NATS_OK);
    }
    jsPubOptions options;
    must(jsPubOptions_Init(&options) == NATS_OK);
    options.MaxWait = PATIENCE_MS;
    must(js_PublishAsyncComplete(jetstream->context, &options) == NATS_OK);
    must(stream_state(jetstream, STREAM, &after));
    must(after.last == before.last + count); /* what failed was not told us, but is not there */
}
