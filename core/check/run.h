/* run.h: the parent process: it starts a process for each case of one plugin. */
#ifndef REEL_CHECK_RUN_H
#define REEL_CHECK_RUN_H

#include "base/error.h"
#include "check/sheet.h"

#define CASES_MAX 24

/* The result of one case. */
struct verdict {
    const char *name, *title;
    int result; /* enum check_result; never CHECK_UNDONE at the end */
    char finding[SHOWN_BYTES + 128];
    bool is_of_run; /* `seed` and `shown` are set */
    uint64_t seed;
    char shown[SHOWN_BYTES + 64]; /* the event or command, truncated; or empty */
};

struct verdicts {
    struct verdict list[CASES_MAX];
    size_t count;
};

/* Runs all cases. `sheet` says what to do and receives what is learned about the plugin. It was
 * made by sheet_create. */
int run_cases(struct sheet *sheet, int fd, struct verdicts *ret, struct reel_error *error);

int sheet_create(struct sheet **ret, int *ret_fd, struct reel_error *error);
void sheet_destroy(struct sheet *sheet, int fd);

#endif
