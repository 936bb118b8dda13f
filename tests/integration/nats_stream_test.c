/* nats_stream_test.c: what happens to a stream behind the daemon's back: purged, thinned out, made
 * anew, taken back to an older state, another than ours. */
#include "nats_support.h"

#include <sys/wait.h>

/* ---- Checks ---------------------------------------------------------------------------------- */

static void look_at_nothing(void *context, uint64_t seq, const json_t *event) {
    uint64_t *last = context;
    (void)event;
    *last = seq;
}

/* The log has this many events, the first of which is `first`. */
static void check_log(struct client *client, uint64_t first, uint64_t count) {
    uint64_t last = 0;
    test_context("the log");
    must(walk_log(client, 0, look_at_nothing, &last) == count);
    must(count == 0 || last >= first + count - 1);
    must(status_number(client, "first_seq") == first);
    test_context("%s", "");
}

/* Waits until the log begins there. */
static void wait_for_floor(struct client *client, uint64_t first) {
    for (uint64_t began = now_ms(); status_number(client, "first_seq") != first; usleep(5000))
        must(now_ms() - began < 60000);
}

/* Its records are a fold of two ranges of load events. */
static void check_both(struct client *client, uint64_t first, uint64_t count, uint64_t second,
                       uint64_t more) {
    struct reel *expected = load_fold(first, count);
    char event[SAMPLE_BYTES_MAX];
    struct reel_error error;
    for (uint64_t n = second; n < second + more; n++) {
        struct reel_str payload = {event, load_event(n, event, sizeof event)};
        must_ok(reel_apply(expected, payload, NULL, &error), error);
    }
    check_counts(client, count + more);
    check_records(client, expected);
    reel_close(expected);
}

static void check_epoch(struct client *client, const char *epoch, bool same) {
    char *now = epoch_of(client);
    assert_int_equal(strcmp(now, epoch) == 0, same);
    free(now);
}

/* The daemon does not go on: it ends with 1, or it says why it is not ready; this is in its log. */
static void check_refusal(struct mirror *mirror, const char *const *arguments, const char *part) {
    mirror_run_list(mirror, arguments);
    daemon_wait_for_log(&mirror->daemon, part);
    wait_until_not_ready(mirror->client, part);
    mirror_end(mirror);
}

/* A stream with this many load events, all mirrored; the daemon runs on. */
static struct mirror mirror_with(size_t count) {
    struct mirror mirror = mirror_opened();
    publish_many(&mirror.stream, 0, count);
    wait_for_cursor(mirror.client, count);
    return mirror;
}

/* ---- Purged, thinned out --------------------------------------------------------------------- */

static void a_purge_trims_the_mirror_and_keeps_the_records(void **state) {
    (void)state;
    struct mirror mirror = mirror_with(200);
    char *epoch = epoch_of(mirror.client);
    stream_purge(&mirror.stream, STREAM);
    publish_many(&mirror.stream, 200, 100);
    wait_for_cursor(mirror.client, 300);
    check_load(mirror.client, 0, 300);
    wait_for_floor(mirror.client, 201);
    check_log(mirror.client, 201, 100);
    check_epoch(mirror.client, epoch, true);
    free(epoch);
    mirror_closed(&mirror);
}

static void a_purge_while_the_daemon_is_down_loses_what_it_had_not_seen(void **state) {
    (void)state;
    struct mirror mirror = mirror_with(200);
    char *epoch = epoch_of(mirror.client);
    mirror_end(&mirror);
    publish_many(&mirror.stream, 200, 100);
    stream_purge(&mirror.stream, STREAM);
    publish_many(&mirror.stream, 300, 50);
    mirror_run(&mirror);
    wait_for_cursor(mirror.client, 350);
    wait_until_ready(mirror.client);
    check_both(mirror.client, 0, 200, 300, 50);
    check_epoch(mirror.client, epoch, true);
    free(epoch);
    mirror_closed(&mirror);
}

static void an_empty_stream_with_a_past_is_level_at_its_last_sequence(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, 100);
    stream_purge(&mirror.stream, STREAM);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 100);
    check_counts(mirror.client, 0);
    publish_many(&mirror.stream, 100, 10);
    wait_for_cursor(mirror.client, 110);
    check_load(mirror.client, 100, 10);
    mirror_closed(&mirror);
}

static void messages_that_are_deleted_one_by_one_stay_where_they_were_seen(void **state) {
    (void)state;
    struct mirror mirror = mirror_with(100);
    stream_delete_message(&mirror.stream, STREAM, 50);
    stream_delete_message(&mirror.stream, STREAM, 100); /* the newest that we have */
    mirror_end(&mirror);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 100);
    check_load(mirror.client, 0, 100);
    check_load_log(mirror.client, 0, 100);
    /* One that comes new sees what there is, and is in sync anyway. */
    struct site other = site_opened("--nats", mirror.broker->url, NULL);
    wait_until_ready(other.writer);
    wait_for_cursor(other.writer, 100);
    check_counts(other.writer, 98);
    publish_many(&mirror.stream, 100, 10);
    wait_for_cursor(mirror.client, 110);
    wait_for_cursor(other.writer, 110);
    check_counts(mirror.client, 110);
    check_counts(other.writer, 108);
    site_closed(&other);
    mirror_closed(&mirror);
}

static void where_the_oldest_are_discarded_work_goes_on_with_what_is_left(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, &(struct stream_options){.messages_max = 100});
    publish_many(&mirror.stream, 0, 500);
    for (uint64_t seq = 491; seq <= 500; seq++) stream_delete_message(&mirror.stream, STREAM, seq);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 500);
    check_load(mirror.client, 400, 90);
    mirror_end(&mirror);
    publish_many(&mirror.stream, 500, 1000);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 1500);
    check_both(mirror.client, 400, 90, 1400, 100);
    wait_for_floor(mirror.client, 1401);
    mirror_closed(&mirror);
}

/* ---- Another stream -------------------------------------------------------------------------- */

static void a_stream_created_again_has_another_epoch_and_its_own_records(void **state) {
    (void)state;
    struct mirror mirror = mirror_with(200);
    char *epoch = epoch_of(mirror.client);
    stream_delete(&mirror.stream, STREAM);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 1000, 300); /* it is past our cursor at once */
    wait_for_cursor(mirror.client, 300);
    wait_until_ready(mirror.client);
    check_load(mirror.client, 1000, 300);
    check_load_log(mirror.client, 1000, 300);
    check_epoch(mirror.client, epoch, false);
    free(epoch);
    mirror_closed(&mirror);
}

static void a_stream_created_again_while_the_daemon_is_down_has_another_epoch(void **state) {
    (void)state;
    struct mirror mirror = mirror_with(200);
    char *epoch = epoch_of(mirror.client);
    mirror_end(&mirror);
    stream_delete(&mirror.stream, STREAM);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 1000, 100); /* fewer than we had */
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 100);
    check_load(mirror.client, 1000, 100);
    check_load_log(mirror.client, 1000, 100);
    check_epoch(mirror.client, epoch, false);
    free(epoch);
    mirror_closed(&mirror);
}

static void a_stream_made_anew_that_lacks_its_beginning_is_refused_until_told_to_rebuild(
    void **state) {
    (void)state;
    static const char *const rebuild[] = {"--rebuild", "cells", "--rebuild", "formations", NULL};
    struct mirror mirror = mirror_with(100);
    mirror_end(&mirror);
    stream_delete(&mirror.stream, STREAM);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 1000, 50);
    stream_purge(&mirror.stream, STREAM);
    publish_many(&mirror.stream, 2000, 50);
    check_refusal(&mirror, NULL, "--rebuild");
    mirror_run_list(&mirror, rebuild);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 100);
    check_load(mirror.client, 2000, 50);
    mirror_closed(&mirror);
}

static void another_filter_is_another_epoch(void **state) {
    (void)state;
    static const char *const narrow[] = {"--subjects", "cellos.events.load.>", NULL};
    struct mirror mirror = mirror_with(100);
    char *epoch = epoch_of(mirror.client);
    static const char nothing[] = "{}";
    publish(&mirror.stream, "cellos.events.other", NULL, nothing, 2);
    wait_for_cursor(mirror.client, 101);
    mirror_end(&mirror);
    mirror_run_list(&mirror, narrow);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 101);
    check_load(mirror.client, 0, 100);
    check_epoch(mirror.client, epoch, false);
    free(epoch);
    mirror_closed(&mirror);
}

static void a_stream_on_other_subjects_is_refused(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, &(struct stream_options){.subject = "other.>"});
    check_refusal(&mirror, NULL, "cellos.events");
    mirror_closed(&mirror);
}

static void a_stream_that_forgets_what_was_delivered_is_refused(void **state) {
    (void)state;
    static const jsRetentionPolicy kinds[] = {js_InterestPolicy, js_WorkQueuePolicy};
    static const char *const words[] = {"interest retention", "workqueue retention"};
    for (size_t i = 0; i < 2; i++) {
        struct mirror mirror = mirror_prepared(NULL);
        stream_make(&mirror.stream, &(struct stream_options){.retention = kinds[i]});
        check_refusal(&mirror, NULL, words[i]);
        mirror_closed(&mirror);
    }
}

static void subjects_that_no_longer_cover_ours_are_seen_while_running(void **state) {
    (void)state;
    struct mirror mirror = mirror_with(10);
    wait_until_ready(mirror.client);
    stream_set_subject(&mirror.stream, STREAM, "cellos.events.load.>");
    wait_until_not_ready(mirror.client, "do not cover");
    check_load(mirror.client, 0, 10);
    stream_set_subject(&mirror.stream, STREAM, "cellos.events.>");
    wait_until_ready(mirror.client);
    publish_many(&mirror.stream, 10, 10);
    wait_for_cursor(mirror.client, 20);
    check_load(mirror.client, 0, 20);
    mirror_closed(&mirror);
}

/* ---- Logs of both kinds ---------------------------------------------------------------------- */

/* What a daemon says that does not start. */
static void check_not_started(const char *directory, const char *const *arguments,
                              const char *part) {
    char *log;
    int status = daemon_refused(directory, arguments, &log);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    if (!strstr(log, part)) support_failed(__FILE__, __LINE__, "no `%s` in %s", part, log);
    free(log);
}

static void a_log_of_its_own_does_not_become_a_mirror_nor_a_mirror_a_log_of_its_own(void **state) {
    (void)state;
    static const char *const alone[] = {NULL};
    struct mirror mirror = mirror_with(10);
    mirror_end(&mirror);
    check_not_started(mirror.directory, alone, "--nats");
    const char *mirrored = mirror.directory;
    mirror.directory = scratch_directory();
    struct site site = site_of(daemon_started(mirror.directory, NULL));
    cell_started(site.writer, "own");
    site_closed(&site);
    check_refusal(&mirror, NULL, "a log of its own");
    site = site_of(daemon_started(mirror.directory, NULL)); /* nothing was lost by it */
    check_listed(site.writer, "/v1/cells", "cells", "id", "own,");
    site_closed(&site);
    mirror.directory = mirrored;
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    check_load(mirror.client, 0, 10);
    mirror_closed(&mirror);
}

/* ---- Taken back ------------------------------------------------------------------------------ */

/* The stream is as it was after `kept` events, then gets `more` others; the daemon, which is down,
 * has seen 200. */
static struct mirror mirror_taken_back(size_t kept, size_t more, char **ret_epoch) {
    struct mirror mirror = mirror_with(kept);
    mirror_end(&mirror);
    broker_stop(mirror.broker);
    const char *store = broker_store_kept(mirror.broker);
    broker_start(mirror.broker);
    publish_load(&mirror.stream, kept); /* waits until the broker is there */
    publish_many(&mirror.stream, kept + 1, 200 - kept - 1);
    mirror_run(&mirror);
    wait_for_cursor(mirror.client, 200);
    *ret_epoch = epoch_of(mirror.client);
    mirror_end(&mirror);
    broker_stop(mirror.broker);
    broker_store_put_back(mirror.broker, store);
    broker_start(mirror.broker);
    publish_load(&mirror.stream, 1000);
    publish_many(&mirror.stream, 1001, more - 1);
    return mirror;
}

static void check_taken_back(size_t more) {
    static const char *const rebuild[] = {"--rebuild", "cells", "--rebuild", "formations", NULL};
    char *epoch;
    struct mirror mirror = mirror_taken_back(100, more, &epoch);
    check_refusal(&mirror, NULL, "--rebuild");
    mirror_run_list(&mirror, rebuild);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 100 + more);
    check_both(mirror.client, 0, 100, 1000, more);
    check_epoch(mirror.client, epoch, false);
    free(epoch);
    mirror_closed(&mirror);
}

static void a_stream_taken_back_is_refused_until_told_to_rebuild(void **state) {
    (void)state;
    check_taken_back(50);
}

static void a_stream_taken_back_that_has_passed_us_since_is_refused_as_well(void **state) {
    (void)state;
    check_taken_back(300);
}

static void a_stream_taken_back_under_a_running_daemon_is_refused_and_reads_go_on(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, 100);
    broker_stop(mirror.broker);
    const char *store = broker_store_kept(mirror.broker);
    broker_start(mirror.broker);
    publish_load(&mirror.stream, 100);
    publish_many(&mirror.stream, 101, 99);
    mirror_run(&mirror);
    wait_until_ready(mirror.client);
    wait_for_cursor(mirror.client, 200);
    char *epoch = epoch_of(mirror.client);
    proxy_refuse(mirror.proxy, true); /* it is to see the change as a whole */
    broker_stop(mirror.broker);
    broker_store_put_back(mirror.broker, store);
    broker_start(mirror.broker);
    publish_load(&mirror.stream, 1000);
    publish_many(&mirror.stream, 1001, 199);
    proxy_refuse(mirror.proxy, false);
    wait_until_not_ready(mirror.client, "--rebuild");
    check_load(mirror.client, 0, 200);
    check_load_log(mirror.client, 0, 200);
    check_epoch(mirror.client, epoch, true);
    free(epoch);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_purge_trims_the_mirror_and_keeps_the_records),
        cmocka_unit_test(a_purge_while_the_daemon_is_down_loses_what_it_had_not_seen),
        cmocka_unit_test(an_empty_stream_with_a_past_is_level_at_its_last_sequence),
        cmocka_unit_test(messages_that_are_deleted_one_by_one_stay_where_they_were_seen),
        cmocka_unit_test(where_the_oldest_are_discarded_work_goes_on_with_what_is_left),
        cmocka_unit_test(a_stream_created_again_has_another_epoch_and_its_own_records),
        cmocka_unit_test(a_stream_created_again_while_the_daemon_is_down_has_another_epoch),
        cmocka_unit_test(
            a_stream_made_anew_that_lacks_its_beginning_is_refused_until_told_to_rebuild),
        cmocka_unit_test(a_log_of_its_own_does_not_become_a_mirror_nor_a_mirror_a_log_of_its_own),
        cmocka_unit_test(another_filter_is_another_epoch),
        cmocka_unit_test(a_stream_on_other_subjects_is_refused),
        cmocka_unit_test(a_stream_that_forgets_what_was_delivered_is_refused),
        cmocka_unit_test(subjects_that_no_longer_cover_ours_are_seen_while_running),
        cmocka_unit_test(a_stream_taken_back_is_refused_until_told_to_rebuild),
        cmocka_unit_test(a_stream_taken_back_that_has_passed_us_since_is_refused_as_well),
        cmocka_unit_test(a_stream_taken_back_under_a_running_daemon_is_refused_and_reads_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
