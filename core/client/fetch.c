/* fetch.c: see fetch.h. */
#include "client/fetch.h"

#include "base/cleanup.h"
#include "client/problem.h"

int fetch_json(struct http *http, const char *path, json_t **ret, struct failure *failure) {
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    int code = http_ask(http, &(struct http_request){.path = path}, &answer, failure);
    if (code != 0) return code;
    if (answer.status / 100 != 2) return problem_failure(&answer, failure);
    json_t *json = http_read_json(text_str(&answer.body));
    if (!json)
        return failure_advise(failure,
                              failure_set(failure, "%s%s answers with something other than JSON",
                                          http_url(http), path),
                              "Is this URL that of a Reel daemon?");
    *ret = json;
    return 0;
}
