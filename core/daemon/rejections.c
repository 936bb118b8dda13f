/* rejections.c: see rejections.h. */
#include "daemon/rejections.h"

#include "daemon/log.h"

#define SELF "reeld"

void rejections_end(struct rejections *rejections) {
    if (rejections->left_out > 0)
        log_line(REEL_LEVEL_WARNING, SELF, "%llu more rejections were not logged: see /v1/rejected",
                 (unsigned long long)rejections->left_out);
    rejections->left_out = 0;
}

static void say(const struct reel_rejection *rejection) {
    if (rejection->collection.len > 0)
        log_line(REEL_LEVEL_WARNING, SELF, "event %llu was rejected by `%.*s`: %.*s",
                 (unsigned long long)rejection->seq, REEL_FMT(rejection->collection),
                 REEL_FMT(rejection->reason));
    else
        log_line(REEL_LEVEL_WARNING, SELF, "event %llu was rejected: %.*s",
                 (unsigned long long)rejection->seq, REEL_FMT(rejection->reason));
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
        say(&list[said++]);
    rejections->left_out += total - said;
}
