/* case_fold.c: cases about purity: the same events give the same records, whatever other events
 * came between them, and wherever the program was restarted. */
#include "check/bench.h"
#include "check/cases.h"
#include "check/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- In another process ---------------------------------------------------------------------- */

/* Writes all records of the run. The parent compares the records of two processes. */
void case_determinism(struct maker *maker) {
    static struct events events;
    struct text dump = {0}, head = {0};
    char line[64];
    case_events_of(maker, &events);
    bench_renew();
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    bench_dump(&dump);
    snprintf(line, sizeof line, "#%" PRIu64 "\n", bench.sheet->run_seed);
    text_append_lit(&head, line);
    text_append_str(&head, text_str(&dump));
    if (head.failed || write(case_dump_fd, head.data, head.len) != (ssize_t)head.len)
        guard_trouble("cannot write the records for the comparison: %s", strerror(errno));
    text_finish(&dump);
    text_finish(&head);
}

/* ---- In another manner ----------------------------------------------------------------------- */

/* Rejected events have a case of their own. */
static void drop_rejected(struct events *events, const reel_outcome *outcomes) {
    size_t kept = 0;
    for (size_t n = 0; n < events->count; n++) {
        if (outcomes[n] == REEL_REJECTED) continue;
        struct text text = events->texts[kept];
        events->texts[kept++] = events->texts[n];
        events->texts[n] = text;
    }
    events->count = kept;
}

static void compare(const struct text *wanted, const struct text *found, const char *what) {
    if (reel_str_eq(text_str(wanted), text_str(found))) return;
    struct reel_str one = dump_difference(wanted, found), other = dump_difference(found, wanted);
    guard_show((struct reel_str){0});
    guard_found("the records differ %s: `%.*s`, before that `%.*s`", what,
                (int)(other.len > 400 ? 400 : other.len), other.data,
                (int)(one.len > 400 ? 400 : one.len), one.data);
}

void case_state(struct maker *maker) {
    static struct events events;
    static struct text wanted, found;
    reel_outcome outcomes[EVENTS_MAX];
    char what[64];
    case_events_of(maker, &events);
    bench_renew();
    bench_fold(&events, FOLD_ONE_BY_ONE, NULL, outcomes);
    drop_rejected(&events, outcomes);
    bench_renew();
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    bench_dump(&wanted);
    for (int manner = FOLD_AT_ONCE; manner < FOLD_MANNERS; manner++) {
        bench_fold(&events, (enum fold_manner)manner, &maker->random, NULL);
        bench_dump(&found);
        snprintf(what, sizeof what, "when folded %s%s", fold_manner_words[manner],
                 manner == FOLD_AT_ONCE ? " again" : "");
        compare(&wanted, &found, what);
    }
}

/* ---- From records ---------------------------------------------------------------------------- */

/* What a derived collection has rejected may depend on the order of changes. */
static bool may_be_made_from_records(const struct reel_projector *projector) {
    struct reel_view *view;
    struct reel_collection_info info;
    struct reel_error error;
    if (!(projector->flags & REEL_DERIVE_FROM_RECORDS)) return false;
    guard_must(reel_view_open(bench.reel, &view, &error), &error);
    int rc = reel_view_collection(view, projector->collection, &info);
    reel_view_close(view);
    if (rc < 0) guard_trouble("cannot read the collection: %s", strerror(-rc));
    return info.rejected == 0;
}

/* Without a log, derived collections are made from the records of their sources. One is left out if
 * another one that needs the log derives from it (-ESTALE). */
void case_derived(struct maker *maker) {
    static struct events events;
    static struct text wanted, found;
    const struct reel_projector *projector;
    struct reel_error error;
    case_events_of(maker, &events);
    bench_renew();
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    bench_dump(&wanted);
    guard_show((struct reel_str){0});
    guard_must(reel_trim(bench.reel, reel_cursor(bench.reel) + 1, &error), &error);
    for (size_t n = 0; (projector = reel_projector(bench.reel, n)); n++) {
        if (!may_be_made_from_records(projector)) continue;
        int rc = reel_rebuild(bench.reel, projector->collection, &error);
        if (rc != -ESTALE) guard_must(rc, &error);
    }
    bench_dump(&found);
    compare(&wanted, &found, "when they are made from the records of the source");
}

/* ---- Rejected events ------------------------------------------------------------------------- */

/* Folds the same events with and without those that are rejected. */
void case_rejected(struct maker *maker) {
    static struct events events;
    static struct text wanted, found;
    reel_outcome outcomes[EVENTS_MAX];
    case_events_of(maker, &events);
    bench_renew();
    bench_fold(&events, FOLD_ONE_BY_ONE, NULL, outcomes);
    bench_dump(&found);
    drop_rejected(&events, outcomes);
    bench_renew();
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    bench_dump(&wanted);
    compare(&wanted, &found, "with rejected events among the others");
}
