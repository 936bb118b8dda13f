/* run.h: the parent's side: a process for each case of one plugin. */
#ifndef REEL_CHECK_RUN_H
#define REEL_CHECK_RUN_H

#include "base/error.h"
#include "check/sheet.h"

#define CASES_MAX 24

/* What came of one case. */
struct verdict {
    const char *name, *title;
    int result; /* enum check_result; CHECK_UNDONE is never left */
    char finding[SHOWN_BYTES + 128];
    bool is_of_run; /* `seed` and `shown` say something */
    uint64_t seed;
    char shown[SHOWN_BYTES + 64]; /* the event or command, cut; or empty */
};

struct verdicts {
    struct verdict list[CASES_MAX];
    size_t count;
};

/* Carries out all cases. `sheet` says what is to be done, and later what the plugin is; it is one
 * that sheet_create made. */
int run_cases(struct sheet *sheet, int fd, struct verdicts *ret, struct reel_error *error);

int sheet_create(struct sheet **ret, int *ret_fd, struct reel_error *error);
void sheet_destroy(struct sheet *sheet, int fd);

#endif
