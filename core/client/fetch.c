/* fetch.c: see fetch.h. */
#include "client/fetch.h"

#include "base/cleanup.h"
#include "client/problem.h"

int fetch_json(struct http *http, const char *path, json_t **ret, struct failure *failure) {
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    int code = http_ask(http, &(struct http_request){.path = path}, &answer, failure);
    if (code != 0) return code;
    if (answer.status / 100 != 2) return problem_failure(&answer, failure);
    json_t *json = exact_json_read(text_str(&answer.body));
    if (!json)
        return failure_advise(failure,
                              failure_set(failure, "%s%s answers with something other than JSON",
                                          http_url(http), path),
                              "Is this URL that of a Reel daemon?");
    *ret = json;
    return 0;
}

int fetch_read_object(struct reel_str text, const char *what, json_t **ret,
                      struct failure *failure) {
    json_t *json = exact_json_read(text);
    if (!json_is_object(json)) {
        json_decref(json);
        return failure_set(failure, "the server has sent something that is not %s", what);
    }
    *ret = json;
    return 0;
}
