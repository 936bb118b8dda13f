/* metrics.c: /metrics, in Prometheus' text format 0.0.4: the metrics of the daemon, then those of
 * this sink.
 *
 * A family of samples has one HELP and one TYPE line before all samples. So metrics with the same
 * name follow each other. Buckets are cumulative in the output, but not in struct reel_metric.
 */
#include "base/cleanup.h"
#include "follow/hub.h"
#include "http/bulk/bulk.h"
#include "http/routes.h"

#include <math.h>
#include <stdio.h>

struct exposition {
    struct text *out;
    struct text family; /* the last name that was written */
};

/* ---- One metric ------------------------------------------------------------------------------ */

/* Writes the shorter one of two forms, if it reads as the same number. */
static void put_number(struct text *out, double number) {
    char digits[40];
    if (isnan(number)) {
        text_append_lit(out, "NaN");
    } else if (isinf(number)) {
        text_append_lit(out, number > 0 ? "+Inf" : "-Inf");
    } else {
        snprintf(digits, sizeof digits, "%.15g", number);
        if (strtod(digits, NULL) != number) snprintf(digits, sizeof digits, "%.17g", number);
        text_append_lit(out, digits);
    }
}

static void put_help(struct text *out, const char *help) {
    for (; *help; help++) {
        if (*help == '\\')
            text_append_lit(out, "\\\\");
        else if (*help == '\n')
            text_append_lit(out, "\\n");
        else
            text_append(out, help, 1);
    }
}

/* Writes HELP and TYPE, unless they were written for the metric before. */
static void put_head(struct exposition *to, const struct reel_metric *measure) {
    static const char *const types[] = {
        [REEL_METRIC_COUNTER] = " counter\n",
        [REEL_METRIC_GAUGE] = " gauge\n",
        [REEL_METRIC_HISTOGRAM] = " histogram\n",
    };
    if (reel_str_is(text_str(&to->family), measure->name)) return;
    to->family.len = 0;
    text_append_lit(&to->family, measure->name);
    text_append_lit(to->out, "# HELP ");
    text_append_lit(to->out, measure->name);
    text_append_lit(to->out, " ");
    put_help(to->out, measure->help);
    text_append_lit(to->out, "\n# TYPE ");
    text_append_lit(to->out, measure->name);
    text_append_lit(to->out, types[measure->kind]);
}

/* Writes `name_suffix{labels} `, which the value follows. */
static void put_name(struct text *out, const struct reel_metric *measure, const char *suffix) {
    text_append_lit(out, measure->name);
    text_append_lit(out, suffix);
    if (measure->labels[0]) {
        text_append_lit(out, "{");
        text_append_lit(out, measure->labels);
        text_append_lit(out, "}");
    }
    text_append_lit(out, " ");
}

static void put_bucket(struct text *out, const struct reel_metric *measure, double bound,
                       uint64_t count) {
    text_append_lit(out, measure->name);
    text_append_lit(out, "_bucket{");
    text_append_lit(out, measure->labels);
    text_append_lit(out, measure->labels[0] ? ",le=\"" : "le=\"");
    put_number(out, bound);
    text_append_lit(out, "\"} ");
    text_append_number(out, count);
    text_append_lit(out, "\n");
}

static void put_histogram(struct text *out, const struct reel_metric *measure) {
    uint64_t count = 0;
    for (uint32_t i = 0; i <= measure->bucket_count; i++) {
        double bound = i < measure->bucket_count ? measure->bounds[i] : INFINITY;
        count += measure->buckets[i];
        put_bucket(out, measure, bound, count);
    }
    put_name(out, measure, "_sum");
    put_number(out, measure->value);
    text_append_lit(out, "\n");
    put_name(out, measure, "_count");
    text_append_number(out, count);
    text_append_lit(out, "\n");
}

/* A reel_metric_fn. A kind that this version does not know is left out. */
static void put_metric(void *context, const struct reel_metric *measure) {
    struct exposition *to = context;
    if (measure->kind < REEL_METRIC_COUNTER || measure->kind > REEL_METRIC_HISTOGRAM) return;
    put_head(to, measure);
    if (measure->kind == REEL_METRIC_HISTOGRAM) {
        put_histogram(to->out, measure);
        return;
    }
    put_name(to->out, measure, "");
    put_number(to->out, measure->value);
    text_append_lit(to->out, "\n");
}

/* ---- Metrics of the sink --------------------------------------------------------------------- */

static void put_gauge(struct exposition *to, const char *name, const char *help, uint64_t value) {
    struct reel_metric measure = {.name = name,
                                  .help = help,
                                  .kind = REEL_METRIC_GAUGE,
                                  .labels = "",
                                  .value = (double)value};
    put_metric(to, &measure);
}

static void put_answered(struct exposition *to, struct server *server) {
    char label[16];
    for (unsigned class = 1; class < STATUS_CLASSES; class ++) {
        snprintf(label, sizeof label, "code=\"%uxx\"", class);
        struct reel_metric measure = {.name = "reel_http_requests_total",
                                      .help = "Requests that were answered, by status",
                                      .kind = REEL_METRIC_COUNTER,
                                      .labels = label,
                                      .value = (double)atomic_load(&server->answered[class])};
        put_metric(to, &measure);
    }
}

static void put_cut(struct exposition *to, struct server *server) {
    const struct {
        const char *label;
        uint64_t value;
    } reasons[] = {{"reason=\"late\"", atomic_load(&server->late)},
                   {"reason=\"displaced\"", atomic_load(&server->displaced)}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct reel_metric measure = {
            .name = "reel_http_connections_cut_total",
            .help = "Connections that were closed: a request was not complete in time, or a client "
                    "needed the place of a connection without a token",
            .kind = REEL_METRIC_COUNTER,
            .labels = reasons[i].label,
            .value = (double)reasons[i].value};
        put_metric(to, &measure);
    }
}

static void put_not_accepted(struct exposition *to, struct server *server) {
    struct reel_metric measure = {
        .name = "reel_http_not_accepted_total",
        .help = "Connections that were not accepted: there was no file descriptor or memory",
        .kind = REEL_METRIC_COUNTER,
        .labels = "",
        .value = (double)atomic_load(&server->not_accepted)};
    put_metric(to, &measure);
}

static void put_sent_again(struct exposition *to, struct server *server) {
    struct reel_metric measure = {
        .name = "reel_http_sent_again_total",
        .help = "Answers that were sent from memory, because nothing had changed",
        .kind = REEL_METRIC_COUNTER,
        .labels = "",
        .value = (double)atomic_load(&server->sent_again)};
    put_metric(to, &measure);
}

static void put_request_times(struct exposition *to, struct server *server) {
    uint64_t buckets[HISTOGRAM_BUCKETS + 1];
    struct reel_metric measure = {.name = "reel_http_request_seconds",
                                  .help =
                                      "Time from the headers of a request to the end of its answer",
                                  .kind = REEL_METRIC_HISTOGRAM,
                                  .labels = "",
                                  .bucket_count = HISTOGRAM_BUCKETS,
                                  .bounds = histogram_bounds,
                                  .buckets = buckets};
    histogram_read(&server->request_times, buckets, &measure.value);
    put_metric(to, &measure);
}

static uint64_t count_waiters(struct server *server) {
    HOLD_LOCK(&server->waiters_lock);
    return server->waiter_count;
}

/* Writes one metric for each kind of follower. */
static void put_followers(struct exposition *to, struct server *server, const char *name,
                          const char *help, reel_metric_kind kind,
                          uint64_t (*value)(const struct hub_metrics *metrics)) {
    char label[64];
    for (enum transport_kind at = 0; at < TRANSPORTS; at++) {
        struct hub_metrics metrics = hub_metrics(server->hub, at);
        snprintf(label, sizeof label, "kind=\"%s\"", transports[at]->name);
        struct reel_metric measure = {.name = name,
                                      .help = help,
                                      .kind = kind,
                                      .labels = label,
                                      .value = (double)value(&metrics)};
        put_metric(to, &measure);
    }
}

static uint64_t followers_of(const struct hub_metrics *metrics) {
    return metrics->followers;
}
static uint64_t frames_of(const struct hub_metrics *metrics) {
    return metrics->frames;
}
static uint64_t bytes_of(const struct hub_metrics *metrics) {
    return metrics->bytes;
}

static void put_ended(struct exposition *to, struct server *server) {
    char label[64];
    for (enum hub_end end = 0; end < HUB_ENDS; end++) {
        snprintf(label, sizeof label, "reason=\"%s\"", hub_end_names[end]);
        struct reel_metric measure = {.name = "reel_followers_ended_total",
                                      .help = "Followers that ended, by reason",
                                      .kind = REEL_METRIC_COUNTER,
                                      .labels = label,
                                      .value = (double)hub_ended(server->hub, end)};
        put_metric(to, &measure);
    }
}

static void put_hub(struct exposition *to, struct server *server) {
    put_followers(to, server, "reel_followers", "Clients that follow events", REEL_METRIC_GAUGE,
                  followers_of);
    put_followers(to, server, "reel_follower_events_total", "Events sent to followers",
                  REEL_METRIC_COUNTER, frames_of);
    put_followers(to, server, "reel_follower_bytes_total", "Bytes sent to followers",
                  REEL_METRIC_COUNTER, bytes_of);
    put_gauge(to, "reel_follower_memory_bytes", "Memory of events that are kept for followers",
              hub_memory(server->hub));
    put_ended(to, server);
}

static void put_own(struct exposition *to, struct server *server) {
    put_gauge(to, "reel_http_connections", "Open connections", atomic_load(&server->connections));
    put_gauge(to, "reel_http_connections_unknown", "Open connections without a valid token",
              atomic_load(&server->unknown_connections));
    put_cut(to, server);
    put_not_accepted(to, server);
    put_gauge(to, "reel_http_requests_in_flight", "Requests under way",
              atomic_load(&server->requests));
    put_answered(to, server);
    put_sent_again(to, server);
    put_request_times(to, server);
    put_gauge(to, "reel_http_memory_bytes", "Memory of bodies and answers",
              atomic_load(&server->memory));
    put_gauge(to, "reel_http_waiters", "Requests that wait for the cursor", count_waiters(server));
    put_gauge(to, "reel_imports", "Bodies of NDJSON that are being received",
              bulk_count(server->bulk, BULK_IMPORT));
    put_gauge(to, "reel_ingests", "Clients of /ws/ingest", bulk_count(server->bulk, BULK_INGEST));
    put_hub(to, server);
}

void handle_metrics(struct request *request) {
    struct answer *answer = &request->answer;
    struct exposition to = {.out = &answer->body};
    answer->status = 200;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    reel_sink_metrics(request_host_of_sink(request), put_metric, &to);
    put_own(&to, request->server);
    if (to.family.failed) answer->body.failed = true;
    text_finish(&to.family);
}
