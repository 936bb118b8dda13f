/* case_decide.c: cases about commands. */
#include "check/bench.h"
#include "check/cases.h"
#include "check/guard.h"
#include "check/learn.h"
#include "engine/engine.h"
#include "json/value.h"

#include <errno.h>
#include <string.h>

#define COMMANDS 16

void case_commands(struct maker *maker) {
    static struct events events;
    struct reel_command_result answer;
    struct reel_error error;
    make_events(maker, false, &events);
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    for (uint64_t n = 0; n < COMMANDS; n++) {
        int rc = try_command(maker, true, n, &answer, &error);
        if (rc == 0)
            reel_command_result_finish(&answer);
        else if (rc != -EPROTO)
            guard_trouble("%s", error.text);
    }
}

/* Carries out one command, and appends what happened as text. Its own evolve must apply the events
 * that it makes. The host checks that they are not rejected; this function also checks that they
 * are not ignored. */
static void decide_one(struct maker *maker, uint64_t number, struct text *ret) {
    struct reel_command_result answer;
    struct reel_error error;
    int rc = try_command(maker, false, number, &answer, &error);
    if (rc == -EPROTO) guard_found("%s", error.text);
    guard_must(rc, &error);
    if (answer.accepted && bench.evolves > bench.applied)
        guard_found("its evolve ignores what its decide drafted");
    bench.sheet->accepted += answer.accepted;
    bench.sheet->refused += !answer.accepted;
    ret->len = 0;
    text_append_lit(ret, answer.accepted ? "accepted" : answer.problem);
    text_append_lit(ret, " ");
    text_append_lit(ret, answer.accepted ? answer.key : answer.detail);
    text_append_lit(ret, " ");
    text_append_str(ret, text_str(&bench.drafted));
    if (ret->failed) guard_trouble("out of memory");
    reel_command_result_finish(&answer);
}

/* An event that decide drafts must be as the plugin declares it. If the declaration is strict, the
 * host would reject the event. */
static void check_draft(const struct draft *draft, const struct reel_event_info *info) {
    static struct json_parser *parser;
    static struct text data;
    struct json *json;
    struct misfit misfit;
    char sentence[sizeof misfit];
    const char *why;
    if (!parser) parser = json_parser_create(&host_table);
    data.len = 0;
    text_append_str(&data, text_str(&draft->data));
    text_append_lit(&data, "}");
    if (!parser || data.failed) guard_trouble("out of memory");
    if (json_parse(parser, text_str(&data), 0, &json, &why) < 0) return; /* nested too deeply */
    if (info->flags & REEL_EVENT_SUBJECT && !draft->subject.data)
        guard_found("its decide drafts a `%s` without a subject, and declares one", info->type);
    if (fit_object(info->members, json_root(json), "data", &misfit)) return;
    misfit_write(&misfit, sentence, sizeof sentence);
    guard_found("its decide drafts a `%s` that is not as declared: %s", info->type, sentence);
}

static void check_drafts(const struct decision *decision) {
    for (size_t n = 0; n < decision->count; n++)
        for (uint32_t i = 0; i < bench.plugin->projector_count; i++) {
            const struct draft *draft = decision->drafts[n];
            const struct reel_event_info *info =
                fit_find(bench.plugin->projectors[i].declared.events, draft->type, 0);
            if (info) check_draft(draft, info);
        }
}

/* Gives the same commands twice for the same records: once to one instance, once to a new instance
 * for each command. */
void case_decided(struct maker *maker) {
    static struct events events;
    static struct text answers[COMMANDS], again;
    struct maker start;
    bench.watch.after_decide = check_drafts;
    make_events(maker, false, &events);
    start = *maker;
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    for (uint64_t n = 0; n < COMMANDS; n++) decide_one(maker, n, &answers[n]);
    *maker = start;
    bench_fold(&events, FOLD_AT_ONCE, NULL, NULL);
    for (uint64_t n = 0; n < COMMANDS; n++) {
        bench_renew();
        decide_one(maker, n, &again);
        if (!reel_str_eq(text_str(&answers[n]), text_str(&again)))
            guard_found(
                "decide remembers earlier calls: it answers `%.*s`, and `%.*s` after a restart",
                REEL_FMT(text_str(&answers[n])), REEL_FMT(text_str(&again)));
    }
}

/* A finding only with --strict: a command may need records, or a body, that were not made here. */
void case_decided_finish(void) {
    guard_show((struct reel_str){0});
    if (bench.sheet->strict && bench.sheet->accepted == 0)
        guard_found("no command was accepted, so nothing that it drafts was tried");
}
