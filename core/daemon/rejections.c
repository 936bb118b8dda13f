/* rejections.c: see rejections.h. */
#include "daemon/rejections.h"

#include "base/error.h"

void rejections_end(struct rejections *rejections) {
    struct reel_error line;
    uint64_t left_out = line_limit_settle(&rejections->limit);
    if (left_out == 0) return;
    error_set(&line, "%llu more rejections were not logged: see /v1/rejected",
              (unsigned long long)left_out);
    rejections->say(line.text);
}

static void say_one(const struct rejections *rejections, const struct reel_rejection *rejection) {
    struct reel_error line;
    unsigned long long seq = rejection->seq;
    if (rejection->collection.len > 0)
        error_set(&line, "event %llu was rejected by `%.*s`: %.*s", seq,
                  REEL_FMT(rejection->collection), REEL_FMT(rejection->reason));
    else
        error_set(&line, "event %llu was rejected: %.*s", seq, REEL_FMT(rejection->reason));
    rejections->say(line.text);
}

void rejections_say(struct rejections *rejections, uint64_t now_ms,
                    const struct reel_rejection *const *list, uint64_t total) {
    struct line_limit *limit = &rejections->limit;
    size_t said = 0;
    if (line_limit_is_over(limit, REJECTIONS_PERIOD_MS, now_ms)) rejections_end(rejections);
    while (list[said] && line_limit_allow(limit, REJECTIONS_LINES, REJECTIONS_PERIOD_MS, now_ms))
        say_one(rejections, list[said++]);
    limit->left_out += total - said;
}
