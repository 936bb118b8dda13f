/* command_support.h: a command in one line, for the tests of commands. */
#ifndef TESTS_COMMAND_SUPPORT_H
#define TESTS_COMMAND_SUPPORT_H

#include "support.h"

#include <string.h>

/* A command of `formations` that is no error; NULL for what is not given. */
static inline struct reel_answer ordered(struct reel *reel, const char *verb, const char *key,
                                         const char *body, const char *idempotency_key) {
    struct reel_order order = {.struct_size = sizeof order,
                               .collection = reel_text("formations"),
                               .verb = reel_text(verb),
                               .key = reel_text(key),
                               .body = reel_text(body),
                               .idempotency_key = reel_text(idempotency_key)};
    struct reel_answer answer;
    struct reel_error error;
    must_ok(reel_command(reel, &order, &answer, &error), error);
    return answer;
}

/* It is refused as said, and nothing is changed. */
static inline void assert_refusal(struct reel *reel, const char *verb, const char *key,
                                  const char *body, reel_refusal refusal, const char *problem) {
    struct reel_position before = position_of(reel);
    test_context("%s of %s: %.200s", verb, key ? key : "nothing", body ? body : "");
    struct reel_answer answer = ordered(reel, verb, key, body, NULL);
    must(!answer.accepted);
    if (strcmp(answer.problem, problem) != 0)
        support_failed(__FILE__, __LINE__, "%s (%s) instead of %s", answer.problem, answer.detail,
                       problem);
    must(answer.refusal == refusal);
    must(answer.detail[0] != '\0');
    reel_answer_done(&answer);
    must(position_of(reel).head == before.head);
    must(position_of(reel).cursor == before.cursor);
    test_context("%s", "");
}

#endif
