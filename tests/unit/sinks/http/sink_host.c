/* sink_host.c: see sink_host.h. */
#include "sink_host.h"

#include "follow/hub.h"
#include "http/bulk/bulk.h"

#include <errno.h>
#include <stdlib.h>

/* ---- The host -------------------------------------------------------------------------------- */

struct reel_view {
    struct fake_host *fake;
};

static struct fake_host *fake_of(struct reel_sink_host *host) {
    return (struct fake_host *)host;
}

static int view_open(struct reel_sink_host *host, struct reel_view **ret,
                     struct reel_error *error) {
    struct fake_host *fake = fake_of(host);
    if (fake->view_rc < 0) return fail(error, fake->view_rc, "no view is to be had");
    *ret = malloc(sizeof **ret);
    must(*ret);
    (*ret)->fake = fake;
    fake->views++;
    return 0;
}

static int view_before(struct reel_sink_host *host, struct reel_view **ret) {
    (void)host, (void)ret;
    return -ENOENT;
}

static void view_close(struct reel_view *view) {
    view->fake->views--;
    free(view);
}

static int view_position(struct reel_view *view, struct reel_position *ret, size_t size) {
    must(size == sizeof *ret);
    *ret = view->fake->position;
    return 0;
}

static int view_collection(struct reel_view *view, const char *collection,
                           struct reel_collection_info *ret, size_t size) {
    must(size == sizeof *ret && collection);
    *ret = view->fake->info;
    return 0;
}

static const struct reel_projector *projector(struct reel_sink_host *host, size_t n) {
    return fake_of(host)->projectors[n];
}

static bool plugin(struct reel_sink_host *host, size_t n, struct reel_plugin_info *ret,
                   size_t size) {
    const struct reel_plugin_info *plugins = fake_of(host)->plugins;
    must(size == sizeof *ret);
    if (!plugins || !plugins[n].name) return false;
    *ret = plugins[n];
    return true;
}

static void status(struct reel_sink_host *host, struct reel_status *ret, size_t size) {
    must(size == sizeof *ret);
    *ret = fake_of(host)->status;
}

static void metrics(struct reel_sink_host *host, reel_metric_fn fn, void *context) {
    const struct reel_metric *metric = fake_of(host)->metrics;
    for (; metric && metric->name; metric++) fn(context, metric);
}

static uint64_t newest_commit(struct reel_sink_host *host) {
    (void)host;
    return 1;
}

static uint64_t cursor(struct reel_sink_host *host) {
    return fake_of(host)->position.cursor;
}

static const struct reel_sink_calls host = {
    .struct_size = sizeof host,
    .view_open = view_open,
    .view_before = view_before,
    .view_close = view_close,
    .view_position = view_position,
    .view_collection = view_collection,
    .cursor = cursor,
    .newest_commit = newest_commit,
    .projector = projector,
    .plugin = plugin,
    .status = status,
    .metrics = metrics,
};

/* ---- Projectors ------------------------------------------------------------------------------ */

static const char *const prefixes[] = {"test.", NULL};
static const char *const states[] = {"pending", "running", NULL};
static const char *const statuses[] = {"PENDING", "FAILED", NULL};

static const struct reel_field *const cell_fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_ONE_OF, .values = states),
    REEL_FIELD(.name = "formation_id", .kind = REEL_FIELD_STRING, .filter = "formation",
               .refers_to = "formations"),
    REEL_FIELD(.name = "exit_code", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "lost", .kind = REEL_FIELD_BOOL),
    NULL,
};
static const struct reel_projector cells = {
    .struct_size = sizeof cells,
    .revision = 3,
    .collection = "cells",
    .type_prefixes = prefixes,
    .fields = cell_fields,
};

static const struct reel_field *const formation_fields[] = {
    REEL_FIELD(.name = "name", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_IS_NAME),
    REEL_FIELD(.name = "status", .kind = REEL_FIELD_ONE_OF, .values = statuses,
               .flags = REEL_FIELD_ANY_CASE),
    REEL_FIELD(.name = "document", .kind = REEL_FIELD_JSON),
    NULL,
};
static const struct reel_command_info *const formation_commands[] = {
    REEL_COMMAND(.verb = "create", .summary = "Submit a formation"),
    REEL_COMMAND(.verb = "delete"),
    REEL_COMMAND(.verb = "status", .summary = "Report a phase"),
    NULL,
};
static const struct reel_projector formations = {
    .struct_size = sizeof formations,
    .revision = 1,
    .collection = "formations",
    .type_prefixes = prefixes,
    .fields = formation_fields,
    .commands = formation_commands,
};

const struct reel_projector *const sink_host_projectors[] = {&cells, &formations, NULL};

/* ---- Fixture --------------------------------------------------------------------------------- */

int sink_host_setup(void **state) {
    struct fake_host *fake = calloc(1, sizeof *fake);
    must(fake);
    fake->host.calls = &host;
    fake->projectors = sink_host_projectors;
    fake->status = (struct reel_status){
        .ready = true,
        .feed = "embedded",
        .feed_state = "up",
        .server = "1.2.3",
        .build = "debug",
    };
    fake->server.host = &fake->host;
    pthread_mutex_init(&fake->server.waiters_lock, NULL);
    must(hub_start(&(struct hub_options){.host = &fake->host}, &fake->server.hub, NULL) == 0);
    must(bulk_start(&fake->server, &(struct bulk_options){0}, &fake->server.bulk, NULL) == 0);
    fake->request.server = &fake->server;
    *state = fake;
    return 0;
}

int sink_host_teardown(void **state) {
    struct fake_host *fake = *state;
    answer_finish(&fake->request.answer);
    bulk_stop(fake->server.bulk);
    hub_stop(fake->server.hub);
    pthread_mutex_destroy(&fake->server.waiters_lock);
    must(fake->views == 0);
    free(fake);
    return 0;
}

/* ---- Answers --------------------------------------------------------------------------------- */

const char *answered_text(struct fake_host *fake, void (*handle)(struct request *),
                          unsigned expected) {
    struct answer *answer = &fake->request.answer;
    answer_finish(answer);
    handle(&fake->request);
    assert_int_equal(answer->status, expected);
    text_append(&answer->body, "", 1);
    must(!answer->body.failed);
    return answer->body.data;
}

json_t *answered_json(struct fake_host *fake, void (*handle)(struct request *), unsigned expected) {
    const char *text = answered_text(fake, handle, expected);
    assert_string_equal(fake->request.answer.content_type,
                        expected < 400 ? "application/json" : "application/problem+json");
    return json_parsed(text, strlen(text));
}

static size_t allocations_left;

static void *allocate(size_t size) {
    return allocations_left-- == 0 ? NULL : malloc(size);
}

void assert_survives_no_memory(struct fake_host *fake, void (*handle)(struct request *),
                               size_t step) {
    struct answer *answer = &fake->request.answer;
    size_t failed = 0;
    for (size_t at = 0;; at += step) {
        allocations_left = at;
        answer_finish(answer);
        json_set_alloc_funcs(allocate, free);
        handle(&fake->request);
        json_set_alloc_funcs(malloc, free);
        if (answer->status == 200) break;
        assert_int_equal(answer->status, 503);
        assert_string_equal(answer->content_type, "application/problem+json");
        failed++;
    }
    must(failed > 10);
}

void assert_json_take(json_t *found, json_t *expected) {
    must(expected);
    if (!json_equal(found, expected)) {
        char *found_text = json_dumps(found, JSON_ENCODE_ANY | JSON_INDENT(2));
        char *expected_text = json_dumps(expected, JSON_ENCODE_ANY | JSON_INDENT(2));
        support_failed(__FILE__, __LINE__, "found %s, expected %s", found_text, expected_text);
    }
    json_decref(found);
    json_decref(expected);
}
