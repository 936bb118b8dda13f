/* about_test.c: what the daemon says of itself, member by member. */
#include "sinks/http/sink_host.h"

#include <errno.h>
#include <time.h>

#define EPOCH  "01234567-89ab-cdef-0123-456789abcdef"
#define DIGEST "00112233445566778899aabbccddeeff"

/* ---- Health ---------------------------------------------------------------------------------- */

static void health_asks_nobody(void **state) {
    struct fake_host *fake = *state;
    fake->status = (struct reel_status){.reason = "all is lost"};
    fake->view_rc = -EAGAIN;
    assert_string_equal(answered_text(fake, handle_health, 200), "{\"status\":\"ok\"}");
}

static void readiness_needs_no_view(void **state) {
    struct fake_host *fake = *state;
    fake->view_rc = -EAGAIN;
    assert_string_equal(answered_text(fake, handle_ready, 200), "{\"status\":\"ready\"}");
}

static void readiness_gives_its_reason(void **state) {
    struct fake_host *fake = *state;
    fake->status.ready = false;
    strcpy(fake->status.reason, "collection `cells` is being built");
    json_t *problem = answered_json(fake, handle_ready, 503);
    assert_string_equal(json_string_value(json_object_get(problem, "type")),
                        "/problems/service-unavailable");
    assert_string_equal(json_string_value(json_object_get(problem, "detail")),
                        "collection `cells` is being built");
    assert_int_equal(fake->request.answer.retry_after_s, 1);
    json_decref(problem);
}

static void a_daemon_that_ends_is_not_ready(void **state) {
    struct fake_host *fake = *state;
    fake->status.draining = true;
    json_t *problem = answered_json(fake, handle_ready, 503);
    assert_string_equal(json_string_value(json_object_get(problem, "detail")),
                        "the daemon is about to end");
    json_decref(problem);
}

/* ---- Version and status ---------------------------------------------------------------------- */

static void the_version_is_exactly_this(void **state) {
    assert_string_equal(answered_text(*state, handle_version, 200),
                        "{\"server\":{\"version\":\"1.2.3\",\"buildProfile\":\"debug\"},\"api\":{"
                        "\"version\":\"v1\"}}");
}

static void fill_status(struct fake_host *fake) {
    fake->status.started_ns = UINT64_C(1714564800123456789);
    fake->status.lag = 4;
    fake->status.queue_events = 5;
    fake->status.queue_bytes = 6;
    fake->position = (struct reel_position){.epoch = {EPOCH},
                                            .cursor = 7,
                                            .first_seq = 2,
                                            .head = 8,
                                            .applied = 9,
                                            .ignored = 10,
                                            .rejected = 11,
                                            .log_bytes = 12,
                                            .store_bytes = 13,
                                            .gaps = 2,
                                            .gap_messages = 5,
                                            .gap_from = 3,
                                            .gap_to = 6};
    fake->info = (struct reel_collection_info){.revision = 3,
                                               .records = 14,
                                               .cursor = 15,
                                               .from_seq = 16,
                                               .applied = 17,
                                               .ignored = 18,
                                               .rejected = 19,
                                               .changed = 20,
                                               .served = true,
                                               .digest = DIGEST,
                                               .generation = 23,
                                               .set_aside = 24};
    fake->request.access = REEL_ACCESS_HISTORY;
    fake->server.connections = 21;
    fake->server.requests = 22;
}

static json_t *expected_projection(const char *collection) {
    return json_pack("{s:s, s:i, s:s, s:i, s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
                     "collection", collection, "revision", 3, "state", "live", "cursor", 15,
                     "from_seq", 16, "digest", DIGEST, "generation", 23, "records", 14, "applied",
                     17, "ignored", 18, "rejected", 19, "set_aside", 24, "changed", 20);
}

static void the_status_has_everything(void **state) {
    struct fake_host *fake = *state;
    fill_status(fake);
    json_t *found = answered_json(fake, handle_status, 200);
    json_t *uptime = json_object_get(found, "uptime_s");
    must(json_integer_value(uptime) > 0 && json_integer_value(uptime) <= time(NULL) - 1714564800);
    json_object_del(found, "uptime_s");
    json_t *expected =
        json_pack("{s:b, s:n, s:b, s:s, s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "ready", 1,
                  "reason", "draining", 0, "access", "history", "cursor", 7, "epoch", EPOCH,
                  "first_seq", 2, "head", 8, "lag", 4, "applied", 9, "ignored", 10, "rejected", 11);
    json_t *more = json_pack(
        "{s:{s:s, s:s, s:{s:i, s:i, s:{s:i, s:i}}}, s:{s:i, s:i}, s:{s:i, s:i}, "
        "s:[o, o], s:s, s:i, s:i}",
        "feed", "kind", "embedded", "state", "up", "gaps", "count", 2, "messages", 5, "newest",
        "from", 3, "to", 6, "queue", "events", 5, "bytes", 6, "store", "bytes", 13, "log_bytes", 12,
        "projections", expected_projection("cells"), expected_projection("formations"),
        "started_at", "2024-05-01T12:00:00.123Z", "connections", 21, "requests", 22);
    json_object_update(expected, more);
    json_decref(more);
    assert_json_take(found, expected);
}

static json_t *projection_shown(struct fake_host *fake) {
    json_t *status = answered_json(fake, handle_status, 200);
    json_t *projection = json_incref(json_array_get(json_object_get(status, "projections"), 0));
    json_decref(status);
    return projection;
}

static void a_stopped_collection_says_why_and_since_when(void **state) {
    struct fake_host *fake = *state;
    fill_status(fake);
    snprintf(fake->info.stopped, sizeof fake->info.stopped, "the projector crashed (SIGSEGV)");
    fake->info.stopped_s = 1714564800;
    fake->info.stopped_seq = 25;
    json_t *found = projection_shown(fake);
    assert_string_equal(json_string_value(json_object_get(found, "state")), "stopped");
    assert_json_take(json_incref(json_object_get(found, "stopped")),
                     json_pack("{s:s, s:i, s:s}", "reason", "the projector crashed (SIGSEGV)",
                               "seq", 25, "since", "2024-05-01T12:00:00.000Z"));
    json_decref(found);
    fake->info.lost_events = true;
    found = projection_shown(fake);
    assert_string_equal(json_string_value(json_object_get(found, "state")), "lost events");
    json_decref(found);
}

static void the_status_stands_where_its_headers_say(void **state) {
    struct fake_host *fake = *state;
    fill_status(fake);
    answered_text(fake, handle_status, 200);
    must(fake->request.answer.has_position);
    assert_int_equal(fake->request.answer.cursor, 7);
    assert_string_equal(fake->request.answer.epoch.text, EPOCH);
}

static void a_status_without_a_view_is_a_problem(void **state) {
    struct fake_host *fake = *state;
    fake->view_rc = -EAGAIN;
    json_t *problem = answered_json(fake, handle_status, 503);
    assert_string_equal(json_string_value(json_object_get(problem, "detail")),
                        "no view is to be had");
    json_decref(problem);
}

static void a_start_in_the_future_gives_no_uptime(void **state) {
    struct fake_host *fake = *state;
    fake->status.started_ns = UINT64_C(4102444800000000000); /* the year 2100 */
    json_t *found = answered_json(fake, handle_status, 200);
    assert_int_equal(json_integer_value(json_object_get(found, "uptime_s")), 0);
    json_decref(found);
}

/* ---- What is loaded -------------------------------------------------------------------------- */

static void plugins_are_listed(void **state) {
    static const struct reel_plugin_info plugins[] = {
        {"cell", "1.0.0", "/lib/cell.so", 1, 2}, {"linked", "2", NULL, 1, 0}, {0}};
    struct fake_host *fake = *state;
    fake->plugins = plugins;
    json_t *found = answered_json(fake, handle_plugins, 200);
    json_t *list = json_incref(json_object_get(found, "plugins"));
    json_decref(found);
    assert_json_take(list, json_pack("[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:n, s:s}]", "name", "cell",
                                     "version", "1.0.0", "path", "/lib/cell.so", "abi", "1.2",
                                     "name", "linked", "version", "2", "path", "abi", "1.0"));
}

static void a_path_that_is_no_text_is_shown_with_question_marks(void **state) {
    static const struct reel_plugin_info plugins[] = {{"x", "1", "/lib/\xff\xfe.so", 1, 2}, {0}};
    struct fake_host *fake = *state;
    fake->plugins = plugins;
    json_t *found = answered_json(fake, handle_plugins, 200);
    json_t *first = json_array_get(json_object_get(found, "plugins"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "path")), "/lib/\?\?.so");
    json_decref(found);
}

/* The n-th collection that is shown; to json_decref. */
static json_t *collection_shown(struct fake_host *fake, size_t n) {
    json_t *found = answered_json(fake, handle_plugins, 200);
    json_t *collection = json_incref(json_array_get(json_object_get(found, "collections"), n));
    json_decref(found);
    return collection;
}

static void fields_are_shown_as_declared(void **state) {
    json_t *cells = collection_shown(*state, 0);
    assert_json_take(
        cells, json_pack("{s:s, s:i, s:[s], s:[{s:s, s:s, s:s}, {s:s, s:s, s:[s, s], s:s},"
                         " {s:s, s:s, s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s, s:s}], s:[], s:[],"
                         " s:[]}",
                         "name", "cells", "revision", 3, "type_prefixes", "test.", "fields", "name",
                         "id", "kind", "string", "filter", "id", "name", "state", "kind", "one_of",
                         "values", "pending", "running", "filter", "state", "name", "formation_id",
                         "kind", "string", "filter", "formation", "refers_to", "formations", "name",
                         "exit_code", "kind", "integer", "filter", "exit_code", "name", "lost",
                         "kind", "boolean", "filter", "lost", "commands", "events", "settings"));
}

static void commands_and_the_name_are_shown(void **state) {
    json_t *formations = collection_shown(*state, 1);
    json_t *name = json_array_get(json_object_get(formations, "fields"), 0);
    must(json_is_true(json_object_get(name, "is_name")));
    json_t *commands = json_incref(json_object_get(formations, "commands"));
    json_decref(formations);
    assert_json_take(commands, json_pack("[{s:s, s:s, s:n}, {s:s, s:n, s:n}, {s:s, s:s, s:n}]",
                                         "verb", "create", "summary", "Submit a formation",
                                         "members", "verb", "delete", "summary", "members", "verb",
                                         "status", "summary", "Report a phase", "members"));
}

static void without_memory_each_is_a_problem(void **state) {
    static const struct reel_plugin_info plugins[] = {{"x", "1", "/lib/\xff.so", 1, 2}, {0}};
    struct fake_host *fake = *state;
    fake->plugins = plugins;
    assert_survives_no_memory(fake, handle_status, 1);
    assert_survives_no_memory(fake, handle_plugins, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, sink_host_setup, sink_host_teardown)

UNIT_TESTS(about_test) {
    const struct CMUnitTest tests[] = {
        CASE(health_asks_nobody),
        CASE(readiness_needs_no_view),
        CASE(readiness_gives_its_reason),
        CASE(a_daemon_that_ends_is_not_ready),
        CASE(the_version_is_exactly_this),
        CASE(the_status_has_everything),
        CASE(a_stopped_collection_says_why_and_since_when),
        CASE(the_status_stands_where_its_headers_say),
        CASE(a_status_without_a_view_is_a_problem),
        CASE(a_start_in_the_future_gives_no_uptime),
        CASE(plugins_are_listed),
        CASE(a_path_that_is_no_text_is_shown_with_question_marks),
        CASE(fields_are_shown_as_declared),
        CASE(commands_and_the_name_are_shown),
        CASE(without_memory_each_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
