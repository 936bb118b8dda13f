/* http_about_test.c: what the daemon says of itself: status, version, metrics, health. */
#include "http_raw.h"
#include "load.h"

/* ---- Cases ----------------------------------------------------------------------------------- */

static void health_is_answered_to_everybody(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->nobody, "/healthz", 200);
    reply_free(&reply);
    wait_until_ready(site->nobody);
    reply = asked(site->nobody, "HEAD", "/readyz", NULL, NULL, 200);
    reply_free(&reply);
    get_problem(site->nobody, "/healthz?x=1", 400, "bad-request");
    get_problem(site->nobody, "/readyz/", 401, "unauthorized");
}

static void version_has_the_shape_of_the_reference(void **state) {
    struct site *site = *state;
    json_t *version = json_got(site->reader, "/v1/version");
    const json_t *server = json_object_get(version, "server");
    assert_string_equal(text_of(json_object_get(version, "api"), "version"), "v1");
    assert_string_equal(text_of(server, "version"), reel_version());
    assert_true(strlen(text_of(server, "buildProfile")) > 0);
    json_decref(version);
}

static void status_counts_what_came_and_where_each_projection_stands(void **state) {
    struct site *site = *state;
    char id[37];
    wait_until_ready(site->nobody);
    cell_started(site->writer, "c");
    formation_made(site->writer, "f", id);
    posted(site->writer, "i", "unknown", NULL, "ignored");
    posted(site->writer, "r", "dev.cellos.events.cell.formation.v1.created", "{}", "rejected");
    json_t *status = json_got(site->reader, "/v1/status");
    static const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"cursor", 4},  {"first_seq", 1}, {"head", 4},    {"lag", 0},
                   {"applied", 2}, {"ignored", 1},   {"rejected", 1}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(number_of(status, numbers[i].name), numbers[i].value);
    assert_true(json_is_true(json_object_get(status, "ready")));
    assert_string_equal(text_of(json_object_get(status, "feed"), "state"), "up");
    const json_t *projections = json_object_get(status, "projections");
    char *names = listed(projections, "collection");
    assert_string_equal(names, "cells,formations,");
    free(names);
    const json_t *formations = json_array_get(projections, 1);
    assert_string_equal(text_of(formations, "state"), "live");
    assert_int_equal(number_of(formations, "cursor"), 4);
    assert_int_equal(number_of(formations, "records"), 1);
    assert_int_equal(number_of(formations, "applied"), 1);
    assert_int_equal(number_of(formations, "rejected"), 1);
    assert_int_equal(number_of(formations, "changed"), 2);
    json_decref(status);
}

static void metrics_are_prometheus_text_that_follows_what_happens(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, "/metrics", 200);
    assert_memory_equal(reply_header(&reply, "Content-Type"), "text/plain; version=0.0.4", 25);
    for (const char *line = reply.body.data; *line; line = strchr(line, '\n') + 1) {
        bool comment = strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0;
        if (!comment && strncmp(line, "reel_", 5) != 0) fail_msg("a line: %.80s", line);
        must(strchr(line, '\n') != NULL);
    }
    reply_free(&reply);
    assert_true(figure_of(site, "\nreel_cursor ") == 0);
    cell_started(site->writer, "c");
    get_problem(site->reader, "/v1/none", 404, "not-found");
    assert_true(figure_of(site, "\nreel_cursor ") == 1);
    assert_true(figure_of(site, "\nreel_events_total{outcome=\"applied\"} ") == 1);
    assert_true(figure_of(site, "\nreel_records{collection=\"cells\"} ") == 1);
    assert_true(figure_of(site, "\nreel_http_requests_total{code=\"4xx\"} ") == 1);
    assert_true(figure_of(site, "\nreel_http_requests_total{code=\"2xx\"} ") >= 5);
}

static void an_epoch_stays_through_a_restart_and_changes_when_told_to(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    char first[40];
    struct site site = site_of(daemon_started(directory, NULL));
    cell_started(site.writer, "c");
    json_t *status = json_got(site.reader, "/v1/status");
    snprintf(first, sizeof first, "%s", text_of(status, "epoch"));
    json_decref(status);
    site_closed(&site);
    site = site_of(daemon_started(directory, NULL));
    struct reply reply = got(site.reader, "/v1/cells/c?min_cursor=1", 200);
    assert_string_equal(reply_header(&reply, "Reel-Epoch"), first);
    reply_free(&reply);
    site_closed(&site);
    site = site_of(daemon_started(directory, "--new-epoch", NULL));
    wait_until_ready(site.nobody);
    reply = got(site.reader, "/v1/cells/c?min_cursor=1", 200);
    assert_string_not_equal(reply_header(&reply, "Reel-Epoch"), first);
    assert_int_equal(cursor_of(&reply), 1);
    reply_free(&reply);
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(health_is_answered_to_everybody),
        CASE(version_has_the_shape_of_the_reference),
        CASE(status_counts_what_came_and_where_each_projection_stands),
        CASE(metrics_are_prometheus_text_that_follows_what_happens),
        cmocka_unit_test(an_epoch_stays_through_a_restart_and_changes_when_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
