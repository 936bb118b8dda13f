/* rejections.c: see rejections.h. */
#include "daemon/rejections.h"

#include "base/error.h"

static void say_left_out(const struct rejections *rejections) {
    struct reel_error line;
    error_set(&line, "%llu more rejections were not logged: see /v1/rejected",
              (unsigned long long)rejections->left_out);
    rejections->say(line.text);
}

void rejections_end(struct rejections *rejections) {
    if (rejections->left_out > 0) say_left_out(rejections);
    rejections->left_out = 0;
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
                    const struct reel_rejection *list, size_t count, uint64_t total) {
    size_t said = 0;
    if (rejections->lines == 0 || now_ms - rejections->period_ms >= REJECTIONS_PERIOD_MS) {
        rejections->period_ms = now_ms;
        rejections->lines = 0;
        rejections_end(rejections);
    }
    for (; said < count && rejections->lines < REJECTIONS_LINES; rejections->lines++)
        say_one(rejections, &list[said++]);
    rejections->left_out += total - said;
}
