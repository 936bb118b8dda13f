/* nats_bench.c: how fast a stream becomes records, and how soon what is published can be read.
 *
 * A replay is measured beside the same messages taken and thrown away: by pull requests as the
 * daemon makes them, and by the ordered consumer of nats.c. All are run in turn, several times.
 * Broker, readers and publishers share the machine. Processor time is that of what takes the
 * messages, of reeld with its start, its checkpoints and its end.
 *
 *     nats_bench [EVENTS]
 */
#include "broker.h"
#include "daemon.h"
#include "figures.h"
#include "jetstream.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { REPLAYS = 5, LIVE_S = 10, PULL_BATCH = 4096, PULLS = 4, SAMPLES_MAX = 100000 };

/* ---- Filling --------------------------------------------------------------------------------- */

static void publish_samples(struct jetstream *jetstream, size_t count) {
    char event[SAMPLE_BYTES_MAX];
    for (uint64_t n = 0; n < count; n++) {
        size_t len = sample_event(n, event, sizeof event);
        must(js_PublishAsync(jetstream->context, "cellos.events.sample", event, (int)len, NULL) ==
             NATS_OK);
    }
    jsPubOptions options;
    must(jsPubOptions_Init(&options) == NATS_OK);
    options.MaxWait = 600000;
    must(js_PublishAsyncComplete(jetstream->context, &options) == NATS_OK);
    struct stream_state state;
    must(stream_state(jetstream, STREAM, &state) && state.messages == count);
}

/* ---- Taking and throwing away ---------------------------------------------------------------- */

struct taker {
    struct jetstream *jetstream;
    char next[160], inbox[80]; /* where pull requests go, and what comes of them */
    size_t in_request;         /* messages since the last request was made */
    atomic_size_t count;
};

static void pull(struct taker *taker) {
    char request[160];
    snprintf(request, sizeof request,
             "{\"batch\":%d,\"max_bytes\":8388608,\"expires\":30000000000,"
             "\"idle_heartbeat\":2000000000}",
             PULL_BATCH);
    must(natsConnection_PublishRequestString(taker->jetstream->connection, taker->next,
                                             taker->inbox, request) == NATS_OK);
}

/* Another request as soon as one has been filled, so that PULLS are always outstanding. */
static void take_pulled(natsConnection *connection, natsSubscription *subscription,
                        natsMsg *message, void *context) {
    struct taker *taker = context;
    const char *status = NULL;
    (void)connection, (void)subscription;
    if (!natsMsg_GetReply(message)) { /* a word about a request: a heartbeat is all it may be */
        must(natsMsgHeader_Get(message, "Status", &status) == NATS_OK);
        must(strcmp(status, "100") == 0);
        natsMsg_Destroy(message);
        return;
    }
    natsMsg_Destroy(message);
    atomic_fetch_add(&taker->count, 1);
    if (++taker->in_request == PULL_BATCH) {
        taker->in_request = 0;
        pull(taker);
    }
}

static void take_ordered(natsConnection *connection, natsSubscription *subscription,
                         natsMsg *message, void *context) {
    struct taker *taker = context;
    (void)connection, (void)subscription;
    natsMsg_Destroy(message);
    atomic_fetch_add(&taker->count, 1);
}

static void wait_for_count(struct taker *taker, size_t count) {
    for (double began = seconds_now(); atomic_load(&taker->count) < count; usleep(500))
        must(seconds_now() - began < 600);
}

static double run_pulls(struct jetstream *jetstream, size_t count) {
    struct taker taker = {.jetstream = jetstream};
    natsSubscription *subscription = NULL;
    natsInbox *inbox = NULL;
    jsConsumerInfo *info = NULL;
    jsConsumerConfig config;
    must(jsConsumerConfig_Init(&config) == NATS_OK);
    config.AckPolicy = js_AckNone;
    config.InactiveThreshold = INT64_C(60000000000);
    must(natsInbox_Create(&inbox) == NATS_OK);
    snprintf(taker.inbox, sizeof taker.inbox, "%s", inbox);
    must(natsConnection_Subscribe(&subscription, jetstream->connection, inbox, take_pulled,
                                  &taker) == NATS_OK);
    must(natsSubscription_SetPendingLimits(subscription, -1, -1) == NATS_OK);
    double began = seconds_now();
    must(js_AddConsumer(&info, jetstream->context, STREAM, &config, NULL, NULL) == NATS_OK);
    snprintf(taker.next, sizeof taker.next, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", STREAM, info->Name);
    for (int i = 0; i < PULLS; i++) pull(&taker);
    wait_for_count(&taker, count);
    double seconds = seconds_now() - began;
    natsSubscription_Destroy(subscription); /* first: what is outstanding would be told */
    must(js_DeleteConsumer(jetstream->context, STREAM, info->Name, NULL, NULL) == NATS_OK);
    natsInbox_Destroy(inbox);
    jsConsumerInfo_Destroy(info);
    return seconds;
}

static double run_ordered(struct jetstream *jetstream, size_t count) {
    struct taker taker = {.jetstream = jetstream};
    natsSubscription *subscription = NULL;
    jsSubOptions options;
    must(jsSubOptions_Init(&options) == NATS_OK);
    options.Ordered = true;
    options.Stream = STREAM;
    double began = seconds_now();
    must(js_Subscribe(&subscription, jetstream->context, "cellos.events.>", take_ordered, &taker,
                      NULL, &options, NULL) == NATS_OK);
    must(natsSubscription_SetPendingLimits(subscription, -1, -1) == NATS_OK);
    wait_for_count(&taker, count);
    double seconds = seconds_now() - began;
    natsSubscription_Destroy(subscription);
    return seconds;
}

/* ---- reeld ----------------------------------------------------------------------------------- */

static uint64_t cursor(struct client *client) {
    struct reply reply = get(client, "/v1/status");
    json_t *status = reply_json(&reply);
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(status, "cursor"));
    json_decref(status);
    reply_free(&reply);
    return seq;
}

/* From its start, with an empty directory, to the last record. */
static double run_reeld(const struct broker *broker, size_t count) {
    double began = seconds_now();
    struct daemon daemon = daemon_started(scratch_directory(), "--nats", broker->url, NULL);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    while (cursor(client) < count) {
        must(seconds_now() - began < 600);
        usleep(1000);
    }
    double seconds = seconds_now() - began;
    client_close(client);
    daemon_end(&daemon);
    return seconds;
}

enum { PULLED, ORDERED, REELD, WAYS };

/* Processor time that this process has taken, or its children that have ended; seconds. Before a
 * run of a child and after it, the difference is all that it took, and the processes that it
 * started. */
static double processor_of(int who) {
    struct rusage usage;
    must(getrusage(who, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report_replay(struct broker *broker, struct jetstream *jetstream, size_t count) {
    struct series sides[WAYS] = {0};
    for (size_t run = 0; run < REPLAYS; run++) {
        double processor[WAYS], seconds[WAYS], began = processor_of(RUSAGE_SELF);
        seconds[PULLED] = run_pulls(jetstream, count);
        processor[PULLED] = processor_of(RUSAGE_SELF) - began;
        began = processor_of(RUSAGE_SELF);
        seconds[ORDERED] = run_ordered(jetstream, count);
        processor[ORDERED] = processor_of(RUSAGE_SELF) - began;
        began = processor_of(RUSAGE_CHILDREN);
        seconds[REELD] = run_reeld(broker, count);
        processor[REELD] = processor_of(RUSAGE_CHILDREN) - began;
        for (size_t i = 0; i < WAYS; i++)
            add_run(&sides[i], (double)count / seconds[i], (double)count / seconds[PULLED],
                    processor[i] / (double)count);
    }
    printf("replay of %zu events; best rate of %d runs, median ratio\n", count, REPLAYS);
    print_series("pull requests, thrown away", &sides[PULLED], "events/s", 1, "(p)");
    print_series("ordered consumer of nats.c, thrown away", &sides[ORDERED], "events/s", 1, "(p)");
    print_series("reeld, from its start to a clean end", &sides[REELD], "events/s", 1, "(p)");
}

/* ---- Live ------------------------------------------------------------------------------------ */

/* Publishes at an even rate, and notes when. */
struct live {
    struct jetstream jetstream;
    uint64_t first; /* the seq of the first */
    size_t rate, count;
    double *published; /* count of them; written before `next` passes it */
    atomic_size_t next;
};

static void *publish_evenly(void *context) {
    struct live *live = context;
    char event[SAMPLE_BYTES_MAX];
    double began = seconds_now();
    for (size_t i = 0; i < live->count; i++) {
        size_t len = sample_event(live->first + i, event, sizeof event);
        sleep_until(began + (double)i / (double)live->rate);
        live->published[i] = seconds_now();
        must(js_PublishAsync(live->jetstream.context, "cellos.events.sample", event, (int)len,
                             NULL) == NATS_OK);
        atomic_store(&live->next, i + 1);
    }
    return NULL;
}

/* Asks for a view that has an event which is about to be published, again and again; notes how long
 * after its publishing the answer was there. */
static size_t sample_delays(struct live *live, struct client *client, double *delays) {
    size_t count = 0, ahead = live->rate / 500 + 1; /* so that the request is there before it */
    for (;;) {
        char path[96];
        size_t wanted = atomic_load(&live->next) + ahead;
        if (wanted >= live->count || count == SAMPLES_MAX) return count;
        snprintf(path, sizeof path, "/v1/cells?limit=1&min_cursor=%" PRIu64, live->first + wanted);
        struct reply reply = get(client, path);
        double now = seconds_now();
        must(reply.status == 200);
        reply_free(&reply);
        delays[count++] = now - live->published[wanted];
    }
}

static void report_live(const struct broker *broker, struct client *client, size_t rate) {
    struct live live = {.rate = rate, .count = rate * LIVE_S};
    struct stream_state state;
    pthread_t thread;
    natsOptions *options = NULL;
    double *delays = calloc(SAMPLES_MAX, sizeof *delays);
    live.published = calloc(live.count, sizeof *live.published);
    must(delays && live.published);
    must(natsOptions_Create(&options) == NATS_OK);
    must(natsOptions_SetSendAsap(options, true) == NATS_OK);
    live.jetstream = jetstream_opened(broker->url, options);
    must(stream_state(&live.jetstream, STREAM, &state));
    live.first = state.last + 1;
    must(pthread_create(&thread, NULL, publish_evenly, &live) == 0);
    size_t count = sample_delays(&live, client, delays);
    must(pthread_join(thread, NULL) == 0);
    must(count > 0);
    double middle = quantile(delays, count, 0.5), high = quantile(delays, count, 0.99);
    printf("%6zu events/s, publish to visible in a view: median %.2f ms, 99 %% %.2f ms (%zu)\n",
           rate, middle * 1e3, high * 1e3, count);
    fflush(stdout);
    jetstream_close(&live.jetstream);
    free(delays);
    free(live.published);
}

static void report_delays(const struct broker *broker) {
    struct daemon daemon = daemon_started(scratch_directory(), "--nats", broker->url, NULL);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    for (double began = seconds_now();; usleep(10000)) {
        struct reply reply = get(client, "/readyz");
        bool ready = reply.status == 200;
        reply_free(&reply);
        if (ready) break;
        must(seconds_now() - began < 600);
    }
    report_live(broker, client, 1000);
    report_live(broker, client, 10000);
    client_close(client);
    daemon_end(&daemon);
}

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct broker *broker = broker_started(NULL);
    struct jetstream jetstream = jetstream_opened(broker->url, NULL);
    stream_make(&jetstream, NULL);
    publish_samples(&jetstream, count);
    report_replay(broker, &jetstream, count);
    report_delays(broker);
    jetstream_close(&jetstream);
    broker_free(broker);
    return 0;
}
