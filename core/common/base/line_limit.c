/* line_limit.c: see line_limit.h. */
#include "base/line_limit.h"

bool line_limit_is_over(const struct line_limit *limit, uint32_t period_ms, uint64_t now_ms) {
    return now_ms - limit->began_ms >= period_ms;
}

uint64_t line_limit_settle(struct line_limit *limit) {
    uint64_t left_out = limit->left_out;
    limit->left_out = 0;
    return left_out;
}

bool line_limit_allow(struct line_limit *limit, uint32_t lines_max, uint32_t period_ms,
                      uint64_t now_ms) {
    if (limit->lines == 0 || line_limit_is_over(limit, period_ms, now_ms)) {
        limit->began_ms = now_ms;
        limit->lines = 0;
    }
    if (limit->lines >= lines_max) return false;
    limit->lines++;
    return true;
}
