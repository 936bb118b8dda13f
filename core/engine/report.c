/* report.c: see report.h. */
#include "engine/report.h"

#include "base/clock.h"
#include "engine/fold/fold.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 512 };

REEL_PRINTF(3, 4)
static void report(const struct reporter *to, reel_level level, const char *format, ...) {
    char line[LINE_BYTES];
    va_list args;
    if (!to->report) return;
    va_start(args, format);
    message_format(line, sizeof line, format, args);
    va_end(args);
    to->report(to->context, level, line);
}

/* ---- The report of a start ------------------------------------------------------------------- */

struct search {
    const struct reporter *to;
    const struct registry *registry;
};

static void report_unserved(void *context, const char *name, const struct collection_state *state) {
    const struct search *search = context;
    if (registry_find(search->registry, reel_text(name))) return;
    report(search->to, REEL_LEVEL_WARNING,
           "collection `%s` is in the store, with %" PRIu64 " records as of event %" PRIu64
           ", but no plugin serves it",
           name, state->records, state->cursor);
}

static void report_changed_object(const struct reporter *to, const struct collection *collection) {
    report(
        to, REEL_LEVEL_WARNING,
        "collection `%s`: plugin %s is another build than the one that made its records, with the "
        "same revision, %" PRIu32 ": if it folds differently, raise the revision or rebuild",
        collection->name, collection->plugin->declared->name, collection->state.revision);
}

static void report_tail(const struct reporter *to, const struct collection *collection) {
    report(to, REEL_LEVEL_WARNING,
           "collection `%s`: plugin %s folds the events after %" PRIu64
           ", and is another build than the one that made the records: that one may have folded "
           "them before the process ended without a checkpoint, so the generation is now %" PRIu64,
           collection->name, collection->plugin->declared->name, collection->state.cursor,
           collection->state.generation);
}

static void report_given_up(const struct reporter *to, const struct collection *collection,
                            uint64_t first_seq) {
    report(to, REEL_LEVEL_WARNING,
           "collection `%s`: its rebuild is given up, and its records stay: the rebuild cannot go "
           "on, and to begin again would lose the records of events before %" PRIu64
           ", where the log begins; request the rebuild to do it anyway",
           collection->name, first_seq);
}

static void report_derived(const struct reporter *to, const struct collection *collection) {
    const struct collection *source = collection->source;
    report(to, REEL_LEVEL_INFO,
           "collection `%s`: made from the %" PRIu64 " records of `%s`, since %s", collection->name,
           source->committed.records, source->name, collection->was_derived);
}

void report_started(const struct reporter *to, struct dispatcher *dispatcher) {
    const struct registry *registry = &dispatcher->registry;
    struct search search = {to, registry};
    if (!to->report) return;
    if (dispatcher->store.in_place_of_empty)
        report(to, REEL_LEVEL_WARNING,
               "data.mdb had no content and was replaced by a new store: this is normal after an "
               "interrupted first start; otherwise data.mdb may be a copy that failed, and the "
               "events are elsewhere");
    if (meta_each_collection(&dispatcher->store, report_unserved, &search) < 0)
        report(to, REEL_LEVEL_WARNING, "cannot look for collections that no plugin serves");
    for (size_t i = 0; i < registry->count; i++) {
        const struct collection *collection = registry->collections[i];
        if (collection->object_changed) report_changed_object(to, collection);
        if (collection->tail_is_of_other) report_tail(to, collection);
        if (collection->was_derived) report_derived(to, collection);
        if (collection->has_given_up)
            report_given_up(to, collection, dispatcher->committed.first_seq);
    }
    report_progress(to, dispatcher);
}

/* ---- Rebuilds -------------------------------------------------------------------------------- */

static const char *what_it_is(const struct catching_up *catching_up) {
    return catching_up->why ? "rebuild" : "catch-up";
}

/* What is being made: its shadow's records, if it has one. */
static const struct collection *folded_one(const struct collection *collection) {
    return collection->shadow ? collection->shadow : collection;
}

static void begin(const struct reporter *to, struct collection *collection, uint64_t head) {
    struct catching_up *catching_up = &collection->catching_up;
    catching_up->under_way = true;
    catching_up->began_ms = clock_ms();
    catching_up->from = folded_one(collection)->committed;
    report(to, REEL_LEVEL_INFO,
           "collection `%s`: %s begun, events %" PRIu64 " to %" PRIu64 ", since %s%s",
           collection->name, what_it_is(catching_up), catching_up->from.cursor + 1, head,
           catching_up->why ? catching_up->why : "it is behind the log",
           collection->shadow && !collection->committed.waits ? "; its records are served meanwhile"
                                                              : "");
}

static void end(const struct reporter *to, struct collection *collection) {
    struct catching_up *catching_up = &collection->catching_up;
    const struct collection_state *from = &catching_up->from, *now = &collection->committed;
    uint64_t took_ms = clock_ms() - catching_up->began_ms;
    report(to, REEL_LEVEL_INFO,
           "collection `%s`: %s ended, events %" PRIu64 " to %" PRIu64 ", in %" PRIu64 ".%03" PRIu64
           " s: %" PRIu64 " applied, %" PRIu64 " ignored, %" PRIu64 " rejected",
           collection->name, what_it_is(catching_up), from->cursor + 1, now->cursor, took_ms / 1000,
           took_ms % 1000, now->applied - from->applied, now->ignored - from->ignored,
           now->rejected - from->rejected);
    *catching_up = (struct catching_up){0};
}

void report_progress(const struct reporter *to, struct dispatcher *dispatcher) {
    const struct registry *registry = &dispatcher->registry;
    uint64_t head = dispatcher->committed.head;
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        bool is_behind = collection->shadow || collection->committed.cursor < head;
        if (collection_stops_before(collection, collection->committed.cursor + 1)) continue;
        if (is_behind && !collection->catching_up.under_way) begin(to, collection, head);
        if (!is_behind && collection->catching_up.under_way) end(to, collection);
        if (!is_behind) collection->catching_up.why = NULL; /* there was nothing to fold */
    }
}

/* ---- The background -------------------------------------------------------------------------- */

void report_background(const struct reporter *to, const char *sentence) {
    report(to, REEL_LEVEL_WARNING, "%s", sentence);
}
