/* command_support.h: a command in one line, for the tests of commands. */
#ifndef TESTS_COMMAND_SUPPORT_H
#define TESTS_COMMAND_SUPPORT_H

#include "support.h"

#include <string.h>

/* A command of `formations` that is no error; NULL for what is not given. */
static inline struct reel_command_result ordered(struct reel *reel, const char *verb,
                                                 const char *key, const char *body,
                                                 const char *idempotency_key) {
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("formations"),
                                           .verb = reel_text(verb),
                                           .key = reel_text(key),
                                           .body = reel_text(body),
                                           .idempotency_key = reel_text(idempotency_key)};
    struct reel_command_result answer;
    struct reel_error error;
    must_ok(reel_command(reel, &request, &answer, &error), error);
    return answer;
}

/* It is refused as said, and nothing is changed. */
static inline void assert_refusal(struct reel *reel, const char *verb, const char *key,
                                  const char *body, reel_refusal refusal, const char *problem) {
    struct reel_position before = position_of(reel);
    test_context("%s of %s: %.200s", verb, key ? key : "nothing", body ? body : "");
    struct reel_command_result answer = ordered(reel, verb, key, body, NULL);
    must(!answer.accepted);
    if (strcmp(answer.problem, problem) != 0)
        support_failed(__FILE__, __LINE__, "%s (%s) instead of %s", answer.problem, answer.detail,
                       problem);
    must(answer.refusal == refusal);
    must(answer.detail[0] != '\0');
    reel_command_result_finish(&answer);
    must(position_of(reel).head == before.head);
    must(position_of(reel).cursor == before.cursor);
    test_context("%s", "");
}

#endif
