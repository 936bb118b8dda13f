/* case_events.c: cases about the outcome of events: good events, garbage, and the records that
 * events make. */
#include "check/bench.h"
#include "check/cases.h"
#include "check/guard.h"
#include "engine/engine.h"
#include "json/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Good events ----------------------------------------------------------------------------- */

void case_events(struct maker *maker) {
    static struct events events;
    reel_outcome outcomes[EVENTS_MAX];
    make_events(maker, false, &events);
    bench_fold(&events, FOLD_ONE_BY_ONE, NULL, outcomes);
    for (size_t n = 0; n < events.count; n++) {
        bench.sheet->applied += outcomes[n] == REEL_APPLIED;
        bench.sheet->ignored += outcomes[n] == REEL_IGNORED;
        bench.sheet->rejected += outcomes[n] == REEL_REJECTED;
    }
}

/* ---- Whether they reach anything ------------------------------------------------------------- */

static bool has_applied[256]; /* index: projector */

/* Index: projector, declared event. And the declared event of the current call, or none. */
enum { DECLARED_MAX = 256, NOT_DECLARED = DECLARED_MAX };
static bool type_applied[256][DECLARED_MAX];
static size_t declared_at;

static size_t projector_of(const struct collection *collection) {
    return (size_t)(collection->projector - bench.plugin->projectors);
}

static void note_declared(struct reel_tx *tx, const struct reel_event *event) {
    const struct collection *collection = (const struct collection *)tx;
    const struct reel_event_info *const *events = collection->projector->declared.events;
    for (declared_at = 0; events && events[declared_at] && declared_at < DECLARED_MAX;
         declared_at++)
        if (reel_str_is(event->type, events[declared_at]->type)) return;
    declared_at = NOT_DECLARED;
}

/* An event that changed records counts as applied, whatever the plugin returns. A wrong return
 * value is a finding of `rules` only. */
static void note_applied(const struct fold *fold, reel_outcome outcome) {
    size_t at = projector_of(fold->collection);
    bool changed = outcome != REEL_REJECTED && fold->changed;
    if ((outcome != REEL_APPLIED && !changed) || at >= 256) return;
    has_applied[at] = true;
    if (declared_at != NOT_DECLARED) type_applied[at][declared_at] = true;
}

void case_applied(struct maker *maker) {
    static struct events events;
    bench.watch.before_evolve = note_declared;
    bench.watch.after_evolve = note_applied;
    make_events(maker, false, &events);
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
}

/* A finding only with --strict, as it may need events that were not made here. */
static void list_never_applied(void) {
    char *to = bench.sheet->never_applied;
    size_t room = sizeof bench.sheet->never_applied;
    for (uint32_t i = 0; i < bench.plugin->projector_count && i < 256; i++) {
        const struct reel_event_info *const *events = bench.plugin->projectors[i].declared.events;
        for (size_t at = 0; events && events[at] && at < DECLARED_MAX; at++) {
            if (type_applied[i][at]) continue;
            size_t used = strlen(to);
            snprintf(to + used, room - used, "%s%s", used ? ", " : "", events[at]->type);
            to[utf8_cut(to, strlen(to))] = '\0';
        }
    }
    if (bench.sheet->strict && to[0])
        guard_found("events of these types are declared, and none was applied: %.800s", to);
}

/* If nothing was applied, nearly nothing was tested, and the other cases have passed without a
 * reason.
 */
void case_applied_finish(void) {
    guard_show((struct reel_str){0});
    for (uint32_t i = 0; i < bench.plugin->projector_count && i < 256; i++)
        if (!has_applied[i])
            guard_found(
                "no event was applied to `%s`, so it was not tested: give events with --events",
                bench.plugin->projectors[i].declared.collection);
    list_never_applied();
}

/* ---- Garbage --------------------------------------------------------------------------------- */

enum { DECLARED_BROKEN_MAX = 256 }; /* members */

static void try_key(struct maker *maker) {
    struct text key = {0};
    struct reel_key ret;
    make_key(maker, true, &key);
    for (uint32_t i = 0; i < bench.instance->projector_count; i++) {
        const struct reel_projector *code = &bench.instance->projectors[i].declared;
        if (!code->canonical_key) continue;
        guard_turn(CHECK_TURN_KEY, text_str(&key));
        (void)code->canonical_key(text_str(&key), &ret);
        guard_done();
        guard_turn(CHECK_TURN_KEY, reel_text("no key"));
        (void)code->canonical_key((struct reel_str){0}, &ret);
        guard_done();
    }
    text_finish(&key);
}

/* Breaks each member in each way: of those that the plugin asks for, and of those that it declares,
 * up to a limit. */
static void break_all(struct maker *maker, struct text *event) {
    for (uint32_t node = 0; node < maker->lesson->node_count; node++)
        for (int garbage = 0; garbage < GARBAGES; garbage++) {
            make_garbage_at(maker, node, (enum garbage)garbage, event);
            bench_apply(event);
        }
    for (uint32_t number = 0; number < DECLARED_BROKEN_MAX; number++)
        for (int garbage = 0; garbage < GARBAGES; garbage++) {
            if (!make_near_miss(maker, number, (enum garbage)garbage, event)) return;
            bench_apply(event);
        }
}

/* In the first run, breaks each member in each way. In further runs, breaks any member in any
 * way. */
void case_garbage(struct maker *maker) {
    static bool was_thorough;
    struct text event = {0};
    bench_reset();
    if (!was_thorough) break_all(maker, &event);
    was_thorough = true;
    for (int n = 0; n < EVENTS_MAX; n++) {
        make_garbage(maker, &event);
        bench_apply(&event);
        try_key(maker);
    }
    text_finish(&event);
}

/* ---- Rules ----------------------------------------------------------------------------------- */

/* Mistakes that a plugin may leave to the host, because its author knows that the host detects
 * them. */
static bool is_for_the_host(const char *reason) {
    static const char *const about_values[] = {"gives no key", "gives a key",
                                               "is not one of its values", "not UTF-8",
                                               "JSON with more than 100 levels"};
    for (size_t i = 0; i < sizeof about_values / sizeof *about_values; i++)
        if (strstr(reason, about_values[i])) return true;
    return false;
}

struct rules_check {
    const struct events *events;
    uint64_t seq_before;
};

/* The host's own sentences name the plugin; other reasons come from the plugin. */
static int check_rejection(void *context, const struct reel_rejection *rejection) {
    const struct rules_check *check = context;
    char head[256], reason[SHOWN_BYTES];
    snprintf(head, sizeof head, "plugin %s (%.*s): ", bench.sheet->name,
             REEL_FMT(rejection->collection));
    snprintf(reason, sizeof reason, "%.*s", REEL_FMT(rejection->reason));
    if (strncmp(reason, head, strlen(head)) != 0 || is_for_the_host(reason)) return 0;
    guard_show(text_str(&check->events->texts[rejection->seq - check->seq_before - 1]));
    guard_found("it %s", reason + strlen(head));
}

void case_rules(struct maker *maker) {
    static struct events events;
    struct rules_check check = {.events = &events};
    struct reel_view *view;
    struct reel_error error;
    case_events_of(maker, &events);
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    check.seq_before = reel_cursor(bench.reel) - events.count;
    guard_must(reel_view_open(bench.reel, &view, &error), &error);
    int rc = reel_view_rejected(view, UINT64_MAX, check_rejection, &check);
    reel_view_close(view);
    if (rc < 0) guard_trouble("cannot list the rejections: %s", strerror(-rc));
}

/* ---- Records --------------------------------------------------------------------------------- */

struct record_check {
    struct json_parser *parser;
    const struct projector *projector;
    bool *was_set;
};

static bool *was_set[256]; /* index: projector, field */

static int check_record(void *context, const struct reel_row *row) {
    const struct record_check *check = context;
    struct json *json;
    const char *why;
    struct reel_str name;
    struct reel_value value = {0};
    uint32_t at = 0;
    if (json_parse(check->parser, row->json, 0, &json, &why) < 0)
        guard_found("a record is not JSON: %s", why);
    while ((value = json_next(json_root(json), value, &name)).json) {
        if (at == check->projector->field_count ||
            !reel_str_is(name, check->projector->fields[at].name))
            guard_found("a record of `%s` has the field `%.*s` in the place of another one",
                        check->projector->declared.collection, REEL_FMT(name));
        if (json_kind(value) != REEL_NULL) check->was_set[at] = true;
        at++;
    }
    if (at < check->projector->field_count)
        guard_found("a record of `%s` lacks the field `%s`", check->projector->declared.collection,
                    check->projector->fields[at].name);
    return 0;
}

static void check_records(struct json_parser *parser) {
    struct reel_view *view;
    struct reel_error error;
    guard_must(reel_view_open(bench.reel, &view, &error), &error);
    for (uint32_t i = 0; i < bench.plugin->projector_count && i < 256; i++) {
        const struct projector *projector = &bench.plugin->projectors[i];
        if (!was_set[i]) was_set[i] = calloc(projector->field_count, sizeof(bool));
        struct record_check check = {parser, projector, was_set[i]};
        if (!parser || !was_set[i]) guard_trouble("out of memory");
        int rc = reel_view_list(view, projector->declared.collection, (struct reel_str){0}, false,
                                check_record, &check);
        if (rc < 0) guard_trouble("cannot list: %s", strerror(-rc));
    }
    reel_view_close(view);
}

/* Looks after each event, because a later one may set the field to null again, or delete the
 * record. */
void case_records(struct maker *maker) {
    static struct events events;
    static struct json_parser *parser;
    if (!parser) parser = json_parser_create(&host_table);
    case_events_of(maker, &events);
    bench_reset();
    for (size_t n = 0; n < events.count; n++) {
        (void)bench_apply(&events.texts[n]); /* other cases look at outcomes */
        check_records(parser);
    }
}

/* A finding only with --strict: events that were not made here may set the field. */
void case_records_finish(void) {
    char *to = bench.sheet->never_set;
    size_t room = sizeof bench.sheet->never_set;
    for (uint32_t i = 0; i < bench.plugin->projector_count && i < 256; i++) {
        const struct projector *projector = &bench.plugin->projectors[i];
        for (uint32_t at = 0; was_set[i] && at < projector->field_count; at++) {
            if (was_set[i][at]) continue;
            size_t used = strlen(to);
            snprintf(to + used, room - used, "%s%s.%s", used ? ", " : "",
                     projector->declared.collection, projector->fields[at].name);
        }
    }
    guard_show((struct reel_str){0});
    if (to[0] && bench.sheet->strict)
        guard_found("no event set %.900s; try more --runs, or give some with --events", to);
}
