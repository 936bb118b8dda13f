/* problem.c: see problem.h. */
#include "client/problem.h"

#include "client/shown.h"

#include <stdio.h>

#define PREFIX "/problems/"

/* What can be done about a problem. */
static const struct {
    const char *type, *advice;
} advices[] = {
    {"unauthorized", "Give a token that the server knows: --token-file, REEL_TOKEN or a context "
                     "(reel help config)."},
    {"forbidden", "Use a token that may do this: commands and events need `write`, looking back "
                  "needs `history`, reel admin needs `admin`."},
    {"not-found", "reel get COLLECTION lists the records, reel plugins lists the collections."},
    {"too-expensive", "Use a filter or an order on an indexed field; reel plugins COLLECTION says "
                      "which fields are indexed."},
    {"precondition-failed", "The record has changed: read it again, and decide again."},
    {"idempotency-key-reused", "The key was used for another command: use a new one."},
    {"not-yet", "Try again later; reel status says how far each collection is."},
    {"generation-changed", "The records were rebuilt: read them again from the beginning."},
    {"payload-too-large", "Send less at once, or smaller events: reel import takes any number."},
    {"event-not-as-declared", "reel plugins COLLECTION shows what the projector declares."},
    {"internal", "The log of the daemon says more."},
};

/* NULL: the answer is not a problem of Reel. Owned by the caller. */
static json_t *read_problem(const struct http_answer *answer) {
    if (!str_begins_caseless(reel_text(answer->content_type), "application/problem+json"))
        return NULL;
    json_t *problem = exact_json_read(text_str(&answer->body));
    if (json_is_object(problem)) return problem;
    json_decref(problem);
    return NULL;
}

static const char *type_of(const json_t *problem) {
    const char *type = json_string_value(json_object_get(problem, "type"));
    if (!type || strncmp(type, PREFIX, strlen(PREFIX)) != 0) return "";
    return type + strlen(PREFIX);
}

bool problem_is(const struct http_answer *answer, const char *type) {
    json_t *problem = read_problem(answer);
    bool is = strcmp(type_of(problem), type) == 0;
    json_decref(problem);
    return is;
}

bool problem_is_passing(const struct http_answer *answer) {
    return answer->status == 408 || answer->status == 429 || answer->status == 502 ||
           answer->status == 503 || answer->status == 504;
}

static void advise(const struct http_answer *answer, const json_t *problem,
                   struct failure *failure) {
    const char *type = type_of(problem);
    json_int_t first_seq = json_integer_value(json_object_get(problem, "first_seq"));
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(type, advices[i].type) == 0) failure_advise(failure, 0, "%s", advices[i].advice);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    if (detail && strcmp(detail, "there is no such route") == 0)
        failure_advise(failure, 0, "The server does not have this. Is it of an older version?");
    if (strcmp(type, "cursor-too-old") == 0 && first_seq > 0)
        failure_advise(
            failure, 0,
            "The log begins with event %lld: `reel events --since %lld` has what is left.",
            (long long)first_seq, (long long)first_seq - 1);
    if (problem_is_passing(answer) && !failure->advice[0] && answer->retry_after_s > 0)
        failure_advise(failure, 0, "Try again in %llu s.",
                       (unsigned long long)answer->retry_after_s);
    else if (problem_is_passing(answer) && !failure->advice[0])
        failure_advise(failure, 0, "Try again later.");
}

int problem_failure(const struct http_answer *answer, struct failure *failure) {
    json_t *problem = read_problem(answer);
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    if (!problem) {
        failure_set(failure, "the server answers with status %ld, and not as Reel does",
                    answer->status);
        failure_advise(failure, 0,
                       answer->status / 100 == 3
                           ? "It redirects to another URL. Redirects are not followed: use that "
                             "URL, if you trust it with the token."
                           : "Is this URL that of a Reel daemon? A gateway may have answered.");
    } else {
        failure_set(failure, "%s (%ld)%s%s", title ? title : "the server said no", answer->status,
                    detail ? ": " : "", detail ? detail : "");
        advise(answer, problem, failure);
    }
    json_decref(problem);
    return EXIT_FAILED;
}
