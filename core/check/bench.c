/* bench.c: see bench.h. */
#include "check/bench.h"

#include "check/guard.h"
#include "json/value.h"
#include "json/write.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct bench bench;

const char *const fold_manner_words[FOLD_MANNERS] = {"in one batch", "one by one", "in batches",
                                                     "with stops in between"};

/* ---- Callbacks ------------------------------------------------------------------------------- */

/* The result must not depend on where on the stack the plugin's variables are. */
#define SHIFT_STACK() memset(alloca(bench.sheet->shifted ? 5000 : 1), 0x5a, 1)

static size_t index_of(const struct collection *collection) {
    return (size_t)(collection->projector - bench.plugin->projectors);
}

/* The time that commands carry. It is always the same, so that the same commands give the same
 * events. */
#define COMMAND_TIME "2026-01-02T03:04:05.678Z"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *given) {
    struct collection *collection = (struct collection *)tx;
    const struct reel_projector *code = &bench.instance->projectors[index_of(collection)].declared;
    struct reel_event event = *given;
    SHIFT_STACK();
    if (bench.decided) event.time = reel_text(COMMAND_TIME);
    if (bench.watch.before_evolve) bench.watch.before_evolve(tx, &event);
    guard_turn(CHECK_TURN_EVOLVE, json_text(event.attributes));
    reel_outcome outcome = code->evolve(tx, &event);
    guard_done();
    bench.any_applied |= outcome == REEL_APPLIED;
    bench.evolves += collection == bench.decided;
    bench.applied += collection == bench.decided && outcome == REEL_APPLIED;
    if (bench.watch.after_evolve) bench.watch.after_evolve(collection->fold, outcome);
    return outcome;
}

static reel_outcome derive(struct reel_tx *tx, const struct reel_change *change) {
    struct collection *collection = (struct collection *)tx;
    const struct reel_projector *code = &bench.instance->projectors[index_of(collection)].declared;
    SHIFT_STACK();
    guard_turn_again(CHECK_TURN_DERIVE);
    reel_outcome outcome = code->derive(tx, change);
    guard_done();
    bench.any_applied |= outcome == REEL_APPLIED;
    if (bench.watch.after_evolve) bench.watch.after_evolve(collection->fold, outcome);
    return outcome;
}

/* Of the plugin of --with, which is not checked, but whose events are made, too. */
static reel_outcome (*evolves_with[STORE_COLLECTIONS])(struct reel_tx *, const struct reel_event *);

static reel_outcome evolve_with(struct reel_tx *tx, const struct reel_event *event) {
    const struct collection *collection = (const struct collection *)tx;
    size_t at = (size_t)(collection->projector - collection->plugin->projectors);
    if (bench.watch.before_evolve) bench.watch.before_evolve(tx, event);
    guard_turn(CHECK_TURN_EVOLVE, json_text(event->attributes));
    reel_outcome outcome = evolves_with[at](tx, event);
    guard_done();
    bench.any_applied |= outcome == REEL_APPLIED;
    return outcome;
}

/* Called before the turn ends, while all drafts still exist. */
static void note_drafts(const struct decision *decision) {
    bench.drafted.len = 0;
    for (size_t n = 0; n < decision->count; n++) {
        text_append_str(&bench.drafted, decision->drafts[n]->type);
        text_append_lit(&bench.drafted, " ");
        if (decision->drafts[n]->subject.data)
            text_append_str(&bench.drafted, decision->drafts[n]->subject);
        text_append_lit(&bench.drafted, " ");
        text_append_str(&bench.drafted, text_str(&decision->drafts[n]->data));
        text_append_lit(&bench.drafted, "} ");
    }
    if (bench.drafted.failed) guard_trouble("out of memory");
}

static reel_verdict decide(struct reel_decision *handle, const struct reel_command *given) {
    const struct decision *decision = (struct decision *)handle;
    const struct collection *collection = decision->fold->collection;
    const struct reel_projector *code = &bench.instance->projectors[index_of(collection)].declared;
    struct reel_command command = *given;
    char shown[SHOWN_BYTES];
    command.time = reel_text(COMMAND_TIME);
    bench.decided = collection;
    bench.evolves = bench.applied = 0;
    struct reel_str body = reel_get_json(command.body);
    int len = snprintf(shown, sizeof shown, "%.*s of `%.*s`: %.*s", REEL_FMT(command.verb),
                       REEL_FMT(command.key), REEL_FMT(body));
    SHIFT_STACK();
    if (bench.watch.before_decide) bench.watch.before_decide(handle, &command);
    guard_turn(CHECK_TURN_DECIDE,
               (struct reel_str){shown, len < SHOWN_BYTES ? (size_t)len : SHOWN_BYTES - 1});
    reel_verdict verdict = code->decide(handle, &command);
    guard_done();
    note_drafts(decision);
    if (verdict == REEL_ACCEPTED && bench.watch.after_decide) bench.watch.after_decide(decision);
    return verdict;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Each load makes another copy of the file in memory, so it is another instance, with variables of
 * its own. `bench.file` is open, so all are instances of the same file. */
static void make_instance(void) {
    struct reel_error error;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", bench.file);
    guard_turn(CHECK_TURN_LOAD, reel_text("loading"));
    int rc = plugin_load(path, &bench.instance, &error);
    guard_done();
    guard_must(rc, &error);
    if (bench.watch.on_instance) bench.watch.on_instance(bench.instance->handle);
}

void bench_renew(void) {
    struct plugin *before = bench.instance;
    make_instance();
    guard_turn(CHECK_TURN_LOAD, reel_text("unloading"));
    plugin_unload(before);
    guard_done();
}

uint64_t bench_give_settings(const struct sheet *sheet, struct reel *reel) {
    struct reel_error error;
    uint64_t known = 0, bit = 1;
    for (const char *at = sheet->settings; *at; at += strlen(at) + 1, bit <<= 1) {
        int rc = engine_give_setting(reel, at, &error);
        if (rc == -ENOENT && sheet->has_neighbours) continue;
        guard_must(rc, &error);
        known |= bit;
    }
    return known;
}

static void take_callbacks(void) {
    const struct plugin *with = bench.plugin->next;
    for (uint32_t i = 0; i < bench.plugin->projector_count; i++) {
        struct reel_projector *declared = &bench.plugin->projectors[i].declared;
        if (declared->evolve) declared->evolve = evolve;
        if (declared->derive) declared->derive = derive;
        if (declared->decide) declared->decide = decide;
    }
    for (uint32_t i = 0; with && i < with->projector_count; i++) {
        struct reel_projector *declared = &with->projectors[i].declared;
        evolves_with[i] = declared->evolve;
        if (declared->evolve) declared->evolve = evolve_with;
    }
}

void bench_open(struct sheet *sheet) {
    struct reel_error error;
    struct reel_options options = {.struct_size = sizeof options, .view_ms_max = UINT32_MAX};
    bench.sheet = sheet;
    if (bench.samples.count == 0) samples_read(&bench.samples, sheet->samples);
    bench.file = open(sheet->path, O_RDONLY | O_CLOEXEC);
    if (bench.file < 0) guard_trouble("%s: %s", sheet->path, strerror(errno));
    guard_must(reel_open(&options, &bench.reel, &error), &error);
    guard_turn(CHECK_TURN_LOAD, reel_text("loading"));
    int rc = reel_load_plugin(bench.reel, sheet->path, &error);
    guard_done();
    guard_must(rc, &error);
    if (sheet->with[0]) guard_must(reel_load_plugin(bench.reel, sheet->with, &error), &error);
    (void)bench_give_settings(sheet, bench.reel);
    guard_must(reel_start(bench.reel, &error), &error);
    bench.plugin = engine_plugin(bench.reel);
    make_instance();
    take_callbacks();
}

/* ---- Folding --------------------------------------------------------------------------------- */

void bench_reset(void) {
    struct reel_error error;
    const char *name;
    guard_must(reel_trim(bench.reel, reel_cursor(bench.reel) + 1, &error), &error);
    for (size_t n = 0; (name = reel_collection_name(bench.reel, n)); n++)
        if (!reel_projector(bench.reel, n)->derives_from) /* those are rebuilt with their source */
            guard_must(reel_rebuild(bench.reel, name, &error), &error);
}

static void apply(const struct events *events, size_t from, size_t count) {
    struct reel_str payloads[EVENTS_MAX] = {{0}};
    struct reel_error error;
    for (size_t n = 0; n < count; n++) payloads[n] = text_str(&events->texts[from + n]);
    guard_must(reel_apply_batch(bench.reel, payloads, count, NULL, &error), &error);
}

reel_outcome bench_apply(const struct text *event) {
    struct reel_result result;
    struct reel_error error;
    guard_must(reel_apply(bench.reel, text_str(event), &result, &error), &error);
    return result.outcome;
}

void bench_fold(const struct events *events, enum fold_manner manner, uint64_t *random,
                reel_outcome *ret_outcomes) {
    bench_reset();
    for (size_t from = 0, count; from < events->count; from += count) {
        size_t left = events->count - from;
        count = manner == FOLD_AT_ONCE      ? left
                : manner == FOLD_ONE_BY_ONE ? 1
                                            : 1 + chance_below(random, (uint32_t)left);
        if (manner == FOLD_RESUMED && from > 0) bench_renew();
        if (manner == FOLD_ONE_BY_ONE) {
            bench.any_applied = false;
            reel_outcome outcome = bench_apply(&events->texts[from]);
            if (ret_outcomes) ret_outcomes[from] = bench.any_applied ? REEL_APPLIED : outcome;
        } else {
            apply(events, from, count);
        }
    }
}

/* ---- Records --------------------------------------------------------------------------------- */

struct dumping {
    const char *collection;
    struct text *text;
};

static int dump_row(void *context, const struct reel_row *row) {
    const struct dumping *dumping = context;
    text_append_lit(dumping->text, dumping->collection);
    text_append_lit(dumping->text, " ");
    text_append_quoted(dumping->text, row->key);
    text_append_lit(dumping->text, " ");
    text_append_str(dumping->text, row->json);
    text_append_lit(dumping->text, "\n");
    return 0;
}

void bench_dump(struct text *ret) {
    struct reel_view *view;
    struct reel_error error;
    struct dumping dumping = {.text = ret};
    ret->len = 0;
    guard_must(reel_view_open(bench.reel, &view, &error), &error);
    for (size_t n = 0; (dumping.collection = reel_collection_name(bench.reel, n)); n++) {
        int rc = reel_view_list(view, dumping.collection, (struct reel_str){0}, false, dump_row,
                                &dumping);
        if (rc < 0) guard_trouble("cannot list: %s", strerror(-rc));
    }
    reel_view_close(view);
    if (ret->failed) guard_trouble("out of memory");
}

struct reel_str dump_difference(const struct text *dump, const struct text *other) {
    size_t line = 0, at = 0;
    while (at < dump->len && at < other->len && dump->data[at] == other->data[at])
        if (dump->data[at++] == '\n') line = at;
    if (line >= dump->len) return reel_text("none");
    const char *end = memchr(dump->data + line, '\n', dump->len - line);
    return (struct reel_str){dump->data + line, (size_t)(end - dump->data) - line};
}
