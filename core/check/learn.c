/* learn.c: see learn.h.
 *
 * Tries an event of each possible type, with the members that the plugin has asked for until then.
 * Types and values of events that were applied are tried more often. The probes run in a process of
 * their own, because the first events lack many members, and the plugin may crash. What the plugin
 * asked for before the crash is kept, and the next process continues after the probe that crashed.
 */
#include "check/learn.h"

#include "check/bench.h"
#include "check/guard.h"
#include "check/observe.h"
#include "check/search.h"
#include "check/trace.h"
#include "check/words.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    DEATHS_MAX = 40,
    HANGS_MAX = 2,      /* each takes long */
    CPU_MS_MAX = 10000, /* a plugin that is not slow takes a tenth, also on slow machines */
    PASSES = 3,         /* over all types */
    PROBES_MORE = 1500, /* with the types that were applied */
};

/* What is learned does not depend on the seed of a run, so each run can be repeated by its own
 * seed. */
#define LEARNING_SEED 1

/* ---- Commands -------------------------------------------------------------------------------- */

static const struct projector *pick_projector(struct maker *maker) {
    const struct projector *found[NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < bench.plugin->projector_count && count < NODES_MAX; i++)
        if (bench.plugin->projectors[i].command_count > 0)
            found[count++] = &bench.plugin->projectors[i];
    return found[chance_below(&maker->random, count)];
}

int try_command(struct maker *maker, bool garbage, uint64_t number, struct reel_command_result *ret,
                struct reel_error *error) {
    const struct projector *projector = pick_projector(maker);
    uint32_t verb = chance_below(&maker->random, projector->command_count);
    struct text key = {0}, body = {0};
    char idempotency_key[32];
    snprintf(idempotency_key, sizeof idempotency_key, "%llu", (unsigned long long)number);
    make_key(maker, garbage, &key);
    make_body(maker,
              lesson_body(maker->lesson, projector->declared.collection,
                          reel_text(projector->commands[verb].verb)),
              &projector->commands[verb], garbage, &body);
    struct reel_command_request request = {
        .struct_size = sizeof request,
        .collection = reel_text(projector->declared.collection),
        .verb = reel_text(projector->commands[verb].verb),
        .key = text_str(&key),
        .body = text_str(&body),
        .idempotency_key = reel_text(idempotency_key), /* gives the key of a new record */
    };
    if (number % 3 == 0) request.principal = reel_text("somebody");
    if (garbage && chance_below(&maker->random, 8) == 0) request.body = (struct reel_str){0};
    if (strcmp(projector->commands[verb].verb, "create") == 0) request.key = (struct reel_str){0};
    bench.drafted.len = 0;
    int rc = reel_command(bench.reel, &request, ret, error);
    bench.decided = NULL;
    text_finish(&key);
    text_finish(&body);
    return rc;
}

/* ---- Probes ---------------------------------------------------------------------------------- */

/* How much the plugin has asked for. An event that makes the plugin ask for more has got further
 * than others, even if it is not applied. */
static size_t amount_asked(const struct lesson *lesson) {
    size_t amount = lesson->node_count;
    for (uint32_t i = 0; i < lesson->node_count; i++)
        amount += (size_t)__builtin_popcount(lesson->nodes[i].asked);
    return amount;
}

static void probe_command(struct maker *maker, uint64_t number) {
    struct reel_command_result answer = {0};
    struct reel_error error;
    size_t asked = amount_asked(maker->lesson);
    trace_forget();
    (void)try_command(maker, false, number, &answer, &error); /* other cases report faults */
    if (answer.accepted || trace_news()->any || amount_asked(maker->lesson) > asked)
        maker_reward(maker);
    reel_command_result_finish(&answer);
}

static void probe_event(struct maker *maker, uint32_t number, struct text *event) {
    struct lesson *lesson = maker->lesson;
    if (number < PASSES * lesson->type_count)
        make_event_of(maker, number % lesson->type_count, event);
    else
        make_event(maker, event);
    size_t asked = amount_asked(lesson);
    trace_forget();
    reel_outcome outcome = bench_apply(event);
    if (outcome == REEL_APPLIED || trace_news()->any || amount_asked(lesson) > asked)
        maker_reward(maker);
    bool broke_a_rule = outcome == REEL_REJECTED && engine_faulted(bench.reel);
    if (broke_a_rule) maker_keep_type(maker); /* a case needs this type to show the fault */
}

static void run_probes(struct sheet *sheet) {
    struct lesson *lesson = &sheet->lesson;
    struct maker maker;
    struct text event = {0};
    uint64_t began_ns = guard_cpu_ns();
    while (lesson->next_probe < PASSES * lesson->type_count + PROBES_MORE) {
        uint32_t number = lesson->next_probe++;
        maker_begin(&maker, lesson, &bench.samples, bench.plugin, LEARNING_SEED + number);
        maker.learns = true;
        if (sheet->has_commands) probe_command(&maker, number);
        probe_event(&maker, number, &event);
        if ((guard_cpu_ns() - began_ns) / 1000000 > CPU_MS_MAX) break;
    }
    text_finish(&event);
}

/* Returns true if the process has tried all probes. */
static bool probe_in_child(struct sheet *sheet) {
    int status;
    pid_t pid = fork();
    if (pid < 0) guard_trouble("cannot fork: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        guard_begin(sheet, true);
        bench_open(sheet);
        observe(&sheet->lesson, &bench.watch);
        search_begin();
        search_types(sheet);
        run_probes(sheet);
        search_types(sheet); /* again, because more wanted members are known now */
        search_values(sheet);
        sheet->lesson.learned = true;
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) guard_trouble("cannot wait: %s", strerror(errno));
    sheet->turn = CHECK_TURN_NONE;
    search_crashed(&sheet->lesson);
    return sheet->lesson.learned;
}

/* ---- The lesson ------------------------------------------------------------------------------ */

/* Removes types that were never applied, except the prefixes. All types that were applied get the
 * same weight, however often they were tried. Those that broke a rule make a fifth of all events,
 * because a case needs them to show the fault. */
static void forget_types(struct lesson *lesson) {
    enum { WANTED = 12 };
    uint32_t kept = 0, sum = 0, broke_count = 0;
    for (uint32_t i = 0; i < lesson->type_count; i++) {
        struct event_type *type = &lesson->types[i];
        if (type->weight <= 1) continue;
        if (type->weight > WANTED) type->weight = WANTED;
        sum += type->weight;
        broke_count += type->broke;
        lesson->types[kept++] = *type;
    }
    lesson->type_count = kept;
    for (uint32_t i = 0; i < kept; i++)
        if (lesson->types[i].broke) lesson->types[i].weight += sum / (4 * broke_count);
}

static void learn_words(struct sheet *sheet) {
    struct lesson *lesson = &sheet->lesson;
    struct plugin *plugin;
    struct reel_error error;
    lesson->node_count = NODES_FIXED;
    lesson->nodes[NODE_DATA].asked = ASKED_MEMBER;
    lesson->nodes[NODE_SUBJECT].asked = ASKED_STR;
    guard_must(plugin_load(sheet->path, &plugin, &error), &error);
    if (sheet->with[0]) guard_must(plugin_load(sheet->with, &plugin->next, &error), &error);
    words_of(lesson, plugin, sheet->path);
    types_of(lesson, plugin);
    plugin_unload(plugin->next);
    plugin_unload(plugin);
}

void learn(struct sheet *sheet) {
    learn_words(sheet);
    int deaths = 0, hangs = 0;
    while (deaths < DEATHS_MAX && hangs < HANGS_MAX && !probe_in_child(sheet)) {
        deaths++;
        hangs += sheet->lesson.hung;
        sheet->lesson.hung = false;
    }
    forget_types(&sheet->lesson);
}
