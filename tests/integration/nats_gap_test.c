/* nats_gap_test.c: messages of the stream that the daemon never received, because they were deleted
 * or a limit of the stream was faster: they are counted, said, told to who follows or asks, and
 * kept through restarts and rebuilds. */
#include "disk.h"
#include "nats_support.h"

#include <fcntl.h>

/* ---- Checks ---------------------------------------------------------------------------------- */

static uint64_t gap_number(struct client *client, const char *name) {
    json_t *status = json_got(client, "/v1/status");
    uint64_t number = number_of(json_object_get(json_object_get(status, "feed"), "gaps"), name);
    json_decref(status);
    return number;
}

static void check_newest(struct client *client, uint64_t from, uint64_t to) {
    json_t *status = json_got(client, "/v1/status");
    json_t *newest =
        json_object_get(json_object_get(json_object_get(status, "feed"), "gaps"), "newest");
    assert_int_equal(number_of(newest, "from"), from);
    assert_int_equal(number_of(newest, "to"), to);
    json_decref(status);
}

static void check_metric(struct client *client, const char *line) {
    struct reply reply = got(client, "/metrics", 200);
    if (!strstr(reply.body.data, line))
        support_failed(__FILE__, __LINE__, "no `%s` in %s", line, reply.body.data);
    reply_free(&reply);
}

static uint64_t counted(struct client *client) {
    return status_number(client, "applied") + status_number(client, "ignored") +
           status_number(client, "rejected");
}

/* A stream with 20 load events, without 6 to 8 and the last two, and a daemon that is at its end.
 */
static struct mirror mirror_with_gaps(void) {
    static const uint64_t gone[] = {6, 7, 8, 19, 20};
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, 20);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        stream_delete_message(&mirror.stream, STREAM, gone[i]);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 20);
    return mirror;
}

static void check_gaps(struct client *client) {
    assert_int_equal(gap_number(client, "count"), 2);
    assert_int_equal(gap_number(client, "messages"), 5);
    check_newest(client, 19, 20);
    check_counts(client, 15);
    check_metric(client, "\nreel_feed_gaps_total 2\n");
    check_metric(client, "\nreel_feed_gap_messages_total 5\n");
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void messages_that_were_never_received_are_counted_logged_and_sent_to_followers(
    void **state) {
    (void)state;
    struct mirror mirror = mirror_with_gaps();
    check_gaps(mirror.client);
    daemon_wait_for_log(&mirror.daemon, "were not received");
    json_t *page = json_got(mirror.client, "/v1/events?since=5&limit=2");
    json_t *first = json_array_get(json_object_get(page, "events"), 0);
    assert_int_equal(number_of(first, "seq"), 8);
    assert_true(json_is_true(json_object_get(first, "gap")));
    assert_null(json_object_get(first, "event"));
    assert_int_equal(number_of(json_array_get(json_object_get(page, "events"), 1), "seq"), 9);
    json_decref(page);
    struct reply reply = get(mirror.client, "/v1/events/7/raw");
    assert_problem(&reply, 404, "not-found");
    assert_non_null(strstr(reply.body.data, "never received"));
    reply_free(&reply);
    mirror_closed(&mirror);
}

static void a_gap_outlives_the_daemon_and_a_rebuild_and_is_counted_once(void **state) {
    (void)state;
    static const char *const rebuild[] = {"--rebuild", "cells", NULL};
    struct mirror mirror = mirror_with_gaps();
    mirror_kill(&mirror);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    check_gaps(mirror.client);
    mirror_end(&mirror);
    mirror_run_list(&mirror, rebuild);
    wait_until_ready(mirror.client);
    check_gaps(mirror.client);
    publish_many(&mirror.stream, 20, 10);
    wait_for_cursor(mirror.client, 30);
    assert_int_equal(gap_number(mirror.client, "count"), 2);
    mirror_closed(&mirror);
}

/* The daemon's disk stands still, so that it asks for no more, while a limit of the stream goes on
 * removing what it has not seen. */
static void messages_removed_by_a_limit_within_a_session_are_a_gap(void **state) {
    (void)state;
    static const char *const small[] = {"--queue-events-max", "16", "--batch-events-max", "4",
                                        NULL};
    enum { KEPT = 50, MANY = 600 };
    struct mirror mirror = mirror_prepared(NULL);
    const char *file = path_in(scratch_directory(), "stall");
    stream_make(&mirror.stream, &(struct stream_options){.messages_max = KEPT});
    stalls_begin(file);
    mirror_run_list(&mirror, small);
    stalls_end();
    wait_until_ready(mirror.client);
    publish_many(&mirror.stream, 0, 10);
    wait_for_cursor(mirror.client, 10);
    must(close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0);
    publish_many(&mirror.stream, 10, MANY - 10);
    must(unlink(file) == 0);
    wait_for_cursor(mirror.client, MANY);
    uint64_t missing = gap_number(mirror.client, "messages");
    assert_true(missing > 0 && missing < MANY - KEPT);
    assert_int_equal(counted(mirror.client) + missing, MANY);
    check_metric(mirror.client, "\nreel_feed_sessions_total 1\n");
    daemon_wait_for_log(&mirror.daemon, "were not received");
    mirror_closed(&mirror);
}

static void messages_outside_the_filter_are_not_a_gap(void **state) {
    (void)state;
    static const char *const narrow[] = {"--subjects", "cellos.events.load.>", NULL};
    static const char other[] = "{}";
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, 5);
    publish(&mirror.stream, "cellos.events.other", NULL, other, sizeof other - 1);
    publish_many(&mirror.stream, 6, 5);
    mirror_run_list(&mirror, narrow);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 11);
    check_counts(mirror.client, 10);
    assert_int_equal(gap_number(mirror.client, "count"), 0);
    mirror_closed(&mirror);
}

static void messages_that_were_removed_are_not_waited_for(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    wait_until_ready(mirror.client);
    publish_many(&mirror.stream, 0, 10);
    wait_for_cursor(mirror.client, 10);
    mirror_end(&mirror);
    publish_many(&mirror.stream, 10, 10);
    for (uint64_t seq = 15; seq <= 20; seq++) stream_delete_message(&mirror.stream, STREAM, seq);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 20);
    for (uint64_t began = now_ms(); status_number(mirror.client, "lag") > 0; usleep(5000))
        must(now_ms() - began < 60000);
    check_metric(mirror.client, "\nreel_feed_pending 0\n");
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            messages_that_were_never_received_are_counted_logged_and_sent_to_followers),
        cmocka_unit_test(a_gap_outlives_the_daemon_and_a_rebuild_and_is_counted_once),
        cmocka_unit_test(messages_removed_by_a_limit_within_a_session_are_a_gap),
        cmocka_unit_test(messages_outside_the_filter_are_not_a_gap),
        cmocka_unit_test(messages_that_were_removed_are_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
