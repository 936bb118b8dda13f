/* case_decide.c: cases about commands. */
#include "check/bench.h"
#include "check/cases.h"
#include "check/guard.h"
#include "check/learn.h"

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

/* Gives the same commands twice for the same records: once to one instance, once to a new instance
 * for each command. */
void case_decided(struct maker *maker) {
    static struct events events;
    static struct text answers[COMMANDS], again;
    struct maker start;
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
