/* fake_host.c: see fake_host.h. A view of the host's is the Reel's own; what is not the Reel's
 * comes from `current`, as the functions that are given a view are not given the host. */
#include "fake_host.h"

#include "engine/engine.h"
#include "json/value.h"

#include <stdlib.h>
#include <time.h>

enum { PATIENCE_S = 20 };

static struct fake_host *current;

/* ---- Settings and log ------------------------------------------------------------------------ */

static const char *setting_text(struct reel_sink_host *host, const char *name, size_t n) {
    const struct fake_host *fake = (struct fake_host *)host;
    for (const struct fake_setting *at = fake->settings; at->name && n == 0; at++)
        if (strcmp(at->name, name) == 0) return at->value;
    return NULL;
}

static void write_log(struct reel_sink_host *host, reel_level level, struct reel_str text) {
    struct fake_host *fake = (struct fake_host *)host;
    must(text.data && text.len > 0);
    if (level == REEL_LEVEL_WARNING) fake->warnings++;
}

static void quit(struct reel_sink_host *host, int exit_code, struct reel_str text) {
    struct fake_host *fake = (struct fake_host *)host;
    pthread_mutex_lock(&fake->lock);
    fake->quit = true;
    fake->quit_code = exit_code;
    snprintf(fake->quit_text.text, sizeof fake->quit_text.text, "%.*s", REEL_FMT(text));
    pthread_cond_broadcast(&fake->quit_called);
    pthread_mutex_unlock(&fake->lock);
}

/* ---- Views ----------------------------------------------------------------------------------- */

static int view_open(struct reel_sink_host *host, struct reel_view **ret,
                     struct reel_error *error) {
    struct fake_host *fake = (struct fake_host *)host;
    if (fake->refuse_views) return fail(error, -EAGAIN, "no view is to be had");
    fake->views++;
    return reel_view_open(fake->reel, ret, error);
}

/* What was served before a start: the fixture's Reel has just been made. */
static int view_before(struct reel_sink_host *host, struct reel_view **ret) {
    return engine_view_before(((struct fake_host *)host)->reel, ret);
}

static int view_position(struct reel_view *view, struct reel_position *ret, size_t size) {
    must(size == sizeof *ret);
    int rc = reel_view_position(view, ret);
    if (rc == 0 && current->first_deletion) ret->first_deletion = current->first_deletion;
    return rc;
}

static int view_collection(struct reel_view *view, const char *collection,
                           struct reel_collection_info *ret, size_t size) {
    (void)view;
    must(size == sizeof *ret && strcmp(collection, "cells") == 0);
    *ret = (struct reel_collection_info){.served = !current->unserved};
    return 0;
}

static const struct reel_projector *projector(struct reel_sink_host *host, size_t n) {
    static const struct reel_projector cells = {.collection = "cells"};
    return ((struct fake_host *)host)->has_collection && n == 0 ? &cells : NULL;
}

static int view_changed(struct reel_view *view, uint64_t since, reel_changed_fn fn, void *context) {
    struct reel_position position;
    size_t given = 0;
    int rc = reel_view_position(view, &position);
    for (size_t i = 0; rc == 0 && i < current->changed_count; i++) {
        const struct reel_changed_row *changed = &current->changed[i];
        if (changed->row->changed <= since || changed->row->changed > position.cursor) continue;
        if (given == current->rows_per_view && given > 0) return -ETIME;
        rc = fn(context, changed);
        given++;
    }
    return rc;
}

/* A walk over the log, in which the sink sees type and subject, and time runs out. */
struct log_reading {
    reel_entry_fn fn;
    void *context;
    size_t given;
};

static int give_entry(void *context, const struct reel_entry *entry) {
    struct log_reading *reading = context;
    struct reel_entry given = *entry;
    struct json *json;
    const char *why;
    if (reading->given == current->rows_per_view && reading->given > 0) return -ETIME;
    reading->given++;
    if (json_parse(current->parser, entry->bytes, 0, &json, &why) == 0 &&
        json_kind(json_root(json)) == REEL_OBJECT) {
        struct reel_value type = json_get(json_root(json), STR("type"));
        struct reel_value subject = json_get(json_root(json), STR("subject"));
        if (type.json) given.type = json_str(type);
        if (subject.json) given.subject = json_str(subject);
    }
    return reading->fn(reading->context, &given);
}

static int view_log(struct reel_view *view, uint64_t from_seq, reel_entry_fn fn, void *context) {
    struct log_reading reading = {.fn = fn, .context = context};
    return reel_view_log(view, from_seq, give_entry, &reading);
}

static int view_query(struct reel_view *view, const struct reel_query *query, reel_row_fn fn,
                      void *context, struct reel_page *ret, size_t size, struct reel_error *error) {
    must(!ret || size == sizeof *ret);
    return reel_view_query(view, query, fn, context, ret, error);
}

static uint64_t cursor(struct reel_sink_host *host) {
    return position_of(((struct fake_host *)host)->reel).cursor;
}

static uint64_t newest_commit(struct reel_sink_host *host) {
    return reel_newest_commit(((struct fake_host *)host)->reel);
}

/* ---- Fixture --------------------------------------------------------------------------------- */

int fake_stage_begin(void **state) {
    struct fake_host *fake = calloc(1, sizeof *fake);
    must(fake);
    fake->calls = (struct reel_sink_calls){
        .struct_size = sizeof fake->calls,
        .setting_text = setting_text,
        .log = write_log,
        .view_open = view_open,
        .view_before = view_before,
        .view_close = reel_view_close,
        .view_position = view_position,
        .view_collection = view_collection,
        .view_get = reel_view_get,
        .view_list = reel_view_list,
        .view_query = view_query,
        .view_changed = view_changed,
        .view_changes = reel_view_changes,
        .view_log = view_log,
        .cursor = cursor,
        .newest_commit = newest_commit,
        .projector = projector,
        .quit = quit,
    };
    fake->host.calls = &fake->calls;
    fake->reel = reel_opened(NULL, NULL, NULL);
    fake->parser = json_parser_create(NULL);
    must(fake->parser);
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->quit_called, NULL);
    current = fake;
    *state = fake;
    return 0;
}

int fake_stage_end(void **state) {
    struct fake_host *fake = *state;
    reel_close(fake->reel);
    json_parser_destroy(fake->parser);
    pthread_mutex_destroy(&fake->lock);
    pthread_cond_destroy(&fake->quit_called);
    free(fake);
    return 0;
}

void fake_apply(struct fake_host *fake, const char *type) {
    char event[256];
    snprintf(event, sizeof event, "{\"type\":\"%s\",\"subject\":\"%llu\"}", type,
             (unsigned long long)position_of(fake->reel).cursor + 1);
    apply_text(fake->reel, event, REEL_IGNORED);
}

void assert_quit(struct fake_host *fake, int code, const char *part) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&fake->lock);
    while (!fake->quit) must(pthread_cond_timedwait(&fake->quit_called, &fake->lock, &until) == 0);
    pthread_mutex_unlock(&fake->lock);
    assert_int_equal(fake->quit_code, code);
    assert_sentence(&fake->quit_text, part);
}
