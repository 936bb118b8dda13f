/* metrics_test.c: the text that Prometheus reads, byte for byte. */
#include "sinks/http/sink_host.h"

#include <math.h>

#define SECONDS(n) ((uint64_t)((n)*1e9))

/* ---- Assertions ------------------------------------------------------------------------------ */

/* What comes before the sink's own metrics. */
static void assert_metrics(struct fake_host *fake, const struct reel_metric *metrics,
                           const char *expected) {
    fake->metrics = metrics;
    const char *text = answered_text(fake, handle_metrics, 200);
    size_t len = strlen(expected);
    if (strncmp(text, expected, len) != 0)
        fail_msg("found\n%.*s\nexpected\n%s", (int)len, text, expected);
    must(strncmp(text + len, "# HELP reel_http_", strlen("# HELP reel_http_")) == 0);
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("there is no\n%s\nin\n%s", part, text);
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    while ((text = strstr(text, part))) count++, text++;
    return count;
}

/* ---- The daemon's ---------------------------------------------------------------------------- */

static void it_is_said_to_be_the_text_format(void **state) {
    struct fake_host *fake = *state;
    answered_text(fake, handle_metrics, 200);
    assert_string_equal(fake->request.answer.content_type,
                        "text/plain; version=0.0.4; charset=utf-8");
}

static void a_family_has_one_head(void **state) {
    static const struct reel_metric metrics[] = {
        {"reel_events_total", "Events", REEL_METRIC_COUNTER, 0, "outcome=\"applied\"", 3, NULL,
         NULL},
        {"reel_events_total", "Events", REEL_METRIC_COUNTER, 0, "outcome=\"ignored\"", 0, NULL,
         NULL},
        {"reel_cursor", "The cursor", REEL_METRIC_GAUGE, 0, "", 3, NULL, NULL},
        {0}};
    assert_metrics(*state, metrics,
                   "# HELP reel_events_total Events\n"
                   "# TYPE reel_events_total counter\n"
                   "reel_events_total{outcome=\"applied\"} 3\n"
                   "reel_events_total{outcome=\"ignored\"} 0\n"
                   "# HELP reel_cursor The cursor\n"
                   "# TYPE reel_cursor gauge\n"
                   "reel_cursor 3\n");
}

static void a_name_that_begins_another_is_its_own_family(void **state) {
    static const struct reel_metric metrics[] = {
        {"reel_log_bytes", "a", REEL_METRIC_GAUGE, 0, "", 1, NULL, NULL},
        {"reel_log", "b", REEL_METRIC_GAUGE, 0, "", 2, NULL, NULL},
        {0}};
    assert_metrics(*state, metrics,
                   "# HELP reel_log_bytes a\n# TYPE reel_log_bytes gauge\nreel_log_bytes 1\n"
                   "# HELP reel_log b\n# TYPE reel_log gauge\nreel_log 2\n");
}

static void help_is_escaped(void **state) {
    static const struct reel_metric metrics[] = {
        {"x", "one\ntwo \\ \"three\"", REEL_METRIC_GAUGE, 0, "", 1, NULL, NULL}, {0}};
    assert_metrics(*state, metrics, "# HELP x one\\ntwo \\\\ \"three\"\n# TYPE x gauge\nx 1\n");
}

static void numbers_lose_nothing(void **state) {
    const struct reel_metric metrics[] = {
        {"x", "h", REEL_METRIC_GAUGE, 0, "", 0.1, NULL, NULL},
        {"x", "h", REEL_METRIC_GAUGE, 0, "", 0.1 + 0.2, NULL, NULL},
        {"x", "h", REEL_METRIC_GAUGE, 0, "", 9007199254740991.0, NULL, NULL},
        {"x", "h", REEL_METRIC_GAUGE, 0, "", -1.5, NULL, NULL},
        {"x", "h", REEL_METRIC_GAUGE, 0, "", (double)NAN, NULL, NULL},
        {"x", "h", REEL_METRIC_GAUGE, 0, "", (double)INFINITY, NULL, NULL},
        {"x", "h", REEL_METRIC_GAUGE, 0, "", -(double)INFINITY, NULL, NULL},
        {0}};
    assert_metrics(*state, metrics,
                   "# HELP x h\n# TYPE x gauge\nx 0.1\nx 0.30000000000000004\n"
                   "x 9007199254740991\nx -1.5\nx NaN\nx +Inf\nx -Inf\n");
}

static void buckets_are_summed_up(void **state) {
    static const double bounds[] = {0.005, 1};
    static const uint64_t buckets[] = {3, 0, 2};
    static const struct reel_metric metrics[] = {
        {"t_seconds", "Time", REEL_METRIC_HISTOGRAM, 2, "", 12.5, bounds, buckets}, {0}};
    assert_metrics(*state, metrics,
                   "# HELP t_seconds Time\n# TYPE t_seconds histogram\n"
                   "t_seconds_bucket{le=\"0.005\"} 3\n"
                   "t_seconds_bucket{le=\"1\"} 3\n"
                   "t_seconds_bucket{le=\"+Inf\"} 5\n"
                   "t_seconds_sum 12.5\n"
                   "t_seconds_count 5\n");
}

static void a_histogram_keeps_its_labels(void **state) {
    static const double bounds[] = {1};
    static const uint64_t buckets[] = {1, 1};
    static const struct reel_metric metrics[] = {
        {"t", "h", REEL_METRIC_HISTOGRAM, 1, "a=\"b\"", 2, bounds, buckets}, {0}};
    assert_metrics(*state, metrics,
                   "# HELP t h\n# TYPE t histogram\n"
                   "t_bucket{a=\"b\",le=\"1\"} 1\nt_bucket{a=\"b\",le=\"+Inf\"} 2\n"
                   "t_sum{a=\"b\"} 2\nt_count{a=\"b\"} 2\n");
}

static void a_kind_of_later_times_is_left_out(void **state) {
    static const struct reel_metric metrics[] = {
        {"x", "h", 4, 0, "", 1, NULL, NULL},
        {"y", "h", REEL_METRIC_GAUGE, 0, "", 1, NULL, NULL},
        {0}};
    assert_metrics(*state, metrics, "# HELP y h\n# TYPE y gauge\ny 1\n");
}

/* ---- The sink's own -------------------------------------------------------------------------- */

static void the_sink_counts_itself(void **state) {
    struct fake_host *fake = *state;
    struct server *server = &fake->server;
    server->connections = 2;
    server->requests = 1;
    server->memory = 4096;
    server->waiter_count = 5;
    server->answered[2] = 10;
    server->answered[4] = 3;
    server->sent_again = 7;
    const char *text = answered_text(fake, handle_metrics, 200);
    assert_has(text, "\nreel_http_requests_in_flight 1\n");
    assert_has(text, "\nreel_http_requests_total{code=\"2xx\"} 10\n");
    assert_has(text, "\nreel_http_requests_total{code=\"4xx\"} 3\n");
    assert_has(text, "\nreel_http_requests_total{code=\"5xx\"} 0\n");
    assert_has(text, "\nreel_http_sent_again_total 7\n");
    assert_has(text, "\nreel_http_memory_bytes 4096\n");
    assert_has(text, "\nreel_http_waiters 5\n");
    assert_has(text, "\nreel_http_connections 2\n");
    assert_has(text, "\nreel_http_connections_unknown 0\n");
    assert_has(text, "\nreel_http_connections_cut_total{reason=\"late\"} 0\n");
    assert_has(text, "\nreel_http_connections_cut_total{reason=\"displaced\"} 0\n");
    assert_has(text, "\nreel_http_not_accepted_total 0\n");
    assert_has(text, "\nreel_follower_memory_bytes 0\n");
    assert_int_equal(count_of(text, "# TYPE reel_http_requests_total counter\n"), 1);
}

static void followers_are_counted_by_kind_and_by_how_they_ended(void **state) {
    const char *text = answered_text(*state, handle_metrics, 200);
    assert_has(text, "\nreel_followers{kind=\"websocket\"} 0\n");
    assert_has(text, "\nreel_followers{kind=\"stream\"} 0\n");
    assert_has(text, "\nreel_follower_events_total{kind=\"cloudevents\"} 0\n");
    assert_has(text, "\nreel_follower_bytes_total{kind=\"stream\"} 0\n");
    assert_has(text, "\nreel_followers_ended_total{reason=\"client\"} 0\n");
    assert_has(text, "\nreel_followers_ended_total{reason=\"internal\"} 0\n");
}

static void request_times_are_a_histogram(void **state) {
    struct fake_host *fake = *state;
    histogram_observe(&fake->server.request_times, SECONDS(0.0002));
    histogram_observe(&fake->server.request_times, SECONDS(0.75));
    histogram_observe(&fake->server.request_times, SECONDS(10));
    const char *text = answered_text(fake, handle_metrics, 200);
    assert_has(text, "# TYPE reel_http_request_seconds histogram\n");
    assert_has(text, "\nreel_http_request_seconds_bucket{le=\"0.0001\"} 0\n");
    assert_has(text, "\nreel_http_request_seconds_bucket{le=\"0.00025\"} 1\n");
    assert_has(text, "\nreel_http_request_seconds_bucket{le=\"1\"} 2\n");
    assert_has(text, "\nreel_http_request_seconds_bucket{le=\"+Inf\"} 3\n");
    assert_has(text, "\nreel_http_request_seconds_sum 10.7502\n");
    assert_has(text, "\nreel_http_request_seconds_count 3\n");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, sink_host_setup, sink_host_teardown)

UNIT_TESTS(metrics_test) {
    const struct CMUnitTest tests[] = {
        CASE(it_is_said_to_be_the_text_format),
        CASE(a_family_has_one_head),
        CASE(a_name_that_begins_another_is_its_own_family),
        CASE(help_is_escaped),
        CASE(numbers_lose_nothing),
        CASE(buckets_are_summed_up),
        CASE(a_histogram_keeps_its_labels),
        CASE(a_kind_of_later_times_is_left_out),
        CASE(the_sink_counts_itself),
        CASE(followers_are_counted_by_kind_and_by_how_they_ended),
        CASE(request_times_are_a_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
