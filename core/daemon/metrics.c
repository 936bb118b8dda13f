/* metrics.c: see metrics.h. */
#include "daemon/metrics.h"

#include "base/clock.h"
#include "daemon/builder.h"
#include "daemon/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the last 13 digits of a digest begin: as many bits as a double has. */
#define DIGEST_52_BITS (32 - 13)

/* ---- Status ---------------------------------------------------------------------------------- */

/* The number of events that the collection furthest behind has not folded yet. Those that are
 * stopped or paused will not fold any. */
static uint64_t lag_of(struct reel *reel, struct reel_view *view, uint64_t head) {
    uint64_t lowest = head;
    const char *name;
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        struct reel_collection_info info;
        if (reel_view_collection(view, name, &info) == 0 && !info.stopped[0] && !info.paused &&
            info.cursor < lowest)
            lowest = info.cursor;
    }
    return head - lowest;
}

static bool find_stopped(struct reel *reel, struct reel_status *status) {
    char why[SET_ASIDE_REASON_MAX];
    const char *name;
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        if (!engine_is_stopped(reel, name, why)) continue;
        snprintf(status->reason, sizeof status->reason, "collection `%s` is stopped: %s", name,
                 why);
        return true;
    }
    return false;
}

static void write_reason(struct daemon *daemon, struct reel_status *status,
                         const struct intake_metrics *metrics, const struct feed_metrics *feed) {
    if (status->draining && !status->reloading)
        snprintf(status->reason, sizeof status->reason, "the daemon is about to end");
    else if (reel_newest_commit(daemon->reel) == 0)
        snprintf(status->reason, sizeof status->reason, "the store has failed");
    else if (ending_is_stalled(daemon->ending, status->reason, sizeof status->reason))
        return;
    else if (metrics->disk_full)
        snprintf(status->reason, sizeof status->reason, "the disk is full");
    else if (!metrics->caught_up)
        snprintf(status->reason, sizeof status->reason, "catching up: %" PRIu64 " events to fold",
                 status->lag);
    else if (find_stopped(daemon->reel, status))
        return;
    else if (feed && !feed->in_sync)
        snprintf(status->reason, sizeof status->reason, "%s", feed->reason);
}

/* Only if the log mirrors a stream. */
static void show_feed(const struct daemon *daemon, const struct feed_metrics *feed,
                      struct reel_status *ret) {
    ret->feed = feed_name(daemon->feed);
    ret->feed_state = !feed->up ? "down" : feed->in_sync ? "up" : "behind";
    if (feed->known_seq > ret->known_seq) ret->known_seq = feed->known_seq;
    ret->lag += feed->pending;
}

void daemon_status(struct daemon *daemon, struct reel_status *ret) {
    struct intake_metrics metrics;
    struct feed_metrics feed;
    struct reel_view *view;
    struct reel_position position;
    intake_read(daemon->intake, &metrics);
    if (daemon->feed) feed_read(daemon->feed, &feed);
    *ret = (struct reel_status){
        .draining = atomic_load(&daemon->draining),
        .reloading = atomic_load(&daemon->reloading),
        .started_ns = daemon->started_ns,
        .queue_events = metrics.queue_events,
        .queue_bytes = metrics.queue_bytes,
        .feed = "embedded",
        .feed_state = metrics.disk_full ? "down" : "up",
        .server = reel_version(),
        .build = REEL_BUILD,
        .known_seq = reel_cursor(daemon->reel),
    };
    if (!metrics.caught_up && reel_view_open(daemon->reel, &view, NULL) == 0) {
        if (reel_view_position(view, &position) == 0)
            ret->lag = lag_of(daemon->reel, view, position.head);
        reel_view_close(view);
    }
    if (daemon->feed) show_feed(daemon, &feed, ret);
    write_reason(daemon, ret, &metrics, daemon->feed ? &feed : NULL);
    ret->ready = !ret->reason[0];
}

/* ---- Metrics --------------------------------------------------------------------------------- */

struct measuring {
    reel_metric_fn fn;
    void *context;
};

static void measure(const struct measuring *to, reel_metric_kind kind, const char *name,
                    const char *help, const char *labels, uint64_t value) {
    struct reel_metric measure = {
        .name = name, .help = help, .kind = kind, .labels = labels, .value = (double)value};
    to->fn(to->context, &measure);
}

#define COUNTER(to, ...) measure(to, REEL_METRIC_COUNTER, __VA_ARGS__)
#define GAUGE(to, ...)   measure(to, REEL_METRIC_GAUGE, __VA_ARGS__)

/* One metric for each outcome. `labels` stand before the outcome, each with a comma. */
static void add_counts(const struct measuring *to, const char *name, const char *help,
                       const char *labels, const struct reel_counts *counts) {
    const struct {
        const char *outcome;
        uint64_t count;
    } outcomes[] = {
        {"applied", counts->applied}, {"ignored", counts->ignored}, {"rejected", counts->rejected}};
    char all[160];
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        snprintf(all, sizeof all, "%soutcome=\"%s\"", labels, outcomes[i].outcome);
        COUNTER(to, name, help, all, outcomes[i].count);
    }
}

static void add_position(const struct measuring *to, const struct reel_position *position) {
    GAUGE(to, "reel_cursor", "Highest seq whose effects are committed", "", position->cursor);
    GAUGE(to, "reel_log_first_seq", "Oldest event that the log keeps", "", position->first_seq);
    GAUGE(to, "reel_log_head", "Newest event of the log", "", position->head);
    GAUGE(to, "reel_log_bytes", "Bytes that the events in the log take in its files", "",
          position->log_bytes);
    GAUGE(to, "reel_store_bytes", "Size of all files, including the log's", "",
          position->store_bytes);
}

/* Counts since the start, so that they never fall: the counts of a view begin again with a rebuild.
 * Names of collections need no escapes. */
static void add_events(const struct measuring *to, struct reel *reel, bool again,
                       const char *metric, const char *help) {
    const char *name;
    struct reel_counts counts;
    char labels[100];
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        if (reel_counts(reel, name, again, &counts) < 0) continue;
        snprintf(labels, sizeof labels, "collection=\"%s\",", name);
        add_counts(to, metric, help, labels, &counts);
    }
}

static void add_outcomes(const struct measuring *to, struct reel *reel) {
    struct reel_counts counts;
    if (reel_counts(reel, NULL, false, &counts) == 0)
        add_counts(to, "reel_events_total", "Events by outcome", "", &counts);
    add_events(to, reel, false, "reel_projector_events_total", "Events by collection and outcome");
    add_events(to, reel, true, "reel_rebuild_events_total",
               "Events that were folded again, by collection and outcome");
}

static void add_collections(const struct measuring *to, struct reel *reel, struct reel_view *view,
                            uint64_t head) {
    const char *name;
    struct reel_collection_info info;
    char labels[100];
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        if (reel_view_collection(view, name, &info) < 0) continue;
        snprintf(labels, sizeof labels, "collection=\"%s\"", name);
        GAUGE(to, "reel_collection_stopped",
              "1 when the projector has crashed too often, so that events are not folded", labels,
              info.stopped[0] != '\0');
        GAUGE(to, "reel_collection_paused", "1 while an operator has paused the collection", labels,
              info.paused);
        GAUGE(to, "reel_records", "Records by collection", labels, info.records);
        GAUGE(to, "reel_records_digest",
              "The lowest 52 bits of the collection's digest: equal in replicas at one cursor",
              labels, strtoull(info.digest + DIGEST_52_BITS, NULL, 16));
    }
    GAUGE(to, "reel_lag_events", "Events in the log that a collection has not folded yet", "",
          lag_of(reel, view, head));
}

static void add_log(const struct measuring *to, struct reel *reel) {
    static const char written[] = "reel_log_written_bytes_total";
    static const char written_help[] = "Bytes written to the log's files, by kind";
    static const char segments[] = "reel_log_segments", segments_help[] = "Files of the log";
    struct log_metrics log;
    engine_measure_log(reel, &log);
    struct reel_metric syncs = {
        .name = "reel_log_sync_seconds",
        .help = "Syncs of the log",
        .kind = REEL_METRIC_HISTOGRAM,
        .bucket_count = HISTOGRAM_BUCKETS,
        .labels = "",
        .bounds = histogram_bounds,
        .buckets = log.sync_buckets,
        .value = log.sync_seconds,
    };
    COUNTER(to, written, written_help, "kind=\"events\"", log.group_bytes);
    COUNTER(to, written, written_help, "kind=\"zeros\"", log.fill_bytes);
    COUNTER(to, written, written_help, "kind=\"sealed\"", log.sealed_bytes);
    COUNTER(to, written, written_help, "kind=\"dedup\"", log.dedup_bytes);
    GAUGE(to, segments, segments_help, "form=\"raw\"", log.raw_segments);
    GAUGE(to, segments, segments_help, "form=\"sealed\"", log.sealed_segments);
    COUNTER(to, "reel_log_failures_total",
            "Times that work in the background failed; it is tried again", "", log.failures);
    COUNTER(to, "reel_log_paced_milliseconds_total", "Time that background writing had to wait", "",
            log.paced_ns / 1000000);
    to->fn(to->context, &syncs);
}

static void add_checkpoints(const struct measuring *to, struct reel *reel) {
    static const char bytes[] = "reel_memtable_bytes", help[] = "Memory of changes, by state";
    struct checkpoint_metrics store;
    engine_measure_store(reel, &store);
    GAUGE(to, bytes, help, "state=\"active\"", store.active_bytes);
    GAUGE(to, bytes, help, "state=\"frozen\"", store.frozen_bytes);
    GAUGE(to, bytes, help, "state=\"held\"", store.held_bytes);
    GAUGE(to, "reel_memtable_age_seconds", "Age of the oldest change that is not in a checkpoint",
          "", store.began_ms ? (clock_ms() - store.began_ms) / 1000 : 0);
    GAUGE(to, "reel_checkpoint_cursor", "A start needs the log from the event after this one", "",
          store.cursor);
    GAUGE(to, "reel_checkpoint_failing", "1 when the last checkpoint could not be written", "",
          store.failing);
    COUNTER(to, "reel_checkpoints_total", "Checkpoints that were written", "", store.count);
    COUNTER(to, "reel_checkpoint_failures_total", "Checkpoints that could not be written", "",
            store.failures);
    COUNTER(to, "reel_checkpoint_milliseconds_total", "Time that checkpoints took", "",
            store.duration_ns / 1000000);
    COUNTER(to, "reel_checkpoint_bytes_total", "Memory of the changes that checkpoints wrote", "",
            store.bytes);
    COUNTER(to, "reel_checkpoint_tables_rewritten_total",
            "Tables that checkpoints wrote anew, because most of them had changed", "",
            store.tables_rewritten);
    COUNTER(to, "reel_checkpoint_wait_milliseconds_total",
            "Time that the writer waited for a checkpoint", "", store.wait_ns / 1000000);
}

static void add_intake(const struct measuring *to, struct intake *intake) {
    struct intake_metrics metrics;
    uint64_t buckets[HISTOGRAM_BUCKETS + 1];
    struct reel_metric times = {
        .name = "reel_commit_seconds",
        .help = "Time from taking jobs from the queue to their commit",
        .kind = REEL_METRIC_HISTOGRAM,
        .bucket_count = HISTOGRAM_BUCKETS,
        .labels = "",
        .bounds = histogram_bounds,
        .buckets = buckets,
    };
    intake_read(intake, &metrics);
    histogram_read(intake_commit_times(intake), buckets, &times.value);
    GAUGE(to, "reel_queue_events", "Events and commands that wait for the writer", "",
          metrics.queue_events);
    GAUGE(to, "reel_queue_bytes", "Their bytes", "", metrics.queue_bytes);
    COUNTER(to, "reel_trimmed_events_total", "Events that retention has removed", "",
            metrics.trimmed);
    GAUGE(to, "reel_disk_full", "1 when the last attempt to write found the disk full", "",
          metrics.disk_full);
    to->fn(to->context, &times);
}

static void add_worker(const struct measuring *to, const struct worker_shared *worker) {
    COUNTER(to, "reel_worker_reloads_total",
            "Workers whose place another one has taken, since plugins were reloaded", "",
            atomic_load(&worker->replaced));
    COUNTER(to, "reel_worker_restarts_total",
            "Processes that were started anew, mostly since a plugin had ended one", "",
            atomic_load(&worker->restarts));
    COUNTER(to, "reel_worker_down_milliseconds_total",
            "Time without a process that answers, between two of them", "",
            atomic_load(&worker->down_ms));
}

/* Gaps are stored with the log, so their counts remain after a restart. */
static void add_gaps(const struct measuring *to, const struct reel_position *position) {
    COUNTER(to, "reel_feed_gaps_total", "Gaps in the stream: messages that were never received", "",
            position->gaps);
    COUNTER(to, "reel_feed_gap_messages_total", "Messages of the stream that were never received",
            "", position->gap_messages);
}

static void add_feed(const struct measuring *to, struct feed *feed) {
    struct feed_metrics metrics;
    feed_read(feed, &metrics);
    GAUGE(to, "reel_feed_up", "1 while a session with the broker is running", "", metrics.up);
    GAUGE(to, "reel_feed_in_sync", "1 when the session has received all messages of the stream", "",
          metrics.in_sync);
    GAUGE(to, "reel_feed_pending", "Messages of the stream that were not received yet", "",
          metrics.pending);
    COUNTER(to, "reel_feed_sessions_total", "Sessions with the broker", "", metrics.sessions);
    COUNTER(to, "reel_feed_published_total", "Events that were published and have come back", "",
            metrics.published);
    GAUGE(to, "reel_feed_publishing", "Events that were published and have not come back yet", "",
          metrics.publishing);
}

static void add_builder(const struct measuring *to, struct builder *builder) {
    struct builder_metrics metrics;
    const char *help = "Requests that look back, by what came of them";
    builder_read(builder, &metrics);
    GAUGE(to, "reel_builds_running", "1 while a builder works for a request that looks back", "",
          metrics.running);
    GAUGE(to, "reel_builds_waiting", "Requests that wait for a builder", "", metrics.waiting);
    COUNTER(to, "reel_builds_total", help, "result=\"built\"", metrics.built);
    COUNTER(to, "reel_builds_total", help, "result=\"reused\"", metrics.reused);
    COUNTER(to, "reel_builds_total", help, "result=\"failed\"", metrics.failed);
    COUNTER(to, "reel_builds_total", help, "result=\"cancelled\"", metrics.cancelled);
    COUNTER(to, "reel_builds_total", help, "result=\"refused\"", metrics.refused);
    GAUGE(to, "reel_builds_kept_bytes", "Disk space of states that are kept", "",
          metrics.kept_bytes);
}

void daemon_metrics(struct daemon *daemon, reel_metric_fn fn, void *context) {
    struct measuring to = {fn, context};
    struct reel_view *view;
    struct reel_position position;
    struct reel_status status;
    add_outcomes(&to, daemon->reel);
    if (reel_view_open(daemon->reel, &view, NULL) == 0) {
        if (reel_view_position(view, &position) == 0) {
            add_position(&to, &position);
            add_collections(&to, daemon->reel, view, position.head);
            if (daemon->feed) add_gaps(&to, &position);
        }
        reel_view_close(view);
    }
    add_log(&to, daemon->reel);
    add_checkpoints(&to, daemon->reel);
    add_intake(&to, daemon->intake);
    if (daemon->feed) add_feed(&to, daemon->feed);
    if (daemon->builder) add_builder(&to, daemon->builder);
    if (worker_shared()) add_worker(&to, worker_shared());
    COUNTER(&to, "reel_log_dropped_total", "Lines of the log that could not be written", "",
            log_queue_dropped());
    daemon_status(daemon, &status);
    GAUGE(&to, "reel_ready", "1 when caught up and able to write", "", status.ready);
}
