/* since.c: see since.h. */
#include "since.h"

bool since_check_epoch(struct request *request, const struct reel_position *position) {
    const struct uri_param *param = uri_param(&request->uri, "epoch");
    if (!param || reel_str_is(param->value, position->epoch.text)) return true;
    answer_problem(&request->answer, PROBLEM_CONFLICT, "the epoch is %s: the log was replaced",
                   position->epoch.text);
    return false;
}

bool since_check(struct request *request, const struct reel_position *position, uint64_t since) {
    if (!since_check_epoch(request, position)) return false;
    if (since == 0 || since >= position->first_seq - 1) return true; /* seq 0 does not exist */
    answer_problem(&request->answer, PROBLEM_CURSOR_TOO_OLD,
                   "the log begins at %llu: events after %llu were removed",
                   (unsigned long long)position->first_seq, (unsigned long long)since);
    answer_problem_number(&request->answer, "first_seq", position->first_seq);
    return false;
}

bool since_is_known(struct request *request, uint64_t since) {
    struct reel_status status;
    reel_sink_status(request_host_of_sink(request), &status);
    if (since <= status.known_seq) return true;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                   "the log is known to reach %llu: there is no event %llu to continue after",
                   (unsigned long long)status.known_seq, (unsigned long long)since);
    return false;
}
